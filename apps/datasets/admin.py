import json
from collections.abc import Callable, Iterable
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from apps.accounts.models import account_of
from apps.core.admin import DateFilter, FrozenAdmin, link, pretty_json
from apps.datasets.delete import delete_dataset
from apps.datasets.export import Export, export_dataset, export_traces
from apps.datasets.models import Dataset, Holder, Tombstone
from apps.datasets.send import send_export
from apps.formats.records import FORMATS
from apps.traces.admin import EXCERPT, TraceAdmin, trace_link
from apps.traces.models import Trace

MEMBERS_SHOWN = 50

Action = Callable[[Any, HttpRequest, QuerySet[Any]], HttpResponseBase | None]


def _export_action(format: str) -> Action:
    def export(admin: Any, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponseBase | None:
        made: Export | None = admin.export(request, queryset, format)
        return send_export(request, made) if made else None

    export.__name__ = f"export_{format}"
    export.short_description = f"Export as {format}"  # type: ignore[attr-defined]
    return export


EXPORT_ACTIONS = [_export_action(format) for format in FORMATS]


def dataset_link(dataset: Dataset | Holder) -> SafeString:
    return link(reverse("admin:datasets_dataset_change", args=[dataset.pk]), dataset.key)


def _lines(items: Iterable[SafeString]) -> SafeString:
    return format_html_join("", "<div>{}</div>", ((item,) for item in items))


@admin.register(Trace)
class TraceInDatasetsAdmin(TraceAdmin):
    """With what only datasets know of a trace."""

    actions = EXPORT_ACTIONS
    shown = (*TraceAdmin.shown, "datasets")

    @admin.display
    def datasets(self, trace: Trace) -> SafeString | str:
        return (
            _lines(
                map(
                    dataset_link, Dataset.objects.holding(Trace.objects.with_keys([trace.pk]))[:MEMBERS_SHOWN]
                )
            )
            or "none"
        )

    def view_on_site(self, obj: Trace) -> str:
        return reverse("datasets:trace", args=[obj.pk])

    def export(self, request: HttpRequest, queryset: QuerySet[Trace], format: str) -> Export:
        return export_traces([*queryset.values_list("pk", flat=True)], format)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Named by their ids; what holds any of them is in the way."""
        keys = [trace.pk for trace in objs]
        held = [dataset_link(dataset) for dataset in Dataset.objects.holding(Trace.objects.with_keys(keys))]
        shown = [str(key) for key in keys[:MEMBERS_SHOWN]]
        rest = [f"and {len(keys) - len(shown)} more"] if len(keys) > len(shown) else []
        return [*shown, *rest], {"traces": len(keys)}, set(), held


class BuildFilter(admin.SimpleListFilter):
    title = "build"
    parameter_name = "build"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]) -> list[tuple[str, str]]:
        return [("current", "Current"), ("superseded", "Superseded")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() not in ("current", "superseded"):
            return queryset
        return queryset.filter(superseded_at__isnull=self.value() == "current")


@admin.register(Dataset)
class DatasetAdmin(FrozenAdmin[Dataset]):
    """Built by the pages and the API; deleted as they delete, leaving a tombstone."""

    list_display = ["key", "trace_count", "selection_strategy", "created_at", "created_by", "superseded_at"]
    list_select_related = ["created_by"]
    list_filter = [BuildFilter, DateFilter, "selection_strategy"]
    search_fields = ["key"]
    ordering = ["-pk"]
    actions = EXPORT_ACTIONS
    shown = (
        *("key", "build_id", "created_at", "created_by", "superseded_at"),
        *("pretty_filters", "pretty_where", "is_of_given_traces", "limit", "selection_strategy", "seed"),
        *("session_id", "parent_dataset_id", "training_run_id"),
        *("trace_count", "control_tokens", "pretty_stats", "content_digest", "members"),
    )

    @admin.display(description="filters")
    def pretty_filters(self, dataset: Dataset) -> SafeString:
        return pretty_json(json.loads(dataset.filters))

    @admin.display(description="where")
    def pretty_where(self, dataset: Dataset) -> SafeString:
        return pretty_json(json.loads(dataset.where))

    @admin.display(description="stats")
    def pretty_stats(self, dataset: Dataset) -> SafeString:
        return pretty_json(dataset.stats)

    @admin.display
    def members(self, dataset: Dataset) -> SafeString:
        """The first of them; its page has them all."""
        first: Any = dataset.members(0, MEMBERS_SHOWN).with_excerpts()
        rows = (
            (position, trace_link(trace.pk), Truncator(trace.prompt_excerpt).chars(EXCERPT))
            for position, trace in enumerate(first, 1)
        )
        return format_html_join("", '<div class="member">{}. {} <span dir="auto">{}</span></div>', rows)

    def view_on_site(self, obj: Dataset) -> str:
        url = reverse("datasets:detail", args=[obj.key])
        return url if obj.superseded_at is None else f"{url}?build={obj.build_id}"

    def export(self, request: HttpRequest, queryset: QuerySet[Dataset], format: str) -> Export | None:
        chosen = [*queryset[:2]]
        if len(chosen) > 1:
            messages.error(request, "Choose one dataset at a time: each is a file of its own.")
            return None
        return export_dataset(chosen[0], format)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Without the members, which may be a million entries. What uses it is said when it is refused."""
        names = [f"{dataset.key}, {dataset.trace_count:,} traces stay" for dataset in objs]
        return names, {"datasets": len(names)}, set(), []

    def delete_model(self, request: HttpRequest, obj: Dataset) -> None:
        delete_dataset(obj, deleted_by=account_of(request.user))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Dataset]) -> None:
        for dataset in queryset:
            self.delete_model(request, dataset)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False


class DeletedFilter(DateFilter):
    field = "deleted_at"


@admin.register(Tombstone)
class TombstoneAdmin(FrozenAdmin[Tombstone]):
    list_display = ["key", "build_id", "content_digest", "deleted_at", "deleted_by"]
    list_select_related = ["deleted_by"]
    list_filter = [DeletedFilter]
    search_fields = ["key", "build_id", "content_digest"]
    ordering = ["-pk"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Tombstone | None = None) -> bool:
        return False
