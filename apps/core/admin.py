"""What the admin of frozen and of huge tables has in common."""

import json
from datetime import datetime
from typing import Any, Generic, TypeVar, cast
from uuid import UUID

from django.contrib import admin, messages
from django.contrib.admin.actions import delete_selected
from django.contrib.admin.widgets import AdminSplitDateTime
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.core.errors import sentence
from apps.core.ids import lowest_id, time_of
from apps.core.keyset import COUNTED, Count, count_rows
from apps.core.periods import Period, parse_period, periods_within, recent_periods

Record = TypeVar("Record", bound=Model)


class _Beyond(int):
    """COUNTED as a number, "10,000+" as a text."""

    def __str__(self) -> str:
        return str(Count(COUNTED + 1))


class CappedPaginator(Paginator[Any]):
    """Counts to COUNTED and no further: a page of a million rows does not wait for their number."""

    @cached_property
    def count(self) -> int:
        found = count_rows(cast("QuerySet[Any]", self.object_list))
        return found.number if found.is_exact else _Beyond(COUNTED)


class LabelledAdmin(admin.ModelAdmin[Record], Generic[Record]):
    """Django gives the label of a moment to neither of its two boxes."""

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field: Any = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field and isinstance(field.widget, AdminSplitDateTime):
            for box, part in zip(field.widget.widgets, ("date", "time"), strict=True):
                box.attrs["aria-label"] = f"{field.label}: {part}"
        return field


class FrozenAdmin(LabelledAdmin[Record]):
    """Records that are looked at, never changed. What an act refuses is said above the list."""

    paginator = CappedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER  # they count
    list_per_page = 50
    delete_label = "Delete selected %(verbose_name_plural)s"

    def has_change_permission(self, request: HttpRequest, obj: Record | None = None) -> bool:
        return False

    shown: tuple[str, ...] = ()  # of a record; all of its fields where nothing stands here

    def get_fields(self, request: HttpRequest, obj: Record | None = None) -> Any:
        return self.shown if obj and self.shown else super().get_fields(request, obj)

    def get_readonly_fields(self, request: HttpRequest, obj: Record | None = None) -> Any:
        return self.shown if obj and self.shown else super().get_readonly_fields(request, obj)

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        try:
            return super().changelist_view(request, extra_context)
        except ValidationError as error:
            return _say(request, error, request.get_full_path())

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        try:
            return super().delete_view(request, object_id, extra_context)
        except ValidationError as error:
            return _say(request, error, request.path)

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        try:
            return super().add_view(request, form_url, extra_context)
        except ValidationError as error:
            return _say(request, error, request.path)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        found: dict[str, Any] = super().get_actions(request)
        if "delete_selected" in found:
            found["delete_selected"] = (_delete_selected, "delete_selected", self.delete_label)
        return found

    def response_action(self, request: HttpRequest, queryset: Any, *where: Any) -> HttpResponse | None:
        """What is done to all that match is done to as many as were counted, or to none."""
        if request.POST.get("select_across") == "1" and not count_rows(queryset).is_exact:
            message = f"More than {COUNTED:,} match. Filter the list further, or tick single rows."
            messages.error(request, message)
            return None
        return super().response_action(request, queryset, *where)


def _delete_selected(admin: Any, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
    """Django's, which notes each as deleted before it is: all or nothing of that."""
    with transaction.atomic():
        return delete_selected(admin, request, queryset)


def _say(request: HttpRequest, error: ValidationError, url: str) -> HttpResponse:
    messages.error(request, sentence(error))
    return HttpResponseRedirect(url)


class DateFilter(admin.SimpleListFilter):
    """From years to months to days, down to which one clicks.

    In place of Django's date_hierarchy, which looks for the dates that occur: seconds in a million rows.
    Here only the first and the last row say which periods there are.
    """

    title = "date"
    parameter_name = "date"
    field = "created_at"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]) -> list[tuple[str, str]]:
        moments = model_admin.model._default_manager.values_list(self.field, flat=True)
        first, last = (moments.order_by(order).first() for order in (self.field, f"-{self.field}"))
        if first is None or last is None:
            return []
        found = periods_within(self._moment(first), self._moment(last), self.value() or "")
        return [(period.name, period.label) for period in (*recent_periods(timezone.now()), *found)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        period = parse_period(self.value() or "", timezone.now())
        return queryset.filter(**self._conditions(period)) if period else queryset

    def _moment(self, value: Any) -> datetime:
        return cast(datetime, value)

    def _conditions(self, period: Period) -> dict[str, Any]:
        return {f"{self.field}__gte": period.start, f"{self.field}__lt": period.end}


class IdDateFilter(DateFilter):
    """By the time in a UUIDv7 key, whose index the table has anyway."""

    field = "pk"

    def _moment(self, value: Any) -> datetime:
        return time_of(value)

    def _conditions(self, period: Period) -> dict[str, Any]:
        return {"pk__gte": lowest_id(period.start), "pk__lt": lowest_id(period.end)}


def parse_id(text: str) -> UUID | None:
    try:
        return UUID(text.strip())
    except ValueError:
        return None


def pretty_json(value: Any) -> SafeString:
    return preformatted(json.dumps(value, indent=2, ensure_ascii=False))


def preformatted(text: str) -> SafeString:
    return format_html("<pre>{}</pre>", text)


def link(url: str, text: str) -> SafeString:
    return format_html('<a href="{}">{}</a>', url, text)
