from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.safestring import SafeString

from apps.audit.models import Act
from apps.audit.record import Verb, record_act
from apps.core.admin import FrozenAdmin, IdDateFilter, Record, pretty_json

MAX_NAMED = 10


class RecordedAdmin(FrozenAdmin[Record]):
    """For records that only the admin deletes: no act of theirs would record it."""

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        """In the transaction of the deletion, one act for all of them."""
        keys = [str(record.pk) for record in queryset]
        details = {"kind": self.opts.verbose_name, "ids": keys[:MAX_NAMED]}
        record_act(Verb.DELETED_RECORD, keys[0] if len(keys) == 1 else "", rows=len(keys), details=details)
        return super().log_deletions(request, queryset)


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
