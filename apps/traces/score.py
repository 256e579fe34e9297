from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils import timezone

from apps.accounts.models import User
from apps.audit.record import Verb, record_act
from apps.core.errors import not_found
from apps.core.ids import isoformat
from apps.formats.trace import baseline_score
from apps.traces.models import Score, Trace

CRITERIA = ("baseline",)
BASELINE = CRITERIA[0]

MAX_RECORDS = 10


@dataclass(frozen=True)
class ExplainedScore:
    """A trace's score, what it is made of, and the newest MAX_RECORDS acts of scoring behind it."""

    value: float
    details: dict[str, Any]
    records: list[Score]


def explain_score(trace: Trace) -> ExplainedScore:
    """That of the newest record, else the baseline that was computed at ingest."""
    records = [*trace.scores.select_related("created_by")[:MAX_RECORDS]]
    if records:
        return ExplainedScore(records[0].value, records[0].details, records)
    details: dict[str, Any] = baseline_score(trace.step_lengths)
    return ExplainedScore(details["score"], details, [])


def score_trace(trace: Trace, criteria: str, *, created_by: User | None) -> Score:
    """Append a score record; the trace's own score follows it.

    Raises ValidationError where the trace has been deleted since it was read.
    """
    now = timezone.now()
    details: dict[str, Any] = baseline_score(trace.step_lengths)
    value = details.pop("score")
    details |= {"criteria": criteria, "scored_at": isoformat(now)}
    with transaction.atomic():
        if not Trace.objects.filter(pk=trace.pk).update(score=value):
            raise not_found("Trace", trace.pk)
        record_act(Verb.SCORED_TRACE, trace.pk, details={"criteria": criteria, "score": value})
        return Score.objects.create(
            trace=trace,
            criteria=criteria,
            value=value,
            details=details,
            created_at=now,
            created_by=created_by,
        )
