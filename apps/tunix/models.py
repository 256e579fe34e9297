from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.validators import MaxValueValidator
from django.db import models

from apps.core.errors import not_found
from apps.core.ids import new_id
from apps.core.ranges import Range
from apps.datasets.models import Dataset

DATASET_KEY_MAX_LENGTH = 256
MODEL_ID_MAX_LENGTH = 256
OUTPUT_DIR_MAX_LENGTH = 1024
DEFAULT_LEARNING_RATE = 2e-5
MIN_LEARNING_RATE = 0.0  # itself excluded
MAX_LEARNING_RATE = 1.0
NUM_EPOCHS = Range(1, 100, default=3)
BATCH_SIZE = Range(1, 512, default=8)
MAX_SEQ_LENGTH = Range(128, 32_768, default=2048)

# The fields that whoever asks for a manifest fills in, in the order of pages, and what these call them.
LABELS = {
    "dataset_key": "Dataset key",
    "model_id": "Model ID",
    "output_dir": "Output directory",
    "learning_rate": "Learning rate",
    "num_epochs": "Epochs",
    "batch_size": "Batch size",
    "max_seq_length": "Max sequence length",
}


class ManifestQuerySet(models.QuerySet["Manifest"]):
    def newest_first(self) -> "ManifestQuerySet":
        return self.order_by("-pk")

    def matching(self, *, dataset_key: str | None = None, model: str | None = None) -> "ManifestQuerySet":
        """Of the builds of this key, and of models whose id contains `model`."""
        found = self.of_datasets(dataset_key) if dataset_key else self
        return found.filter(model_id__icontains=model) if model else found

    def of_datasets(self, key: str) -> "ManifestQuerySet":
        """Of all builds of this key: few, looked up first, so that the database can tell whether to walk
        over all manifests or to gather those few.
        """
        return self.filter(dataset_id__in=[*Dataset.objects.filter(key=key).values_list("pk", flat=True)])

    def get_by_id(self, id: str) -> "Manifest":
        """With its dataset and author. Raises ValidationError when there is none."""
        try:
            return self.select_related("dataset", "created_by").get(pk=UUID(id))
        except (ValueError, Manifest.DoesNotExist) as error:
            raise not_found("Manifest", id) from error

    def rows(self, keys: Sequence[UUID]) -> list["Manifest"]:
        """For a table, in this order, without the long text."""
        found = self.select_related("created_by").defer("yaml").in_bulk(keys)
        return [found[key] for key in keys if key in found]

    def newest_beside(self, manifest: "Manifest", limit: int) -> list["Manifest"]:
        """Others of the same dataset, whichever build of it."""
        others = self.of_datasets(manifest.dataset_key).exclude(pk=manifest.pk)
        return [*others.defer("yaml").newest_first()[:limit]]


class Manifest(models.Model):
    """A generated training manifest, kept as it was handed out. Never changed."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, db_index=False, related_name="+"
    )
    dataset = models.ForeignKey(Dataset, models.PROTECT, related_name="manifests")
    dataset_key = models.CharField(max_length=DATASET_KEY_MAX_LENGTH)
    model_id = models.CharField(max_length=MODEL_ID_MAX_LENGTH)
    output_dir = models.CharField(max_length=OUTPUT_DIR_MAX_LENGTH)
    learning_rate = models.FloatField(validators=[MaxValueValidator(MAX_LEARNING_RATE)])
    num_epochs = models.PositiveSmallIntegerField(validators=NUM_EPOCHS.validators)
    batch_size = models.PositiveSmallIntegerField(validators=BATCH_SIZE.validators)
    max_seq_length = models.PositiveIntegerField(validators=MAX_SEQ_LENGTH.validators)
    yaml = models.TextField()
    sha256 = models.CharField(max_length=64, help_text="of the YAML")

    objects = ManifestQuerySet.as_manager()

    def __str__(self) -> str:
        return f"manifest {self.pk}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise TypeError("A manifest is kept as it was handed out. Generate a new one.")
        super().save(*args, **kwargs)

    @property
    def values(self) -> dict[str, Any]:
        """What it was asked for with."""
        return {name: getattr(self, name) for name in LABELS}

    @property
    def message(self) -> str:
        return f"Manifest generated for dataset {self.dataset_key}. Save as YAML and execute with Tunix CLI."
