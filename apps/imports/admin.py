from django.contrib import admin
from django.http import HttpRequest

from apps.audit.admin import RecordedAdmin
from apps.core.admin import FrozenAdmin, IdDateFilter
from apps.imports.models import Import, SavedMapping


@admin.register(Import)
class ImportAdmin(FrozenAdmin[Import]):
    list_display = [
        "file_name",
        "format",
        "state",
        "stored_count",
        "rejected_count",
        "created_at",
        "created_by",
    ]
    list_select_related = ["created_by"]
    list_filter = ["state", IdDateFilter]
    search_fields = ["file_name", "sha256"]
    ordering = ["-pk"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Import | None = None) -> bool:
        """Its page removes it, with what it brought."""
        return False


@admin.register(SavedMapping)
class SavedMappingAdmin(RecordedAdmin[SavedMapping]):
    list_display = ["name", "created_at", "created_by"]
    list_select_related = ["created_by"]
    search_fields = ["name"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False
