from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from typing import Any, NoReturn
from uuid import UUID

import orjson
from django.conf import settings
from django.db import connection, models
from django.db.models import Q
from django.db.models.functions import Left

from apps.core.expressions import HyphenatedId, IsoTime, Positive, Unindexed
from apps.core.fields import TermsField
from apps.core.ids import new_id
from apps.core.keyset import Count, count_rows, count_to
from apps.core.ranges import Bounds
from apps.formats.flags import flag_names, values_with
from apps.formats.meta import meta_term, spelled_terms
from apps.formats.records import TraceRow
from apps.formats.search_terms import is_found, parse_query, search_body
from apps.formats.split import Split
from apps.formats.trace import SOURCE_MAX_LENGTH, VERSION_MAX_LENGTH, Step
from apps.traces.models.search import Hits, Searched, SearchText, UnindexedTrace, count_found, found_ids

__all__ = ["Hits", "Score", "SearchText", "Trace", "TraceQuerySet", "UnindexedTrace", "find_id", "texts_of"]

# Below the number of parameters that every SQLite takes in one statement.
IDS_PER_QUERY = 10_000


# What a list shows of a trace: its narrow columns.
LISTED = ("id", "created_at", "trace_version", "source", "score", "step_count", "char_count")

_TEXTS = {"id": HyphenatedId("id"), "created_at": IsoTime("created_at")}


EXCERPT_LENGTH = 200
MAX_SOURCES = 100
NEWEST = 10

# So many of the newest, and characters of them, are looked through where the index does not know them yet.
MAX_UNINDEXED = 500
MAX_UNINDEXED_CHARACTERS = 300_000

# The columns that search looks through.
TEXTS = ("prompt", "final_answer", "steps")

# Of filters that SQLite can begin with, one that so many traces or fewer have is worth finding.
RARE = 100_000

# So many keys are quicker found one by one than in a walk over the table.
FEW = 2_000


class StepsField(models.TextField[str, str]):
    """The steps as compact JSON text."""


def _conditions(name: str, bounds: Bounds[int] | Bounds[float]) -> dict[str, Any]:
    ends = {f"{name}__gte": bounds.min, f"{name}__lte": bounds.max}
    return {lookup: value for lookup, value in ends.items() if value is not None}


def texts_of(prompt: str, final_answer: str, steps: str) -> list[str]:
    """All that search looks through; `steps` is the column."""
    return [prompt, final_answer, *(step["content"] for step in orjson.loads(steps))]


def find_id(text: str) -> UUID | None:
    """The id that `text` spells, also as the end of an address such as https://example.org/traces/<id>."""
    try:
        return UUID(text.strip().partition("?")[0].rstrip("/").rpartition("/")[2])
    except ValueError:
        return None


def _column(lookup: str) -> str:
    return lookup.partition("__")[0]


