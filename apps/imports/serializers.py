"""The JSON of the calls about imports."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

import pydantic
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    ModelWrapValidatorHandler,
    PrivateAttr,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from apps.core.ids import isoformat
from apps.core.json import JSONError, parse_json
from apps.core.pagination import Page, PageQuery
from apps.core.wording import message_of
from apps.formats.reasoning import Cut
from apps.formats.trace import SOURCE_MAX_LENGTH
from apps.imports.choose import FORMAT_NAMES, Terms
from apps.imports.load import Duplicates, OnError
from apps.imports.models import FILE_NAME_MAX_LENGTH, Import
from apps.imports.recognise import AUTO

State = Literal["uploaded", "running", "done", "failed", "cancelled", "removed"]
MAPPING_MAX_LENGTH = 20_000

Faults = dict[tuple[str | int, ...], InitErrorDetails]


class ImportQuery(PageQuery):
    state: State | None = None


class StartQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    dry_run: Annotated[bool, Field(description="read all of it, store nothing")] = False


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
    dry_run: Annotated[bool, Field(description="read all of it, store nothing")] = False
    _terms: Terms = PrivateAttr()

    @model_validator(mode="wrap")
    @classmethod
    def check_terms(cls, values: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Raises all that is wrong with the parameters and with the terms that they make, each once."""
        faults: Faults = {}
        query = terms = None
        try:
            terms = Terms.model_validate(_terms_of(values))
        except JSONError as error:
            _note(faults, ("mapping", *error.parts), str(error))
        except pydantic.ValidationError as error:
            _note_all(faults, error, ("mapping",))
        try:
            query = handler(values)
        except pydantic.ValidationError as error:
            _note_all(faults, error)
        if query is None or terms is None:
            raise pydantic.ValidationError.from_exception_data(cls.__name__, [*faults.values()])
        query._terms = terms
        return query

    @property
    def terms(self) -> Terms:
        return self._terms


def _terms_of(values: dict[str, Any]) -> dict[str, Any]:
    """Raises JSONError."""
    given = {name: value for name, value in values.items() if name in Terms.model_fields}
    return {**given, "mapping": parse_json(given["mapping"])} if "mapping" in given else given


def _note_all(faults: Faults, error: pydantic.ValidationError, whole: tuple[str, ...] = ()) -> None:
    for item in error.errors(include_url=False, include_input=False):
        _note(faults, item["loc"] or whole, message_of(item))


def _note(
    faults: dict[tuple[str | int, ...], InitErrorDetails], path: tuple[str | int, ...], said: str
) -> None:
    kind = PydanticCustomError("value_error", "{said}", {"said": said})
    faults.setdefault(path, InitErrorDetails(type=kind, loc=path, input=None))


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
