from typing import Any

from django.db import transaction
from django.utils import timezone

from apps.accounts.models import User
from apps.core.ids import isoformat
from apps.formats.trace import baseline_score
from apps.traces.models import Score, Trace

CRITERIA = ("baseline",)


def score_trace(trace: Trace, criteria: str, *, created_by: User | None) -> Score:
    """Append a score record; the trace's own score follows it."""
    now = timezone.now()
    details: dict[str, Any] = baseline_score(trace.step_lengths)
    value = details.pop("score")
    details |= {"criteria": criteria, "scored_at": isoformat(now)}
    with transaction.atomic():
        Trace.objects.filter(pk=trace.pk).update(score=value)
        return Score.objects.create(
            trace=trace,
            criteria=criteria,
            value=value,
            details=details,
            created_at=now,
            created_by=created_by,
        )