class TraceQuerySet(models.QuerySet["Trace"]):
    def newest_first(self) -> "TraceQuerySet":
        """By key: it carries the time of creation, and orders what one millisecond brought."""
        return self.order_by("-id")

    def matching(
        self,
        *,
        source: str | None = None,
        meta: Mapping[str, str] | None = None,
        within: Mapping[str, Bounds[int] | Bounds[float]] | None = None,
        ingest_id: UUID | None = None,
        flag: str | None = None,
        split: Split | None = None,
        is_walked: bool = False,
    ) -> "TraceQuerySet":
        """The list's filters, as a query string spells them; `within` bounds columns of numbers.

        `is_walked` keeps the database from an index of these: it looks at row after row in the order that
        is asked for. For what is so common that some match is always near.
        """
        conditions: dict[str, Any] = {} if source is None else {"source": source}
        if ingest_id is not None:
            conditions["ingest_id"] = ingest_id
        for name, bounds in (within or {}).items():
            conditions |= _conditions(name, bounds)
        if split is not None:
            conditions["prompt_hash__lt" if split.part == "validation" else "prompt_hash__gte"] = split.bound
        found = self._walking(conditions) if is_walked else self._searching(conditions)
        if flag is not None:
            wanted = {"flags__in": values_with(flag)}
            # Apart and spelled so: else the index of the few that have any is not seen.
            found = found._walking(wanted) if is_walked else found.filter(Positive("flags"), **wanted)
        for key, text in (meta or {}).items():
            spelled = Q()
            for term in spelled_terms(key, text):
                spelled |= Q(meta_terms__has=term)
            found = found.filter(spelled)
        return found.narrowed() if meta and not is_walked else found

    def fewest(
        self, *, within: Mapping[str, Bounds[int] | Bounds[float]] | None = None, **filters: Any
    ) -> int:
        """Of these filters of `matching`, how many have what the fewest have: up to RARE and one more."""
        singly = [{name: value} for name, value in filters.items()]
        singly += [{"within": {column: bounds}} for column, bounds in (within or {}).items()]
        return min(count_to(RARE, self.matching(**each)) for each in singly)

    def searched(self, q: str, *, is_walked: bool = False) -> "TraceQuerySet":
        return self.with_hits(self.model.objects.look_up(q), is_walked=is_walked)

    def with_hits(self, hits: Hits, *, is_walked: bool = False) -> "TraceQuerySet":
        """Behind all other filters: SQLite asks in this order, and to look for words costs the most."""
        if hits.indexed <= FEW:
            return self.with_keys({*found_ids(hits.sought), *hits.waiting} if hits.sought else [])
        return self.filter(Searched("pk", hits, is_walked=is_walked or hits.are_common))

    def look_up(self, q: str) -> Hits:
        """All traces with all words and phrases of `q` (see parse_query); none where it has no word."""
        sought = parse_query(q)
        if not sought:
            return Hits(sought, 0, [], Count(0))
        newest, overlooked = self._unindexed()
        rows = self.model.objects.with_keys(newest).values_list("pk", *TEXTS) if newest else []
        waiting = [id for id, *texts in rows if is_found(sought, search_body(texts_of(*texts)))]
        return Hits(sought, count_found(sought), waiting, overlooked)

    def _unindexed(self) -> tuple[list[UUID], Count]:
        """The newest that the index does not know yet, as many as every search can bear to look through, and
        how many there are beside these.
        """
        line = UnindexedTrace.objects.all()
        newest = line.order_by("-trace_id").values("trace_id")[: MAX_UNINDEXED + 1]
        rows = [*self.model.objects.filter(pk__in=newest).newest_first().values_list("pk", "char_count")]
        totals = accumulate(size for _, size in rows[:MAX_UNINDEXED])
        within = max(1, sum(total <= MAX_UNINDEXED_CHARACTERS for total in totals))
        ids = [id for id, _ in rows[:within]]
        if len(ids) == len(rows):
            return ids, Count(0)
        waiting = count_rows(line)
        return ids, Count(max(0, waiting.number - len(ids))) if waiting.is_exact else waiting

    def _walking(self, conditions: Mapping[str, Any]) -> "TraceQuerySet":
        columns = {_column(name) for name in conditions}
        found = self.alias(**{f"walked_{column}": Unindexed(column) for column in columns})
        return found.filter(**{f"walked_{name}": value for name, value in conditions.items()})

    def _searching(self, conditions: Mapping[str, Any]) -> "TraceQuerySet":
        """By the index of the rarest. PostgreSQL knows which one that is; SQLite goes by the form of each."""
        own: dict[str, dict[str, Any]] = {}
        for name, value in conditions.items():
            own.setdefault(_column(name), {})[name] = value
        if connection.vendor != "sqlite" or len(own) < 2:
            return self.filter(**conditions)
        counts = {column: count_to(RARE, self.filter(**of_column)) for column, of_column in own.items()}
        rarest = min(counts, key=counts.__getitem__)
        if counts[rarest] > RARE:
            return self.filter(**conditions)
        rest = {name: value for name, value in conditions.items() if _column(name) != rarest}
        return self.filter(**own[rarest])._walking(rest)

    def with_meta(self, filters: Mapping[str, Any]) -> "TraceQuerySet":
        """Strictly: `1` is neither `"1"` nor `true`, `1` equals `1.0`, null is only an explicit null."""
        found = self
        for key, value in filters.items():
            found = found.filter(meta_terms__has=meta_term(key, value))
        return found.narrowed() if filters else found

    def narrowed(self) -> "TraceQuerySet":
        """The same traces; where they are few, by their keys.

        PostgreSQL cannot tell a rare term from a common one. Asked for the newest that have it, it takes
        it for common and walks over the whole table from its end, past the index that has the few.
        """
        if connection.vendor != "postgresql":
            return self
        found = self.order_by()
        # To bring thousands of keys here only to see that they are too many would cost more.
        if found[FEW : FEW + 1].exists():
            return self
        return self.model.objects.with_keys(found.values_list("pk", flat=True))

    def first_ids(self, limit: int) -> list[UUID]:
        return [*self.order_by("pk").values_list("pk", flat=True)[:limit]]

    def with_keys(self, keys: Iterable[UUID | str]) -> "TraceQuerySet":
        # No trace has the nil UUID; an empty list would be a query that Django does not write out.
        return self.filter(pk__in=[*keys] or [UUID(int=0)])

    def up_to(self, newest: UUID) -> "TraceQuerySet":
        """Without what came in after `newest`: keys ascend with time."""
        return self.filter(pk__lte=newest)

    def spelled(self, text: str) -> "Trace | None":
        """The trace whose id, or the address of whose page, is `text`."""
        id = find_id(text)
        return self.filter(pk=id).select_related("created_by").first() if id else None

    def of_source(self, source: str) -> "TraceQuerySet":
        return self.filter(source=source)

    def of_act(self, ingest_id: UUID) -> "TraceQuerySet":
        """What one act brought."""
        return self.filter(ingest_id=ingest_id)

    def with_prompts(self, hashes: Iterable[str]) -> "TraceQuerySet":
        return self.filter(prompt_hash__in=[*hashes])

    def brought_after(self, newest: UUID, *, but_by: UUID, prompts: Iterable[str]) -> "TraceQuerySet":
        """By other acts, behind `newest` in age: walked over, for these are few and the prompts' many."""
        walked = self._walking({"prompt_hash__in": [*prompts]})
        return walked.filter(pk__gt=newest).exclude(ingest_id=but_by)

    def newest_ids(self, limit: int) -> models.QuerySet["Trace", UUID]:
        return self.newest_first().values_list("id", flat=True)[:limit]

    def missing(self, ids: Iterable[UUID]) -> list[UUID]:
        """Those of `ids` that are no trace, in the order given."""
        wanted = list(ids)
        known: set[UUID] = set()
        for start in range(0, len(wanted), IDS_PER_QUERY):
            page = wanted[start : start + IDS_PER_QUERY]
            known.update(self.filter(pk__in=page).values_list("pk", flat=True))
        return [id for id in wanted if id not in known]

    def sources(self) -> list[str]:
        """The first MAX_SOURCES names that occur, in order: each found behind the one before, for to look
        for distinct ones is to walk over the whole table.
        """
        table = self.model._meta.db_table
        with connection.cursor() as cursor:
            cursor.execute(
                f"WITH RECURSIVE found(source) AS (SELECT min(source) FROM {table} UNION ALL"
                f" SELECT (SELECT min(source) FROM {table} WHERE source > found.source)"
                " FROM found WHERE found.source IS NOT NULL)"
                " SELECT source FROM found WHERE source IS NOT NULL AND source <> '' LIMIT %s",
                [MAX_SOURCES],
            )
            return [source for (source,) in cursor]

    def excerpts(self, keys: Sequence[UUID]) -> list["Trace"]:
        """For a table, in this order: beginnings instead of the long texts, which stay in the database."""
        found = self.with_keys(keys).with_excerpts().in_bulk()
        return [found[key] for key in keys if key in found]

    def with_excerpts(self) -> "TraceQuerySet":
        rows = self.defer("prompt", "final_answer", "steps", "meta", "meta_terms")
        return rows.annotate(
            prompt_excerpt=Left("prompt", EXCERPT_LENGTH), answer_excerpt=Left("final_answer", EXCERPT_LENGTH)
        )

    def newest_excerpts(self) -> list["Trace"]:
        return self.excerpts([*self.newest_ids(NEWEST)])

    def listed(self) -> models.QuerySet["Trace", Any]:
        """LISTED as tuples: a page of the list needs neither texts nor instances."""
        return self.values_list(*(_TEXTS.get(name, name) for name in LISTED))

    def rows(self) -> models.QuerySet["Trace", Any]:
        """TraceRow's fields as plain tuples: model instances would double the cost of an export."""
        return self.values_list(*(_TEXTS.get(name, name) for name in TraceRow._fields))


