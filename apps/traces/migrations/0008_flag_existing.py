"""The flags of the traces that are there, a batch at a time; begun again it does no harm."""

from collections import defaultdict
from typing import Any
from uuid import UUID

import orjson
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

from apps.formats.flags import flag_trace

BATCH = 1_000
COLUMNS = ("pk", "steps", "final_answer", "char_count", "control_tokens")


def flag_existing(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    traces = apps.get_model("traces", "Trace").objects.using(editor.connection.alias)
    last = UUID(int=0)
    while rows := [*traces.filter(pk__gt=last).order_by("pk").values_list(*COLUMNS)[:BATCH]]:
        last = rows[-1][0]
        flagged: dict[int, list[UUID]] = defaultdict(list)
        for row in rows:
            if flags := _flags(*row[1:]):
                flagged[flags].append(row[0])
        for flags, keys in flagged.items():
            traces.filter(pk__in=keys).update(flags=flags)


def _flags(steps: str, answer: str, chars: int, control_tokens: int) -> int:
    found: list[dict[str, Any]] = orjson.loads(steps)
    contents = [step["content"] for step in found]
    return flag_trace(contents, answer, chars=chars, control_tokens=control_tokens)


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("traces", "0007_flags")]

    operations = [migrations.RunPython(flag_existing, migrations.RunPython.noop)]
