"""What was said of a trace, and of the traces of a page."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import UUID

from apps.curation.models import Note, Review, Tagging
from apps.traces.models import Trace

# The newest of each; more stay stored.
MAX_SHOWN = 100


@dataclass
class Marks:
    """What a row of a list shows."""

    tags: list[str] = field(default_factory=list)
    state: str = Review.State.NEW.value

    @property
    def is_any(self) -> bool:
        return self.is_reviewed or bool(self.tags)

    @property
    def is_reviewed(self) -> bool:
        return self.state != Review.State.NEW


@dataclass(frozen=True)
class Curation:
    """All that was said of one trace; `reviews` and `notes` are the newest MAX_SHOWN."""

    trace: Trace
    tags: list[str]
    reviews: list[Review]
    notes: list[Note]

    @property
    def review(self) -> Review | None:
        """The current one, none for a trace that nobody has reviewed."""
        return self.reviews[0] if self.reviews else None

    @property
    def state(self) -> str:
        return self.review.state if self.review else Review.State.NEW.value


def curation_of(trace: Trace) -> Curation:
    tags = [name for _, name in Tagging.objects.of_traces([trace.pk])]
    reviews = trace.reviews.select_related("created_by").order_by("-pk")[:MAX_SHOWN]
    notes = trace.notes.select_related("created_by").order_by("-pk")[:MAX_SHOWN]
    return Curation(trace, tags, [*reviews], [*notes])


def marks_of(keys: Iterable[UUID]) -> dict[UUID, Marks]:
    marks = {key: Marks() for key in keys}
    for key, name in Tagging.objects.of_traces(marks):
        marks[key].tags.append(name)
    for key, state in Review.objects.of_traces(marks):
        marks[key].state = state
    return marks
