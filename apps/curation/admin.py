from django.contrib import admin
from django.http import HttpRequest

from apps.audit.admin import RecordedAdmin
from apps.core.admin import Record
from apps.curation.models import DuplicateSearch, Note, Review


class _SaidAdmin(RecordedAdmin[Record]):
    """Appended by their acts alone."""

    list_select_related = ["created_by"]
    ordering = ["-pk"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False


@admin.register(Note)
class NoteAdmin(_SaidAdmin[Note]):
    list_display = ["id", "trace_id", "__str__", "created_at", "created_by"]
    search_fields = ["text"]


@admin.register(Review)
class ReviewAdmin(_SaidAdmin[Review]):
    list_display = ["id", "trace_id", "state", "is_current", "created_at", "created_by"]
    list_filter = ["state", "is_current"]


@admin.register(DuplicateSearch)
class DuplicateSearchAdmin(_SaidAdmin[DuplicateSearch]):
    list_display = ["name", "compared", "threshold", "state", "group_count", "duplicate_count", "created_by"]
    list_filter = ["state"]

    def has_delete_permission(self, request: HttpRequest, obj: DuplicateSearch | None = None) -> bool:
        return False  # its tags would stay
