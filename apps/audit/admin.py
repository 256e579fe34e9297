from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.safestring import SafeString

from apps.audit.models import Act
from apps.core.admin import FrozenAdmin, IdDateFilter, pretty_json


@admin.register(Act)
class ActAdmin(FrozenAdmin[Act]):
    list_display = ["happened", "actor_name", "verb", "key", "rows", "token_name", "address"]
    list_filter = [IdDateFilter, "verb"]
    search_fields = ["key"]  # see get_search_results
    search_help_text = "The whole id or name of a thing, or the name of whoever acted."
    ordering = ["-pk"]
    sortable_by = ()
    shown = (
        *("happened", "actor_name", "actor_id", "token_name", "address"),
        *("verb", "key", "rows", "pretty_details"),
    )

    @admin.display(description="when")
    def happened(self, act: Act) -> str:
        return f"{act.at:%Y-%m-%d %H:%M:%S}"

    @admin.display(description="details")
    def pretty_details(self, act: Act) -> SafeString:
        return pretty_json(act.detail)

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        """By index, of which a part of a word finds nothing."""
        if not search_term:
            return queryset, False
        of_thing = queryset.filter(key=search_term)
        return (of_thing if of_thing.exists() else queryset.filter(actor_name=search_term)), False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Act | None = None) -> bool:
        return False
