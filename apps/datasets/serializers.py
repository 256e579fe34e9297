"""The JSON of datasets: what a call takes and what it answers."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

import orjson
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from apps.core.ids import isoformat
from apps.core.json import INT64
from apps.core.pagination import Page, PageQuery, Pagination
from apps.curation.curate import Change
from apps.curation.models import TAG_MAX_LENGTH, tag_name
from apps.curation.serializers import State, TagNames
from apps.datasets.build import Recipe
from apps.datasets.curated import CurationCounts
from apps.datasets.models import (
    NAME_MAX_LENGTH,
    PARENT_MAX_LENGTH,
    RUN_MAX_LENGTH,
    SCHEMA_VERSION,
    SESSION_MAX_LENGTH,
    VERSION_MAX_LENGTH,
    Dataset,
)
from apps.datasets.overlap import MAX_EVALUATION, TAG_PREFIX
from apps.datasets.selection import Where, dataset_where
from apps.formats.flags import FlagName

MAX_LIMIT = 10_000
MAX_TRACE_IDS = 10_000

Limit = Annotated[int, Field(ge=1, le=MAX_LIMIT)] | None
TraceId = Annotated[UUID, Field(strict=False)]
Format = Literal["trace", "tunix_sft", "training_example"]


class BuildRequest(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    dataset_name: Annotated[str, Field(min_length=1, max_length=NAME_MAX_LENGTH)]
    dataset_version: Annotated[str, Field(min_length=1, max_length=VERSION_MAX_LENGTH)]
    filters: Annotated[
        dict[str, Any], Field(description="top-level keys of meta and the values they must equal")
    ] = {}
    where: Annotated[Where, Field(description="what the traces must match beside `filters`")] = Where()
    trace_ids: Annotated[list[TraceId] | None, Field(min_length=1, max_length=MAX_TRACE_IDS)] = None
    limit: Annotated[Limit, Field(description="null takes all that match")] = 100
    selection_strategy: Literal["latest", "random"] = "latest"
    seed: Annotated[int | None, Field(ge=-INT64, lt=INT64)] = None
    session_id: Annotated[str | None, Field(max_length=SESSION_MAX_LENGTH)] = None
    parent_dataset_id: Annotated[str | None, Field(max_length=PARENT_MAX_LENGTH)] = None
    training_run_id: Annotated[str | None, Field(max_length=RUN_MAX_LENGTH)] = None
    replace: Annotated[bool, Field(description="staff only: take over an existing key")] = False

    @model_validator(mode="after")
    def check_selection(self) -> Self:
        if self.trace_ids is None:
            if self.selection_strategy == "random" and self.seed is None:
                raise ValueError("Random selection strategy requires a seed for reproducibility")
            return self
        if self.filters:
            raise ValueError("Give either trace_ids or filters, not both")
        if self.where != Where():
            raise ValueError("Give either trace_ids or where, not both")
        if self.selection_strategy == "random":
            raise ValueError("trace_ids are taken in the order given: random selection does not apply")
        if len(set(self.trace_ids)) < len(self.trace_ids):
            raise ValueError("trace_ids must not name a trace twice")
        if "limit" in self.model_fields_set and self.limit is not None and self.limit < len(self.trace_ids):
            raise ValueError("limit is lower than the number of trace_ids: all of them are taken")
        return self

    @property
    def recipe(self) -> Recipe:
        return Recipe(
            name=self.dataset_name,
            version=self.dataset_version,
            filters=self.filters,
            trace_ids=self.trace_ids,
            limit=None if self.trace_ids is not None else self.limit,
            selection_strategy=self.selection_strategy,
            seed=self.seed,
            session_id=self.session_id,
            parent_dataset_id=self.parent_dataset_id,
            training_run_id=self.training_run_id,
            where=self.where,
        )


def request_of(dataset: Dataset) -> BuildRequest:
    """What builds this dataset again."""
    values = dict(
        dataset_name=dataset.name,
        dataset_version=dataset.version,
        filters=orjson.loads(dataset.filters),
        where=dataset_where(dataset),
        **({"trace_ids": [*dataset.trace_ids()]} if dataset.is_of_given_traces else {"limit": dataset.limit}),
        selection_strategy=dataset.selection_strategy,
        seed=dataset.seed,
        session_id=dataset.session_id,
        parent_dataset_id=dataset.parent_dataset_id,
        training_run_id=dataset.training_run_id,
    )
    return BuildRequest.model_validate(values)


def build_body(request: BuildRequest) -> dict[str, Any]:
    """The shortest JSON that means `request`."""
    return request.model_dump(mode="json", exclude_defaults=True)


class CurateRequest(BaseModel):
    """What is to be said of many traces: of those that match `where`, or of `trace_ids`."""

    model_config = ConfigDict(extra="forbid", strict=True)

    where: Annotated[Where | None, Field(description="{} means all traces")] = None
    trace_ids: Annotated[list[TraceId] | None, Field(min_length=1, max_length=MAX_TRACE_IDS)] = None
    add_tags: TagNames = []
    remove_tags: TagNames = []
    review: State | None = None

    @model_validator(mode="after")
    def check_choice(self) -> Self:
        if (self.where is None) == (self.trace_ids is None):
            raise ValueError("Give either trace_ids or where")
        if not (self.add_tags or self.remove_tags or self.review):
            raise ValueError("Give add_tags, remove_tags or review: else there is nothing to do")
        return self

    @property
    def change(self) -> Change:
        return Change(self.add_tags, self.remove_tags, self.review)


class OverlapRequest(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    name: Annotated[
        str,
        Field(
            min_length=1,
            max_length=TAG_MAX_LENGTH - len(TAG_PREFIX),
            description=f"what overlaps is tagged `{TAG_PREFIX}` and this name",
        ),
        AfterValidator(tag_name),
    ]
    evaluation: Annotated[
        Where, Field(description=f"the traces of the evaluation set, up to {MAX_EVALUATION:,}")
    ]


class Curated(BaseModel):
    traces: Annotated[int, Field(description="how many were meant")]
    tags_added: int
    tags_removed: int
    reviewed: Annotated[int, Field(description="how many did not have this state before")]


class TagCount(BaseModel):
    name: str
    traces: int


class DatasetCuration(BaseModel):
    review: Annotated[dict[State, int], Field(description="traces by their state")]
    tags: Annotated[list[TagCount], Field(description="the 100 that most traces have, these first")]
    flags: Annotated[
        dict[FlagName, int] | None, Field(description="as the build counted them; null before it did")
    ]


class BuildQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    build: Annotated[UUID | None, Field(description="a superseded build of this key")] = None


class DeleteQuery(BuildQuery):
    force: Annotated[bool, Field(description="also delete what was made from it")] = False


class ExportQuery(BuildQuery):
    format: Format = "trace"


class EntryQuery(PageQuery, BuildQuery):
    """A page of the members of one build."""


class Built(BaseModel):
    dataset_key: str
    build_id: UUID
    trace_count: int
    manifest_path: Annotated[str, Field(description="the API path of the dataset manifest")]


class Stats(BaseModel):
    trace_count: int
    avg_step_count: float
    min_step_count: int
    max_step_count: int
    avg_total_chars: Annotated[float, Field(description="of prompt, answer and steps")]


class ListedDataset(BaseModel):
    dataset_key: str
    build_id: UUID
    dataset_name: str
    dataset_version: str
    dataset_schema_version: str
    created_at: datetime
    filters: dict[str, Any]
    where: Where
    selection_strategy: Literal["latest", "random"]
    limit: int | None
    seed: int | None
    trace_count: int
    stats: Stats
    session_id: str | None
    parent_dataset_id: str | None
    training_run_id: str | None
    content_digest: Annotated[
        str,
        Field(description="sha256 over the sha256 (hexadecimal) of each trace's canonical JSON, in order"),
    ]


class DatasetManifest(ListedDataset):
    trace_ids: Annotated[
        list[UUID] | None, Field(description=f"in order; null above {MAX_TRACE_IDS}: see entries")
    ]


class EntryPage(BaseModel):
    data: list[UUID]
    pagination: Pagination


class DatasetPage(Page[ListedDataset]):
    pass


def built(dataset: Dataset) -> dict[str, Any]:
    return {
        "dataset_key": dataset.key,
        "build_id": str(dataset.build_id),
        "trace_count": dataset.trace_count,
        "manifest_path": f"/api/datasets/{dataset.key}",
    }


def listed(dataset: Dataset) -> dict[str, Any]:
    return {
        "dataset_key": dataset.key,
        "build_id": str(dataset.build_id),
        "dataset_name": dataset.name,
        "dataset_version": dataset.version,
        "dataset_schema_version": SCHEMA_VERSION,
        "created_at": isoformat(dataset.created_at),
        "filters": orjson.Fragment(dataset.filters),
        "where": orjson.Fragment(dataset.where),
        "selection_strategy": dataset.selection_strategy,
        "limit": dataset.limit,
        "seed": dataset.seed,
        "trace_count": dataset.trace_count,
        "stats": {name: dataset.stats[name] for name in Stats.model_fields},
        "session_id": dataset.session_id,
        "parent_dataset_id": dataset.parent_dataset_id,
        "training_run_id": dataset.training_run_id,
        "content_digest": dataset.content_digest,
    }


def curation(found: CurationCounts) -> dict[str, Any]:
    tags = [{"name": name, "traces": count} for name, count in found.tags]
    return {"review": found.states, "tags": tags, "flags": found.flags}


def detailed(dataset: Dataset) -> dict[str, Any]:
    is_short = dataset.trace_count <= MAX_TRACE_IDS
    return {**listed(dataset), "trace_ids": [*map(str, dataset.trace_ids())] if is_short else None}
