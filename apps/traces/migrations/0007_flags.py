"""The column by hand on SQLite: Django would write the whole table anew, without the indexes and triggers that
it does not know of.
"""

from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import ProjectState


class AddFlags(migrations.AddField):
    def database_forwards(
        self, app_label: str, editor: BaseDatabaseSchemaEditor, before: ProjectState, after: ProjectState
    ) -> None:
        if editor.connection.vendor != "sqlite":
            super().database_forwards(app_label, editor, before, after)
            return
        kind = 'smallint unsigned NOT NULL DEFAULT 0 CHECK ("flags" >= 0)'
        editor.execute(f'ALTER TABLE "traces_trace" ADD COLUMN "flags" {kind}')

    def database_backwards(
        self, app_label: str, editor: BaseDatabaseSchemaEditor, before: ProjectState, after: ProjectState
    ) -> None:
        if editor.connection.vendor != "sqlite":
            super().database_backwards(app_label, editor, before, after)
            return
        editor.execute('ALTER TABLE "traces_trace" DROP COLUMN "flags"')


class Migration(migrations.Migration):
    dependencies = [("traces", "0006_search")]

    operations = [
        AddFlags(
            model_name="trace",
            name="flags",
            field=models.PositiveSmallIntegerField(db_default=0, help_text="bits of apps.formats.flags"),
        ),
    ]
