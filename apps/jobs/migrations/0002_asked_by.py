from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps
from django.db.models import OuterRef, Subquery


def name_askers(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    """Of the jobs that are there, those with an account."""
    name = apps.get_model("accounts", "User").objects.filter(pk=OuterRef("created_by")).values("username")
    found = apps.get_model("jobs", "Job").objects.exclude(created_by=None)
    found.update(asked_by=Subquery(name))


class Migration(migrations.Migration):
    dependencies = [("jobs", "0001_initial")]

    operations = [
        migrations.AddField(
            "job", "asked_by", models.CharField(blank=True, default="", max_length=150), False
        ),
        migrations.AddField(
            "job", "token_name", models.CharField(blank=True, default="", max_length=64), False
        ),
        migrations.AddField("job", "address", models.CharField(blank=True, default="", max_length=64), False),
        migrations.RunPython(name_askers, migrations.RunPython.noop),
    ]
