"""The JSON of traces: what a call takes and what it answers."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from apps.core.ids import isoformat
from apps.core.pagination import Page, PageQuery
from apps.formats.search_terms import QUERY_HELP
from apps.formats.trace import TracePayload
from apps.traces.ingest import StoredTrace
from apps.traces.models import LISTED, Score, Trace

META_PREFIX = "meta."


class TraceQuery(PageQuery):
    """The list's filters; any parameter `meta.<key>` is one on a top-level key of meta."""

    source: str | None = None
    q: Annotated[str | None, Field(description=QUERY_HELP)] = None
    ingest_id: Annotated[UUID | None, Field(description="the act that brought it, such as an import")] = None
    meta: Annotated[dict[str, str], Field(exclude=True)] = {}

    @model_validator(mode="before")
    @classmethod
    def gather_meta(cls, values: dict[str, str]) -> dict[str, Any]:
        if "meta" in values:
            raise ValueError("Filter by one key of meta: meta.<key>=<value>")
        gathered = {key: value for key, value in values.items() if key.startswith(META_PREFIX)}
        rest: dict[str, Any] = {key: value for key, value in values.items() if key not in gathered}
        return {**rest, "meta": {key.removeprefix(META_PREFIX): text for key, text in gathered.items()}}


class CompareQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    base: UUID
    other: UUID


class ScoreRequest(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    criteria: Literal["baseline"]


class CreatedTrace(BaseModel):
    id: UUID
    created_at: datetime
    trace_version: str


class CreatedTraces(BaseModel):
    created_count: int
    traces: list[CreatedTrace]


class ListedTrace(CreatedTrace):
    source: str
    score: float
    step_count: int
    char_count: int


class TraceDetail(CreatedTrace):
    payload: TracePayload


class ComparedTrace(TraceDetail):
    score: float


class Comparison(BaseModel):
    base: ComparedTrace
    other: ComparedTrace


class ScoreDetails(BaseModel):
    step_count: int
    avg_step_length: float
    total_chars: Annotated[int, Field(description="of the steps")]
    step_score: float
    length_score: float
    criteria: str
    scored_at: datetime


class Scored(BaseModel):
    trace_id: UUID
    score: float
    details: ScoreDetails


class TracePage(Page[ListedTrace]):
    pass


def created(trace: StoredTrace | Trace) -> dict[str, Any]:
    return {
        "id": str(trace.id),
        "created_at": isoformat(trace.created_at),
        "trace_version": trace.trace_version,
    }


def listed(columns: tuple[Any, ...]) -> dict[str, Any]:
    return dict(zip(LISTED, columns, strict=True))


def detailed(trace: Trace) -> dict[str, Any]:
    return {**created(trace), "payload": trace.payload}


def compared(trace: Trace) -> dict[str, Any]:
    return {
        "id": str(trace.id),
        "created_at": isoformat(trace.created_at),
        "score": trace.score,
        "trace_version": trace.trace_version,
        "payload": trace.payload,
    }


def scored(score: Score) -> dict[str, Any]:
    return {"trace_id": str(score.trace_id), "score": score.value, "details": score.details}
