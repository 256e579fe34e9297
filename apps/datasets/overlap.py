"""Which traces share words with an evaluation set, so that its questions do not leak into training.

As open-r1 does: a prompt overlaps where it has any 8 words in a row in common with a prompt of the evaluation
set; case and signs do not matter. A prompt of fewer words overlaps with nothing.
"""

import re
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.db import transaction

from apps.accounts.models import User
from apps.audit.record import Verb, record_act
from apps.core.errors import field_error
from apps.curation.curate import Change, curate_traces
from apps.curation.select import with_tag
from apps.datasets.describe import chips
from apps.datasets.selection import Where, select_traces, settle_selection
from apps.jobs.handlers import handler
from apps.jobs.models import Job
from apps.jobs.start import start_job
from apps.jobs.work import Work
from apps.traces.models import Trace

TAG_PREFIX = "overlaps:"
GRAM = 8
MAX_EVALUATION = 20_000

_PAGE = 5_000
_WORD = re.compile(r"\w+")


def find_overlaps(evaluation: Where, name: str, *, created_by: User | None) -> Job:
    """Start the job that tags what overlaps. Raises ValidationError for a set that is none, or too big."""
    settle_selection(evaluation)
    count = select_traces(evaluation)[: MAX_EVALUATION + 1].count()
    if count == 0:
        raise field_error("evaluation", "No trace matches: there is nothing to overlap with.")
    if count > MAX_EVALUATION:
        raise field_error("evaluation", f"An evaluation set has up to {MAX_EVALUATION:,} traces. More match.")
    said = ", ".join(chip.text for chip in chips(evaluation))
    arguments = {"evaluation": evaluation.model_dump(mode="json", exclude_defaults=True), "name": name}
    return start_job(tag_overlaps, arguments, title=f"Find what overlaps with {said}", created_by=created_by)


@handler
def tag_overlaps(work: Work, *, evaluation: dict[str, Any], name: str) -> dict[str, Any]:
    """Tags every other trace that overlaps; what had the tag before and does not overlap loses it."""
    tag, where = f"{TAG_PREFIX}{name}", Where.model_validate(evaluation)
    settle_selection(where)
    tested = dict(select_traces(where).values_list("pk", "prompt"))
    known = {gram for prompt in tested.values() for gram in _grams(prompt)}
    place = work.checkpoint or _begin(work, tag)
    total = place["done"] + Trace.objects.filter(pk__gt=UUID(place["after"])).count()
    while rows := _page(UUID(place["after"])):
        found = [key for key, prompt in rows if key not in tested and not known.isdisjoint(_grams(prompt))]
        place |= {
            "after": str(rows[-1][0]),
            "done": place["done"] + len(rows),
            "found": place["found"] + len(found),
        }
        with transaction.atomic():
            if found:
                author = work.job.created_by
                traces = Trace.objects.with_keys(found)
                curate_traces(traces, Change([tag]), created_by=author, is_whole=False)
            work.advance(place, place["done"], total)
    _record(work, place, tag, evaluation)
    return {"tag": tag, "evaluation": len(tested), "overlapping": place["found"]}


def _begin(work: Work, tag: str) -> dict[str, Any]:
    place: dict[str, Any] = {"after": str(UUID(int=0)), "done": 0, "found": 0}
    with transaction.atomic():
        before = with_tag(Trace.objects.all(), tag)
        change = Change(remove_tags=[tag])
        cleared = curate_traces(before, change, created_by=work.job.created_by, is_whole=False)
        place["cleared"] = cleared.tags_removed
        work.advance(place, 0)
    return place


def _record(work: Work, place: dict[str, Any], tag: str, evaluation: dict[str, Any]) -> None:
    """Once, also where this is interrupted right after it."""
    cleared = place.get("cleared", 0)
    if place.get("is_recorded") or not (place["found"] or cleared):
        return
    with transaction.atomic():
        details = {"evaluation": evaluation, "tagged_before": cleared}
        record_act(Verb.FOUND_OVERLAPS, tag, rows=place["found"], details=details)
        work.advance({**place, "is_recorded": True}, place["done"], place["done"])


def _page(after: UUID) -> list[tuple[UUID, str]]:
    rows = Trace.objects.filter(pk__gt=after).order_by("pk").values_list("pk", "prompt")
    return [*rows[:_PAGE]]


def _grams(text: str) -> Iterator[int]:
    """As numbers, which are compared within one process alone."""
    words = _WORD.findall(text.casefold())
    return map(hash, zip(*(words[n:] for n in range(GRAM)), strict=False))
