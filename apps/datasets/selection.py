"""Which traces are meant: the filters of the list, of a build and of what is done to all that match."""

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any
from uuid import UUID

from django.db import connection
from django.db.models import Exists, OuterRef
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from apps.core.keyset import REACH, count_to
from apps.core.ranges import Bounds
from apps.curation.models import NOT as WITHOUT_TAG
from apps.curation.models import TAG_MAX_LENGTH, tag_name
from apps.curation.select import count_reviewed, count_tagged, in_review, with_tag
from apps.curation.serializers import State
from apps.datasets.models import KEY_MAX_LENGTH, Dataset, DatasetEntry
from apps.formats.flags import FlagName
from apps.formats.search_terms import QUERY_HELP
from apps.formats.split import Split
from apps.formats.trace import SOURCE_MAX_LENGTH
from apps.traces.index import settle_search
from apps.traces.models import FEW, RARE, Hits, Trace, TraceQuerySet

TEXT_MAX_LENGTH = 1_000

# No key of a dataset: these have a dash in their middle.
ANY = "any"
NONE = "none"
NOT = "-"
NEW = "new"

# The filters of a trace's own columns, beside those that other tables have the answer to.
OWN = "own"


# The numbers that may be bounded, and their columns.
COLUMNS = {"steps": "step_count", "chars": "char_count", "score": "score"}
_NAMES = {column: name for name, column in COLUMNS.items()}


def _tag(text: str) -> str:
    name = text.removeprefix(WITHOUT_TAG)
    return f"{WITHOUT_TAG}{tag_name(name)}" if name != text else tag_name(text)


class Where(BaseModel):
    """All of these must hold; what is left out does not matter."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    q: Annotated[
        str | None,
        Field(min_length=1, max_length=TEXT_MAX_LENGTH, description=QUERY_HELP),
    ] = None
    source: Annotated[str | None, Field(min_length=1, max_length=SOURCE_MAX_LENGTH)] = None
    meta: Annotated[
        dict[Annotated[str, Field(min_length=1)], str],
        Field(description="top-level keys of meta; a value matches the string and the JSON scalar it spells"),
    ] = {}
    steps: Annotated[Bounds[int], Field(description="number of steps")] = Bounds[int]()
    chars: Annotated[Bounds[int], Field(description="characters of prompt, steps and final answer")] = Bounds[
        int
    ]()
    score: Bounds[float] = Bounds[float]()
    in_dataset: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=len(NOT) + KEY_MAX_LENGTH,
            description='a key, or one with a leading "-" for traces that are not in it; "any" or "none"',
        ),
    ] = None
    tag: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=len(WITHOUT_TAG) + TAG_MAX_LENGTH,
            description='a tag, or one with a leading "-" for traces that do not have it',
        ),
        AfterValidator(lambda text: None if text is None else _tag(text)),
    ] = None
    ingest_id: Annotated[
        UUID | None,
        # Spelled as text also where types are not changed.
        Field(strict=False, description="the act that brought the trace: that of an import"),
    ] = None
    flag: Annotated[FlagName | None, Field(description="what was found in the trace when it came in")] = None
    split: Annotated[
        Split | None, Field(description="a part by the hash of the prompt: equal prompts are in the same")
    ] = None
    review: Annotated[State | None, Field(description="a trace that nobody has reviewed is new")] = None

    @property
    def named_dataset(self) -> str | None:
        """The key that `in_dataset` names, with or without the dash."""
        return None if self.in_dataset in (None, ANY, NONE) else self.in_dataset.removeprefix(NOT)

    def indexed_by(self, column: str) -> "Where":
        """What the index finds that has the order of `column`; the key's order is also that of a source."""
        name = _NAMES.get(column, "source")
        return Where().model_copy(update={name: getattr(self, name)})

    def bounds(self, column: str) -> Bounds[Any]:
        return getattr(self, _NAMES[column]) if column in _NAMES else Bounds[Any]()


def settle_selection(where: Where) -> None:
    """Before an act on all that it means: of what came in last, search looks through only so much.

    Raises ValidationError (conflict) where it would take long.
    """
    if where.q:
        settle_search()


