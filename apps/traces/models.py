from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NoReturn
from uuid import UUID

import orjson
from django.conf import settings
from django.db import connection, models
from django.db.models import Q
from django.db.models.functions import Left
from django.db.models.sql.compiler import SQLCompiler

from apps.core.expressions import HyphenatedId, IsoTime, Positive, Walked
from apps.core.fields import TermsField
from apps.core.ids import new_id
from apps.core.ranges import Bounds
from apps.formats.flags import flag_names, values_with
from apps.formats.meta import meta_term, spelled_terms
from apps.formats.records import TraceRow
from apps.formats.split import Split
from apps.formats.trace import SOURCE_MAX_LENGTH, VERSION_MAX_LENGTH, Step

# Below the number of parameters that every SQLite takes in one statement.
IDS_PER_QUERY = 10_000


# What a list shows of a trace: its narrow columns.
LISTED = ("id", "created_at", "trace_version", "source", "score", "step_count", "char_count")

_TEXTS = {"id": HyphenatedId("id"), "created_at": IsoTime("created_at")}


EXCERPT_LENGTH = 200
MAX_SOURCES = 100
NEWEST = 10

# So many keys are quicker found one by one than in a walk over the table.
FEW = 2_000


class StepsField(models.TextField[str, str]):
    """The steps as compact JSON text; `__text=words` looks into their contents, not at the JSON."""


@StepsField.register_lookup
class StepsText(models.Lookup[Any]):
    lookup_name = "text"

    def get_prep_lookup(self) -> str:
        escaped = str(self.rhs).replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        return f"%{escaped}%"

    def as_postgresql(self, compiler: SQLCompiler, connection: Any) -> tuple[str, list[Any]]:
        return self._exists(
            compiler,
            connection,
            "SELECT 1 FROM json_array_elements({column}::json) AS step WHERE step->>'content' ILIKE {words}",
        )

    def as_sqlite(self, compiler: SQLCompiler, connection: Any) -> tuple[str, list[Any]]:
        return self._exists(
            compiler,
            connection,
            "SELECT 1 FROM json_each({column})"
            " WHERE json_extract(value, '$.content') LIKE {words} ESCAPE '\\'",
        )

    def _exists(self, compiler: SQLCompiler, connection: Any, select: str) -> tuple[str, list[Any]]:
        column, before = self.process_lhs(compiler, connection)
        words, after = self.process_rhs(compiler, connection)
        return f"EXISTS({select.format(column=column, words=words)})", [*before, *after]


def _conditions(name: str, bounds: Bounds[int] | Bounds[float]) -> dict[str, Any]:
    ends = {f"{name}__gte": bounds.min, f"{name}__lte": bounds.max}
    return {lookup: value for lookup, value in ends.items() if value is not None}


def find_id(text: str) -> UUID | None:
    """The id that `text` spells, also as the end of an address such as https://example.org/traces/<id>."""
    try:
        return UUID(text.strip().partition("?")[0].rstrip("/").rpartition("/")[2])
    except ValueError:
        return None


class TraceQuerySet(models.QuerySet["Trace"]):
    def newest_first(self) -> "TraceQuerySet":
        """By key: it carries the time of creation, and orders what one millisecond brought."""
        return self.order_by("-id")

    def matching(
        self,
        *,
        source: str | None = None,
        q: str | None = None,
        meta: Mapping[str, str] | None = None,
        within: Mapping[str, Bounds[int] | Bounds[float]] | None = None,
        flag: str | None = None,
        split: Split | None = None,
        is_walked: bool = False,
    ) -> "TraceQuerySet":
        """The list's filters, as a query string spells them; `within` bounds columns of numbers.

        `is_walked` is for a sorted page of what is common: the database then reads in the order of the
        page until that is full, and does not gather all that match in order to sort it.
        """
        conditions: dict[str, Any] = {} if source is None else {"source": source}
        for name, bounds in (within or {}).items():
            conditions |= _conditions(name, bounds)
        if flag is not None:
            conditions["flags__in"] = values_with(flag)
        if split is not None:
            conditions["prompt_hash__lt" if split.part == "validation" else "prompt_hash__gte"] = split.bound
        found = self._walking(conditions) if is_walked else self.filter(**conditions)
        if flag is not None:
            found = found.filter(Positive("flags"))  # else the index of the few that have any is not seen
        if q:
            found = found.filter(Q(prompt__icontains=q) | Q(final_answer__icontains=q) | Q(steps__text=q))
        for key, text in (meta or {}).items():
            spelled = Q()
            for term in spelled_terms(key, text):
                spelled |= Q(meta_terms__has=term)
            found = found.filter(spelled)
        return found.narrowed() if meta else found

    def _walking(self, conditions: Mapping[str, Any]) -> "TraceQuerySet":
        columns = {name.partition("__")[0] for name in conditions}
        found = self.alias(**{f"walked_{column}": Walked(column) for column in columns})
        return found.filter(**{f"walked_{name}": value for name, value in conditions.items()})

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
        keys = self.few_keys()
        return self if keys is None else self.model.objects.with_keys(keys)

    def few_keys(self) -> list[UUID] | None:
        """The keys of all of these traces, None where they are more than FEW."""
        keys = [*self.order_by().values_list("pk", flat=True)[: FEW + 1]]
        return keys if len(keys) <= FEW else None

    def with_keys(self, keys: Iterable[UUID]) -> "TraceQuerySet":
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
        # One for each order of the list, and one for a source: each holds all that the list filters by, so
        # that a walk along it never has to look at the rows themselves.
        indexes = [
            models.Index(fields=["id", "source", "step_count", "char_count", "score"], name="traces_by_age"),
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
