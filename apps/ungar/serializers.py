"""The JSON of the UNGAR calls."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from apps.core.json import INT64
from apps.core.pagination import Number
from apps.datasets.serializers import MAX_LIMIT
from apps.ungar.generate import MAX_EPISODES, Episode

PREVIEWED = 3


class GenerateRequest(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    count: Annotated[int, Field(ge=1, le=MAX_EPISODES)]
    seed: Annotated[int | None, Field(ge=-INT64, lt=INT64)] = None
    persist: bool = True


class UngarExportQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    limit: Annotated[Number, Field(ge=1, le=MAX_LIMIT)] = 100
    trace_ids: Annotated[str | None, Field(description="ids separated by commas, in the order wanted")] = None

    @property
    def ids(self) -> list[str] | None:
        return None if self.trace_ids is None else self.trace_ids.split(",")


class UngarStatus(BaseModel):
    available: bool
    version: str | None


class Preview(BaseModel):
    trace_id: UUID | None
    game: str
    result: str
    my_card: str


class Generated(BaseModel):
    trace_ids: list[UUID]
    preview: list[Preview]


def generated(episodes: list[Episode]) -> dict[str, Any]:
    return {
        "trace_ids": [str(episode.stored.id) for episode in episodes if episode.stored],
        "preview": [_previewed(episode) for episode in episodes[:PREVIEWED]],
    }


def _previewed(episode: Episode) -> dict[str, Any]:
    meta = episode.payload.meta or {}
    return {
        "trace_id": str(episode.stored.id) if episode.stored else None,
        **{name: meta[name] for name in ("game", "result", "my_card")},
    }
