"""The JSON of the calls about jobs."""

from datetime import datetime
from typing import Annotated, Any, Literal, get_args
from uuid import UUID

from pydantic import BaseModel, Field, JsonValue

from apps.core.ids import isoformat
from apps.core.pagination import Page, PageQuery
from apps.jobs.models import Job

State = Literal["queued", "running", "done", "failed", "cancelled"]
STATES = [*get_args(State)]  # for OpenAPI, to name them


class JobQuery(PageQuery):
    state: State | None = None


class JobListed(BaseModel):
    id: UUID
    title: str
    state: State
    done: Annotated[int, Field(description="rows")]
    total: Annotated[int | None, Field(description="rows, where it is known")]
    rate: Annotated[float | None, Field(description="rows a second")]
    seconds_left: float | None
    reason: Annotated[str | None, Field(description="why it failed")]
    cancel_requested_at: datetime | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class JobDetail(JobListed):
    result: Annotated[JsonValue, Field(description="what came of it, once it is done")]
    log: Annotated[str, Field(description="its end")]


class JobPage(Page[JobListed]):
    pass


def listed(job: Job) -> dict[str, Any]:
    return {
        "id": str(job.pk),
        "title": job.title,
        "state": job.state,
        "done": job.done,
        "total": job.total,
        "rate": job.rate,
        "seconds_left": job.seconds_left,
        "reason": job.reason or None,
        "cancel_requested_at": _time(job.cancel_requested_at),
        "created_at": isoformat(job.created_at),
        "started_at": _time(job.started_at),
        "finished_at": _time(job.finished_at),
    }


def detailed(job: Job) -> dict[str, Any]:
    return {**listed(job), "result": job.result, "log": job.log}


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else isoformat(moment)
