from typing import Any

from django.conf import settings
from django.core.validators import MaxValueValidator
from django.db import models

from apps.core.ids import new_id
from apps.core.ranges import Range
from apps.datasets.models import Dataset

DATASET_KEY_MAX_LENGTH = 256
MODEL_ID_MAX_LENGTH = 256
OUTPUT_DIR_MAX_LENGTH = 1024
DEFAULT_LEARNING_RATE = 2e-5
MAX_LEARNING_RATE = 1.0  # and above 0
NUM_EPOCHS = Range(1, 100, default=3)
BATCH_SIZE = Range(1, 512, default=8)
MAX_SEQ_LENGTH = Range(128, 32_768, default=2048)


class ManifestQuerySet(models.QuerySet["Manifest"]):
    def newest_first(self) -> "ManifestQuerySet":
        return self.order_by("-pk")


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
