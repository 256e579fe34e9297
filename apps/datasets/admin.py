from django.contrib import admin
from django.http import HttpRequest

from apps.core.admin import FrozenAdmin
from apps.datasets.models import Dataset, Tombstone


@admin.register(Dataset)
class DatasetAdmin(FrozenAdmin[Dataset]):
    """Built and deleted through the API, which knows what uses a dataset."""

    list_display = ["key", "trace_count", "selection_strategy", "created_at", "created_by", "superseded_at"]
    list_select_related = ["created_by"]
    search_fields = ["key"]
    ordering = ["-pk"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Dataset | None = None) -> bool:
        return False


@admin.register(Tombstone)
class TombstoneAdmin(FrozenAdmin[Tombstone]):
    list_display = ["key", "build_id", "content_digest", "deleted_at", "deleted_by"]
    list_select_related = ["deleted_by"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Tombstone | None = None) -> bool:
        return False
