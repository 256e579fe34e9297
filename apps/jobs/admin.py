from django.contrib import admin
from django.http import HttpRequest

from apps.core.admin import FrozenAdmin
from apps.jobs.models import Job


@admin.register(Job)
class JobAdmin(FrozenAdmin[Job]):
    list_display = ["id", "title", "state", "done", "total", "attempts", "created_at", "asked_by"]
    list_filter = ["state", "act"]
    search_fields = ["title", "act", "reason"]
    ordering = ["-pk"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Job | None = None) -> bool:
        return False