def select_traces(
    where: Where,
    *,
    among: TraceQuerySet | None = None,
    hits: Hits | None = None,
    is_walked: bool = False,
) -> TraceQuerySet:
    """The traces that `where` means, in no order; `hits` are what its words find, where that is known.

    Raises ValidationError for an unknown dataset.
    """
    leader = None if is_walked or connection.vendor != "sqlite" else _find_leader(where)

    def follows(name: str) -> bool:
        return is_walked or leader not in (None, name)

    found = (Trace.objects.all() if among is None else among).matching(
        **_own_filters(where), meta=where.meta, is_walked=follows(OWN)
    )
    if where.tag is not None:
        found = with_tag(found, where.tag, is_walked=follows("tag"))
    if where.review is not None:
        found = in_review(found, where.review, is_walked=follows("review"))
    if where.in_dataset is not None:
        found = _of_membership(found, where.in_dataset, follows("in_dataset"))
    hits = hits or look_up(where)
    return found.with_hits(hits, is_walked=is_walked) if hits else found


def _find_leader(where: Where) -> str | None:
    """The filter that SQLite begins with: the one that the fewest traces have, OWN for those of columns.

    It has no statistics: it would begin with what is said of traces, or holds them, and read each of these.
    None where there is nothing to choose.
    """
    counts: dict[str, Callable[[], int]] = {}
    if where.tag is not None and not where.tag.startswith(WITHOUT_TAG):
        counts["tag"] = partial(count_tagged, RARE, where.tag)
    if where.review is not None and where.review != NEW:
        counts["review"] = partial(count_reviewed, RARE, where.review)
    if where.named_dataset is not None and where.named_dataset == where.in_dataset:
        counts["in_dataset"] = partial(_count_members, where.named_dataset)
    if counts and (own := _own_filters(where)):
        # First, as its index has more of what is asked for: of what is equally common it is the one.
        counts = {OWN: partial(Trace.objects.fewest, **own), **counts}
    if len(counts) < 2:
        return None
    found = {name: count() for name, count in counts.items()}
    least = min(found, key=found.__getitem__)
    return least if OWN in found or found[least] <= RARE else None


def few_outside(where: Where) -> list[UUID] | None:
    """Where only what is outside of a dataset is meant that holds nearly all: all that is, or more than that.

    Most of it has come after the build. When that is as many as there are outside, none of the others need be
    looked at; else None.
    """
    if where.in_dataset == NONE:
        dataset = Dataset.objects.largest()
    elif where.in_dataset is not None and where.in_dataset.startswith(NOT):
        dataset = Dataset.objects.named(where.in_dataset.removeprefix(NOT))
    else:
        return None
    if dataset is None:
        return None
    outside = count_to(dataset.trace_count + FEW, Trace.objects.all()) - dataset.trace_count
    if outside > FEW:
        return None
    newest = dataset.newest_outside(REACH)
    return newest if len(newest) == outside else None


def _count_members(key: str) -> int:
    return min(Dataset.objects.named(key).trace_count, RARE + 1)


def _own_filters(where: Where) -> dict[str, Any]:
    """Those of columns with an index."""
    filters = {name: getattr(where, name) for name in ("source", "ingest_id", "flag", "split")}
    filters["within"] = {column: bounds for column in _NAMES if (bounds := where.bounds(column))}
    return {name: value for name, value in filters.items() if value}


def look_up(where: Where) -> Hits | None:
    return None if where.q is None else Trace.objects.look_up(where.q)


def _of_membership(found: TraceQuerySet, wanted: str, is_walked: bool) -> TraceQuerySet:
    entries = DatasetEntry.objects.filter(trace=OuterRef("pk"))
    if wanted == ANY:
        return found.filter(Exists(entries))
    if wanted == NONE:
        return found.filter(~Exists(entries))
    dataset = Dataset.objects.named(wanted.removeprefix(NOT))
    if wanted.startswith(NOT):
        return found.filter(~Exists(entries.filter(dataset=dataset)))
    if is_walked:
        return found.filter(Exists(entries.filter(dataset=dataset)))
    return found.filter(entries__dataset=dataset)


def dataset_where(dataset: Dataset) -> Where:
    """The one that this dataset was built with."""
    return Where.model_validate_json(dataset.where)
