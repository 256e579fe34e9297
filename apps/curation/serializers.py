"""The JSON of what is said of traces."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from apps.accounts.models import User
from apps.core.ids import isoformat
from apps.curation.look import Curation
from apps.curation.models import NOTE_MAX_LENGTH, TAG_MAX_LENGTH, Note, Review, tag_name

MAX_TAGS = 100

_STRICT = ConfigDict(extra="forbid", strict=True)

State = Literal["new", "approved", "rejected"]
STATES = [*get_args(State)]  # for OpenAPI, to name them
TagName = Annotated[str, Field(min_length=1, max_length=TAG_MAX_LENGTH), AfterValidator(tag_name)]
TagNames = Annotated[list[TagName], Field(max_length=MAX_TAGS)]


class TagsRequest(BaseModel):
    model_config = _STRICT

    add: TagNames = []
    remove: TagNames = []

    @model_validator(mode="after")
    def check_any(self) -> Self:
        if not (self.add or self.remove):
            raise ValueError("Name a tag to add or to remove")
        return self


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("A note has words")
    return text


class NoteRequest(BaseModel):
    model_config = _STRICT

    text: Annotated[str, Field(min_length=1, max_length=NOTE_MAX_LENGTH), AfterValidator(_not_blank)]


class ReviewRequest(BaseModel):
    model_config = _STRICT

    state: State


class NotedBy(BaseModel):
    created_at: datetime
    created_by: str | None


class TraceNote(NotedBy):
    text: str


class TraceReview(NotedBy):
    state: State


class TraceCuration(BaseModel):
    tags: list[str]
    state: Annotated[State, Field(description="that of the newest review, else new")]
    reviews: Annotated[list[TraceReview], Field(description="the newest 100, newest first")]
    notes: Annotated[list[TraceNote], Field(description="the newest 100, newest first")]


def described(curation: Curation) -> dict[str, Any]:
    return {
        "tags": curation.tags,
        "state": curation.state,
        "reviews": [{"state": review.state, **_noted(review)} for review in curation.reviews],
        "notes": [{"text": note.text, **_noted(note)} for note in curation.notes],
    }


def _noted(record: Note | Review) -> dict[str, Any]:
    author: User | None = record.created_by
    return {
        "created_at": isoformat(record.created_at),
        "created_by": author.get_username() if author else None,
    }
