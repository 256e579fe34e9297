"""Acts for tests."""

from typing import Any

from django.db import connection

from apps.audit.caller import Caller
from apps.audit.models import Act
from apps.audit.record import Verb, record_act


def make_act(**overrides: Any) -> Act:
    values: dict[str, Any] = {"verb": Verb.MADE_TRACE, "key": "", "actor": "ada", **overrides}
    verb, key, actor = (values.pop(name) for name in ("verb", "key", "actor"))
    record_act(verb, key, caller=Caller(None, actor), **values)
    return Act.objects.newest_first()[0]


# Of the statements that Django sees: PostgreSQL's is one of those that stay planned.
STATEMENTS_SEEN = 1 if connection.vendor == "sqlite" else 0


def told(act: Act) -> tuple[str, str, str, int]:
    return act.actor_name, act.verb, act.key, act.rows


def all_told() -> list[tuple[str, str, str, int]]:
    """Oldest first."""
    return [told(act) for act in Act.objects.order_by("pk")]
