import json
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.accounts.models import account_of
from apps.core.admin import FrozenAdmin
from apps.traces.delete import delete_traces
from apps.traces.forms import TraceForm
from apps.traces.ingest import ingest_traces
from apps.traces.models import Score, Trace

EXCERPT = 80


@admin.register(Trace)
class TraceAdmin(FrozenAdmin[Trace]):
    """Adding goes through the same parsing as the API; nothing here changes a trace."""

    list_display = ["id", "excerpt", "source", "step_count", "score", "created_at"]
    search_fields = ["id", "prompt", "final_answer"]
    ordering = ["-id"]
    readonly_fields = ["pretty_steps", "pretty_meta"]
    exclude = ["steps", "meta", "meta_terms"]

    @admin.display(description="prompt")
    def excerpt(self, trace: Trace) -> str:
        return trace.prompt if len(trace.prompt) <= EXCERPT else f"{trace.prompt[:EXCERPT]}…"

    @admin.display(description="steps")
    def pretty_steps(self, trace: Trace) -> SafeString:
        return _pretty(trace.steps)

    @admin.display(description="meta")
    def pretty_meta(self, trace: Trace) -> SafeString:
        return _pretty(trace.meta)

    def get_form(
        self, request: HttpRequest, obj: Trace | None = None, change: bool = False, **kwargs: Any
    ) -> Any:
        return TraceForm if obj is None else super().get_form(request, obj, change, **kwargs)

    def get_fields(self, request: HttpRequest, obj: Trace | None = None) -> Any:
        return ["payload"] if obj is None else super().get_fields(request, obj)

    def get_readonly_fields(self, request: HttpRequest, obj: Trace | None = None) -> Any:
        return [] if obj is None else super().get_readonly_fields(request, obj)

    def save_model(self, request: HttpRequest, obj: Trace, form: Any, change: bool) -> None:
        [stored] = ingest_traces([form.cleaned_data["payload"]], created_by=account_of(request.user))
        obj.pk = stored.id

    def delete_model(self, request: HttpRequest, obj: Trace) -> None:
        delete_traces(Trace.objects.filter(pk=obj.pk))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Trace]) -> None:
        delete_traces(Trace.objects.filter(pk__in=queryset.values("pk")))


@admin.register(Score)
class ScoreAdmin(FrozenAdmin[Score]):
    list_display = ["trace_id", "criteria", "value", "created_at", "created_by"]
    list_select_related = ["created_by"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False


def _pretty(text: str) -> SafeString:
    return format_html("<pre>{}</pre>", json.dumps(json.loads(text), indent=2, ensure_ascii=False))
