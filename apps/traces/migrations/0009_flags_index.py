from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [("traces", "0008_flag_existing")]

    operations = [
        migrations.AddIndex(
            model_name="trace",
            index=models.Index(fields=["flags", "id"], condition=Q(flags__gt=0), name="flagged_traces"),
        ),
    ]
