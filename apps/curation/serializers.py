"""The JSON of what is said of traces."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self, get_args
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from apps.accounts.models import User
from apps.core.ids import isoformat
from apps.core.pagination import Page, PageQuery, Pagination
from apps.curation.groups import MAX_LISTED, Summary
from apps.curation.look import Curation
from apps.curation.models import (
    DEFAULT_THRESHOLD,
    DUPLICATE_PREFIX,
    MIN_THRESHOLD,
    NOTE_MAX_LENGTH,
    SEARCH_NAME_MAX_LENGTH,
    TAG_MAX_LENGTH,
    DuplicateMember,
    DuplicateSearch,
    Note,
    Review,
    tag_name,
)
from apps.formats.flags import FlagName

MAX_TAGS = 100

_STRICT = ConfigDict(extra="forbid", strict=True)

State = Literal["new", "approved", "rejected"]
STATES = [*get_args(State)]  # for OpenAPI, to name them
Compared = Literal["prompt", "trace"]
SearchState = Literal["running", "done", "failed", "cancelled", "removing"]
SEARCH_STATES = [*get_args(SearchState)]
GroupState = Literal["open", "kept", "dismissed"]
GROUP_STATES = [*get_args(GroupState)]
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
    flags: Annotated[list[FlagName], Field(description="what was found in the trace when it came in")]


def described(curation: Curation) -> dict[str, Any]:
    return {
        "tags": curation.tags,
        "state": curation.state,
        "reviews": [{"state": review.state, **_noted(review)} for review in curation.reviews],
        "notes": [{"text": note.text, **_noted(note)} for note in curation.notes],
        "flags": curation.trace.flag_names,
    }


def _noted(record: Note | Review) -> dict[str, Any]:
    return {"created_at": isoformat(record.created_at), "created_by": _name(record.created_by)}


def _name(author: User | None) -> str | None:
    return author.get_username() if author else None


class DuplicateRequest(BaseModel):
    model_config = _STRICT

    name: Annotated[
        str,
        Field(
            min_length=1,
            max_length=SEARCH_NAME_MAX_LENGTH,
            description=f"a duplicate of another trace is tagged `{DUPLICATE_PREFIX}` and this name",
        ),
        AfterValidator(tag_name),
    ]
    compared: Annotated[Compared, Field(description="trace: prompt, steps and answer")] = "prompt"
    threshold: Annotated[
        float,
        Field(
            ge=MIN_THRESHOLD,
            le=1,
            description="the share of three words in a row that both must have of those that either has;"
            " 1 for equal ones alone, in Unicode NFC and with white space folded",
        ),
    ] = DEFAULT_THRESHOLD


class DuplicateSearchDetail(BaseModel):
    id: UUID
    name: str
    tag: Annotated[str, Field(description="of each trace of a group but the one that is kept")]
    compared: Compared
    threshold: float
    state: SearchState
    reason: Annotated[str | None, Field(description="why it did not end well")]
    traces: Annotated[int, Field(description="compared")]
    groups: Annotated[int, Field(description="found")]
    duplicates: Annotated[int, Field(description="found beside the ones that are kept")]
    job_id: UUID | None
    created_at: datetime
    created_by: str | None
    finished_at: datetime | None


class DuplicateSearchPage(Page[DuplicateSearchDetail]):
    pass


class GroupQuery(PageQuery):
    state: GroupState | None = None


class GroupMember(BaseModel):
    trace_id: UUID
    is_kept: bool
    similarity: Annotated[float, Field(description="to the one that the search chose to keep")]


class DuplicateGroupListed(BaseModel):
    id: int
    state: Annotated[GroupState, Field(description="open: nobody went through it yet")]
    size: Annotated[int, Field(description="traces")]
    kept: Annotated[UUID | None, Field(description="null for some seconds after it was deleted")]
    resolved_at: datetime | None
    resolved_by: str | None
    members: Annotated[
        list[GroupMember],
        Field(description=f"the first {MAX_LISTED}, those that are most alike first"),
    ]


class DuplicateGroupPage(Page[DuplicateGroupListed]):
    pass


class DuplicateGroupDetail(DuplicateGroupListed):
    members: Annotated[
        list[GroupMember], Field(description="a page of them, those that are most alike first")
    ]
    pagination: Pagination


class ResolveRequest(BaseModel):
    """What is said of a group: which trace is kept, or that these are no duplicates."""

    model_config = _STRICT

    keep: Annotated[UUID | None, Field(strict=False, description="the others have the tag")] = None
    delete_others: Annotated[bool, Field(description="staff only: of the trace that is kept")] = False
    dismiss: Annotated[bool, Field(description="no duplicates: none has the tag")] = False

    @model_validator(mode="after")
    def check_one(self) -> Self:
        if (self.keep is None) != self.dismiss:
            raise ValueError("Give either keep or dismiss")
        if self.delete_others and self.dismiss:
            raise ValueError("Others are deleted only of a trace that is kept")
        return self


def search_described(search: DuplicateSearch) -> dict[str, Any]:
    return {
        "id": str(search.pk),
        "name": search.name,
        "tag": search.tag,
        "compared": search.compared,
        "threshold": search.threshold,
        "state": search.state,
        "reason": search.reason or None,
        "traces": search.trace_count,
        "groups": search.group_count,
        "duplicates": search.duplicate_count,
        "job_id": None if search.job_id is None else str(search.job_id),
        "created_at": isoformat(search.created_at),
        "created_by": _name(search.created_by),
        "finished_at": _time(search.finished_at),
    }


def group_described(summary: Summary, members: list[DuplicateMember]) -> dict[str, Any]:
    group = summary.group
    return {
        "id": group.pk,
        "state": group.state,
        "size": summary.size,
        "kept": None if summary.kept is None else str(summary.kept),
        "resolved_at": _time(group.resolved_at),
        "resolved_by": _name(group.resolved_by),
        "members": [*map(member_described, members)],
    }


def member_described(member: DuplicateMember) -> dict[str, Any]:
    return {
        "trace_id": str(member.trace_id),
        "is_kept": member.is_kept,
        "similarity": member.similarity,
    }


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else isoformat(moment)
