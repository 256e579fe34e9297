import json
from typing import Any, cast
from uuid import UUID

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from apps.accounts.models import account_of
from apps.audit.admin import RecordedAdmin
from apps.core.admin import FrozenAdmin, IdDateFilter, link, parse_id, pretty_json
from apps.formats.search_terms import QUERY_HELP
from apps.traces.delete import delete_traces
from apps.traces.forms import TraceForm
from apps.traces.ingest import ingest_traces
from apps.traces.models import Score, Trace, TraceQuerySet

EXCERPT = 80
SOURCE_EXCERPT = 24


class SourceFilter(admin.SimpleListFilter):
    """In place of Django's, which looks for the distinct ones in all rows."""

    title = "source"
    parameter_name = "source"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]) -> list[tuple[str, str]]:
        return [(source, Truncator(source).chars(SOURCE_EXCERPT)) for source in Trace.objects.sources()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        source = self.value()
        return queryset if source is None else queryset.filter(source=source)


class TraceList(ChangeList):
    """Without the long texts; sorted by one column, in the direction that its index has."""

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> TraceQuerySet:
        found: Any = super().get_queryset(request, exclude_parameters)
        return cast(TraceQuerySet, found.with_excerpts())

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[Any]:
        first, *_ = super().get_ordering(request, queryset)
        sign = "-" if str(first).startswith("-") else ""
        return [first] if first in ("id", "-id", "pk", "-pk") else [first, f"{sign}pk"]


class TraceAdmin(FrozenAdmin[Trace]):
    """Adding goes through the same parsing as the API; nothing here changes a trace.

    Registered by apps.datasets, which knows how to export and what holds a trace.
    """

    list_display = ["excerpt", "source_name", "step_count", "char_count", "score", "added"]
    list_filter = [IdDateFilter, SourceFilter]
    search_fields = ["id"]  # see get_search_results
    search_help_text = f"An id, or {QUERY_HELP}."
    ordering = ["-id"]
    shown: tuple[str, ...] = (
        *("id", "created_at", "created_by", "source", "external_id", "trace_version"),
        *("prompt", "pretty_steps", "final_answer", "pretty_meta"),
        *("score", "step_count", "char_count", "control_tokens"),
        *("content_digest", "prompt_hash", "ingest_id"),
    )

    @admin.display(description="prompt")
    def excerpt(self, trace: Any) -> str:
        return Truncator(trace.prompt_excerpt).chars(EXCERPT)

    @admin.display(description="source", ordering="source")
    def source_name(self, trace: Trace) -> str:
        return Truncator(trace.source).chars(SOURCE_EXCERPT)

    @admin.display(description="added", ordering="id")
    def added(self, trace: Trace) -> str:
        return f"{trace.created_at:%Y-%m-%d %H:%M}"

    @admin.display(description="steps")
    def pretty_steps(self, trace: Trace) -> SafeString:
        return pretty_json(json.loads(trace.steps))

    @admin.display(description="meta")
    def pretty_meta(self, trace: Trace) -> SafeString:
        return pretty_json(json.loads(trace.meta))

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return TraceList

    def get_search_results(
        self, request: HttpRequest, queryset: Any, search_term: str
    ) -> tuple[QuerySet[Trace], bool]:
        if not search_term:
            return queryset, False
        id = parse_id(search_term)
        return queryset.with_keys([id]) if id else queryset.searched(search_term), False

    def get_form(
        self, request: HttpRequest, obj: Trace | None = None, change: bool = False, **kwargs: Any
    ) -> Any:
        return TraceForm if obj is None else super().get_form(request, obj, change, **kwargs)

    def get_fields(self, request: HttpRequest, obj: Trace | None = None) -> Any:
        return ["payload"] if obj is None else super().get_fields(request, obj)

    def save_model(self, request: HttpRequest, obj: Trace, form: Any, change: bool) -> None:
        [stored] = ingest_traces([form.cleaned_data["payload"]], created_by=account_of(request.user))
        obj.pk = stored.id

    def delete_model(self, request: HttpRequest, obj: Trace) -> None:
        delete_traces(Trace.objects.with_keys([obj.pk]))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Trace]) -> None:
        delete_traces(Trace.objects.with_keys(queryset.values_list("pk", flat=True)))


def trace_link(id: UUID) -> SafeString:
    return link(reverse("admin:traces_trace_change", args=[id]), str(id))


@admin.register(Score)
class ScoreAdmin(RecordedAdmin[Score]):
    list_display = ["id", "of_trace", "criteria", "value", "created_at", "created_by"]
    list_select_related = ["created_by"]
    search_fields = ["trace_id"]  # see get_search_results
    search_help_text = "The id of a trace."
    ordering = ["-id"]
    sortable_by = ["id"]
    shown = ("of_trace", "criteria", "value", "pretty_details", "created_at", "created_by")

    @admin.display(description="trace")
    def of_trace(self, score: Score) -> SafeString:
        return trace_link(score.trace_id)

    @admin.display(description="details")
    def pretty_details(self, score: Score) -> SafeString:
        return pretty_json(score.details)

    def get_search_results(
        self, request: HttpRequest, queryset: Any, search_term: str
    ) -> tuple[QuerySet[Score], bool]:
        if not search_term:
            return queryset, False
        id = parse_id(search_term)
        return (queryset.filter(trace=id) if id else queryset.none()), False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False
