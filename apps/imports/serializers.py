"""The JSON of the calls about imports."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

import pydantic
from pydantic import BaseModel, ConfigDict, Field, JsonValue, PrivateAttr, model_validator

from apps.core.ids import isoformat
from apps.core.json import JSONError, parse_json
from apps.core.pagination import Page, PageQuery
from apps.formats.reasoning import Cut
from apps.formats.trace import SOURCE_MAX_LENGTH
from apps.imports.choose import FORMAT_NAMES, Terms
from apps.imports.load import Duplicates, OnError
from apps.imports.models import FILE_NAME_MAX_LENGTH, Import
from apps.imports.recognise import AUTO

State = Literal["uploaded", "running", "done", "failed", "cancelled", "removed"]
MAPPING_MAX_LENGTH = 20_000


class ImportQuery(PageQuery):
    state: State | None = None


class UploadQuery(BaseModel):
    """What stands beside the file, which is the body."""

    model_config = ConfigDict(extra="forbid")

    filename: Annotated[str, Field(min_length=1, max_length=FILE_NAME_MAX_LENGTH)] = "upload"
    format: Annotated[str, Field(json_schema_extra={"enum": FORMAT_NAMES})] = AUTO
    mapping: Annotated[
        str | None,
        Field(max_length=MAPPING_MAX_LENGTH, description="JSON: which column is what, in place of a format"),
    ] = None
    cut: Annotated[Cut | None, Field(description="how a text is cut into steps")] = None
    source: Annotated[
        str | None,
        Field(min_length=1, max_length=SOURCE_MAX_LENGTH, description="becomes meta.source of every trace"),
    ] = None
    on_error: OnError = "stop"
    duplicates: Duplicates = "skip"
    _terms: Terms = PrivateAttr()

    @model_validator(mode="after")
    def check_terms(self) -> Self:
        values = self.model_dump(exclude={"filename", "mapping"})
        try:
            mapping = None if self.mapping is None else parse_json(self.mapping)
            self._terms = Terms.model_validate({**values, "mapping": mapping})
        except JSONError as error:
            raise ValueError(f"mapping: {error}") from error
        except pydantic.ValidationError as error:
            first = error.errors(include_url=False, include_context=False, include_input=False)[0]
            path = ".".join(map(str, first["loc"]))
            message = first["msg"].removeprefix("Value error, ")
            raise ValueError(f"{path}: {message}" if path else message) from error
        return self

    @property
    def terms(self) -> Terms:
        return self._terms


class ImportDetail(BaseModel):
    id: UUID
    filename: str
    size: Annotated[int, Field(description="bytes, as it came")]
    sha256: str
    container: str
    packing: str | None
    encoding: str | None
    format: Annotated[str | None, Field(description="null where it is not recognised")]
    mapping: JsonValue
    source: str | None
    on_error: OnError
    duplicates: Duplicates
    state: State
    reason: Annotated[str | None, Field(description="why it did not end well, or was not started")]
    read: Annotated[int, Field(description="rows")]
    stored: int
    rejected: int
    duplicates_skipped: int
    ingest_id: UUID
    job_id: UUID | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class ImportPage(Page[ImportDetail]):
    pass


def detailed(found: Import) -> dict[str, Any]:
    return {
        "id": str(found.pk),
        "filename": found.file_name,
        "size": found.size,
        "sha256": found.sha256,
        "container": found.container,
        "packing": found.packing or None,
        "encoding": found.encoding or None,
        "format": found.format or None,
        "mapping": found.mapping,
        "source": found.source or None,
        "on_error": found.on_error,
        "duplicates": found.duplicates,
        "state": found.state,
        "reason": found.reason or None,
        "read": found.read_count,
        "stored": found.stored_count,
        "rejected": found.rejected_count,
        "duplicates_skipped": found.duplicate_count,
        "ingest_id": str(found.ingest_id),
        "job_id": None if found.job_id is None else str(found.job_id),
        "created_at": isoformat(found.created_at),
        "started_at": _time(found.started_at),
        "finished_at": _time(found.finished_at),
    }


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else isoformat(moment)
