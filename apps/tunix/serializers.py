"""The JSON of the Tunix calls."""

from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from apps.core.ids import isoformat
from apps.core.pagination import Page
from apps.core.ranges import Range
from apps.datasets.serializers import Limit, TraceId
from apps.tunix.manifest import Training
from apps.tunix.models import (
    BATCH_SIZE,
    DATASET_KEY_MAX_LENGTH,
    DEFAULT_LEARNING_RATE,
    MAX_LEARNING_RATE,
    MAX_SEQ_LENGTH,
    MIN_LEARNING_RATE,
    MODEL_ID_MAX_LENGTH,
    NUM_EPOCHS,
    OUTPUT_DIR_MAX_LENGTH,
    Manifest,
)

FORMAT = "tunix_sft"


def _within(range: Range) -> Any:
    return Field(ge=range.low, le=range.high)


class SftExportRequest(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    dataset_key: str | None = None
    trace_ids: Annotated[list[TraceId] | None, Field(min_length=1)] = None
    limit: Annotated[Limit, Field(description="null lifts the cap")] = 100

    @model_validator(mode="after")
    def check_source(self) -> Self:
        message = "Either dataset_key or trace_ids must be provided"
        if self.dataset_key is None and self.trace_ids is None:
            raise ValueError(message)
        if self.dataset_key is not None and self.trace_ids is not None:
            raise ValueError(f"{message}, not both")
        return self


class ManifestRequest(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, protected_namespaces=())

    dataset_key: Annotated[str, Field(min_length=1, max_length=DATASET_KEY_MAX_LENGTH)]
    model_id: Annotated[str, Field(min_length=1, max_length=MODEL_ID_MAX_LENGTH)]
    output_dir: Annotated[str, Field(min_length=1, max_length=OUTPUT_DIR_MAX_LENGTH)]
    learning_rate: Annotated[float, Field(gt=MIN_LEARNING_RATE, le=MAX_LEARNING_RATE)] = DEFAULT_LEARNING_RATE
    num_epochs: Annotated[int, _within(NUM_EPOCHS)] = NUM_EPOCHS.default
    batch_size: Annotated[int, _within(BATCH_SIZE)] = BATCH_SIZE.default
    max_seq_length: Annotated[int, _within(MAX_SEQ_LENGTH)] = MAX_SEQ_LENGTH.default

    @property
    def training(self) -> Training:
        return Training(**self.model_dump(exclude={"dataset_key"}))


class TunixStatus(BaseModel):
    available: bool
    version: str | None
    runtime_required: bool
    message: str


class ManifestCreated(BaseModel):
    model_config = ConfigDict(protected_namespaces=())

    id: UUID
    manifest_yaml: str
    dataset_key: str
    model_id: str
    format: str
    message: str


class ManifestDetail(ManifestCreated):
    build_id: Annotated[UUID, Field(description="the build of the dataset that it was made from")]
    output_dir: str
    learning_rate: float
    num_epochs: int
    batch_size: int
    max_seq_length: int
    sha256: Annotated[str, Field(description="of the YAML")]
    created_at: datetime


class ManifestPage(Page[ManifestDetail]):
    pass


def created(manifest: Manifest) -> dict[str, Any]:
    return {
        "id": str(manifest.id),
        "manifest_yaml": manifest.yaml,
        "dataset_key": manifest.dataset_key,
        "model_id": manifest.model_id,
        "format": FORMAT,
        "message": manifest.message,
    }


def detailed(manifest: Manifest) -> dict[str, Any]:
    return {
        **created(manifest),
        "build_id": str(manifest.dataset.build_id),
        "output_dir": manifest.output_dir,
        "learning_rate": manifest.learning_rate,
        "num_epochs": manifest.num_epochs,
        "batch_size": manifest.batch_size,
        "max_seq_length": manifest.max_seq_length,
        "sha256": manifest.sha256,
        "created_at": isoformat(manifest.created_at),
    }