class Trace(models.Model):
    """One reasoning trace. Immutable: there is no update path, and `save` refuses one.

    The columns that lists and filters read stand before the long texts, so that SQLite need not
    walk through those to reach them.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    created_at = models.DateTimeField(editable=False)
    source = models.CharField(max_length=SOURCE_MAX_LENGTH, blank=True)
    trace_version = models.CharField(max_length=VERSION_MAX_LENGTH)
    step_count = models.PositiveIntegerField()
    char_count = models.PositiveIntegerField(help_text="of prompt, steps and final answer")
    control_tokens = models.PositiveIntegerField(help_text="in prompt, steps and final answer")
    flags = models.PositiveSmallIntegerField(db_default=0, help_text="bits of apps.formats.flags")
    score = models.FloatField(help_text="baseline at ingest, then that of the latest score record")
    content_digest = models.CharField(max_length=64, help_text="sha256 of the five fields")
    prompt_hash = models.CharField(max_length=16, help_text="of the folded prompt, for splits")
    ingest_id = models.UUIDField(help_text="the act that brought it")
    external_id = models.CharField(max_length=256, null=True, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, db_index=False, related_name="+"
    )
    meta_terms = TermsField(blank=True)
    prompt = models.TextField()
    final_answer = models.TextField()
    steps = StepsField()
    meta = models.TextField(help_text="JSON text: an object or null")

    objects = TraceQuerySet.as_manager()

    class Meta:
        # One for each order of the list but that of age, which is the key's, and one for a source: each holds
        # all that the list filters and sorts by, so that rows are looked at without reading them.
        indexes = [
            models.Index(
                fields=["source", "id", "step_count", "char_count", "score"], name="traces_by_source"
            ),
            models.Index(
                fields=["step_count", "id", "source", "char_count", "score"], name="traces_by_steps"
            ),
            models.Index(
                fields=["char_count", "id", "source", "step_count", "score"], name="traces_by_characters"
            ),
            # Few have any; one value a combination, so that a flag is some of these values.
            models.Index(fields=["flags", "id"], condition=Q(flags__gt=0), name="flagged_traces"),
            models.Index(
                fields=["score", "id", "source", "step_count", "char_count"], name="traces_by_score"
            ),
            models.Index(fields=["prompt_hash"], name="traces_by_prompt"),
            models.Index(fields=["ingest_id"], name="traces_by_act"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["source", "external_id"],
                condition=Q(external_id__isnull=False),
                name="one_external_id_per_source",
            )
        ]

    def __str__(self) -> str:
        return str(self.pk)

    def save(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise TypeError("A trace is immutable and comes in through apps.traces.ingest only.")

    @property
    def payload(self) -> dict[str, Any]:
        """The five fields as they were accepted; steps and meta are the stored text, unparsed."""
        return {
            "trace_version": self.trace_version,
            "prompt": self.prompt,
            "final_answer": self.final_answer,
            "steps": orjson.Fragment(self.steps),
            "meta": orjson.Fragment(self.meta),
        }

    @property
    def flag_names(self) -> list[str]:
        return flag_names(self.flags)

    @property
    def step_list(self) -> list[Step]:
        steps: list[Step] = orjson.loads(self.steps)
        return steps

    @property
    def step_lengths(self) -> list[int]:
        return [len(step["content"]) for step in self.step_list]


class Score(models.Model):
    """One act of scoring, appended and never changed."""

    trace = models.ForeignKey(Trace, models.CASCADE, related_name="scores")
    criteria = models.CharField(max_length=64)
    value = models.FloatField()
    details = models.JSONField()
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.value} of {self.trace_id}"
