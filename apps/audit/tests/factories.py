"""Acts for tests."""

from typing import Any

from apps.audit.caller import Caller
from apps.audit.models import Act
from apps.audit.record import Kind, Verb, record_act


def make_act(**overrides: Any) -> Act:
    values: dict[str, Any] = {"verb": Verb.MADE, "kind": Kind.TRACE, "key": "", "actor": "ada", **overrides}
    verb, kind, key, actor = (values.pop(name) for name in ("verb", "kind", "key", "actor"))
    record_act(verb, kind, key, caller=Caller(None, actor), **values)
    return Act.objects.newest_first()[0]


def told(act: Act) -> tuple[str, str, str, str, int]:
    return act.actor_name, act.verb, act.kind, act.key, act.rows


def all_told() -> list[tuple[str, str, str, str, int]]:
    """Oldest first."""
    return [told(act) for act in Act.objects.order_by("pk")]
