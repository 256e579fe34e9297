"""Search: the words of each trace, an index over them, and the traces whose words are not in it yet.

A trigger puts every new trace into that line, in the transaction that brings it, whichever way it comes;
another takes what is deleted out of it and out of the index. On SQLite a migration that makes traces_trace
anew (any that alters a column) drops its triggers: it must call `watch_traces` again.
"""

from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

SQLITE_TABLES = [
    # The ids ascend: one tree that grows at its end, and no second one for the key.
    "CREATE TABLE traces_unindexedtrace (trace_id char(32) NOT NULL PRIMARY KEY) WITHOUT ROWID",
    # The words come cut and folded, separated by spaces. The tokenizer `ascii` leaves all beyond ASCII as it is.
    "CREATE VIRTUAL TABLE traces_searchindex USING fts5"
    " (body, content='traces_searchtext', content_rowid='id', tokenize='ascii')",
    "CREATE TRIGGER traces_searchtext_added AFTER INSERT ON traces_searchtext BEGIN"
    " INSERT INTO traces_searchindex (rowid, body) VALUES (NEW.id, NEW.body); END",
    "CREATE TRIGGER traces_searchtext_removed AFTER DELETE ON traces_searchtext BEGIN"
    " INSERT INTO traces_searchindex (traces_searchindex, rowid, body) VALUES ('delete', OLD.id, OLD.body); END",
]
SQLITE_NO_TABLES = [
    "DROP TRIGGER traces_searchtext_removed",
    "DROP TRIGGER traces_searchtext_added",
    "DROP TABLE traces_searchindex",
    "DROP TABLE traces_unindexedtrace",
]
SQLITE_TRIGGERS = [
    "CREATE TRIGGER IF NOT EXISTS traces_trace_added AFTER INSERT ON traces_trace BEGIN"
    " INSERT INTO traces_unindexedtrace (trace_id) VALUES (NEW.id); END",
    "CREATE TRIGGER IF NOT EXISTS traces_trace_removed AFTER DELETE ON traces_trace BEGIN"
    " DELETE FROM traces_unindexedtrace WHERE trace_id = OLD.id;"
    " DELETE FROM traces_searchtext WHERE trace_id = OLD.id; END",
]
SQLITE_NO_TRIGGERS = ["DROP TRIGGER traces_trace_removed", "DROP TRIGGER traces_trace_added"]

POSTGRES_TABLES = [
    "CREATE TABLE traces_unindexedtrace (trace_id uuid NOT NULL PRIMARY KEY)",
    # Without positions: these end at 16,383, and a phrase is looked for in the body. The vector stays in the
    # row and the body goes out of it, since nearly all searches need the vector alone.
    "ALTER TABLE traces_searchtext ADD COLUMN vector tsvector"
    " GENERATED ALWAYS AS (array_to_tsvector(string_to_array(body, ' '))) STORED",
    "ALTER TABLE traces_searchtext ALTER COLUMN vector SET STORAGE MAIN",
    "ALTER TABLE traces_searchtext SET (toast_tuple_target = 128)",
    "CREATE INDEX traces_searchindex ON traces_searchtext USING gin (vector)",
]
POSTGRES_NO_TABLES = ["DROP INDEX traces_searchindex", "DROP TABLE traces_unindexedtrace"]
POSTGRES_TRIGGERS = [
    "CREATE FUNCTION traces_trace_added() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
    " INSERT INTO traces_unindexedtrace (trace_id) SELECT id FROM added; RETURN NULL; END $$",
    # First out of the line: who indexes holds the lock there. Then its words are there to be deleted.
    "CREATE FUNCTION traces_trace_removed() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
    " DELETE FROM traces_unindexedtrace USING removed WHERE trace_id = removed.id;"
    " DELETE FROM traces_searchtext USING removed WHERE trace_id = removed.id; RETURN NULL; END $$",
    "CREATE TRIGGER traces_trace_added AFTER INSERT ON traces_trace REFERENCING NEW TABLE AS added"
    " FOR EACH STATEMENT EXECUTE FUNCTION traces_trace_added()",
    "CREATE TRIGGER traces_trace_removed AFTER DELETE ON traces_trace REFERENCING OLD TABLE AS removed"
    " FOR EACH STATEMENT EXECUTE FUNCTION traces_trace_removed()",
]
POSTGRES_NO_TRIGGERS = [
    "DROP TRIGGER traces_trace_removed ON traces_trace",
    "DROP TRIGGER traces_trace_added ON traces_trace",
    "DROP FUNCTION traces_trace_removed",
    "DROP FUNCTION traces_trace_added",
]

ALL_WAIT = "INSERT INTO traces_unindexedtrace (trace_id) SELECT id FROM traces_trace"


def watch_traces(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    _execute(editor, POSTGRES_TRIGGERS, SQLITE_TRIGGERS)


def leave_traces(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    _execute(editor, POSTGRES_NO_TRIGGERS, SQLITE_NO_TRIGGERS)


def create_tables(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    _execute(editor, [*POSTGRES_TABLES, ALL_WAIT], [*SQLITE_TABLES, ALL_WAIT])


def drop_tables(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    _execute(editor, POSTGRES_NO_TABLES, SQLITE_NO_TABLES)


def _execute(editor: BaseDatabaseSchemaEditor, postgres: list[str], sqlite: list[str]) -> None:
    for statement in postgres if editor.connection.vendor == "postgresql" else sqlite:
        editor.execute(statement)


class Migration(migrations.Migration):
    dependencies = [("traces", "0005_prompt_and_act_indexes")]

    operations = [
        migrations.CreateModel(
            name="SearchText",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("trace_id", models.UUIDField(unique=True)),
                ("body", models.TextField()),
            ],
        ),
        migrations.SeparateDatabaseAndState(
            [migrations.RunPython(create_tables, drop_tables)],
            [
                migrations.CreateModel(
                    name="UnindexedTrace",
                    fields=[("trace_id", models.UUIDField(primary_key=True, serialize=False))],
                )
            ],
        ),
        migrations.RunPython(watch_traces, leave_traces),
    ]
