"""The order of age has the key's own index. PostgreSQL reads an index without the rows only where a vacuum has
been since they came; by itself it comes when a fifth of the table is new, too late for the pages of a big one.
"""

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps


def vacuum_often(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    if editor.connection.vendor == "postgresql":
        editor.execute(
            "ALTER TABLE traces_trace SET"
            " (autovacuum_vacuum_insert_threshold = 10000, autovacuum_vacuum_insert_scale_factor = 0.01)"
        )


def vacuum_as_usual(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    if editor.connection.vendor == "postgresql":
        editor.execute(
            "ALTER TABLE traces_trace RESET"
            " (autovacuum_vacuum_insert_threshold, autovacuum_vacuum_insert_scale_factor)"
        )


class Migration(migrations.Migration):
    dependencies = [("traces", "0003_list_indexes")]

    operations = [
        migrations.RemoveIndex(model_name="trace", name="traces_by_age"),
        migrations.RunPython(vacuum_often, vacuum_as_usual),
    ]
