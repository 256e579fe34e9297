"""What the admin of frozen and of huge tables has in common."""

from typing import Any, Generic, TypeVar, cast

from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property

COUNTED = 10_000

Record = TypeVar("Record", bound=Model)


class CappedPaginator(Paginator[Any]):
    """Counts to COUNTED and no further: a page of a million rows does not wait for their number."""

    @cached_property
    def count(self) -> int:
        rows = cast("QuerySet[Any]", self.object_list)
        return rows.order_by().values("pk")[:COUNTED].count()


class FrozenAdmin(admin.ModelAdmin[Record], Generic[Record]):
    """Records that are looked at, never changed."""

    paginator = CappedPaginator
    show_full_result_count = False
    list_per_page = 50

    def has_change_permission(self, request: HttpRequest, obj: Record | None = None) -> bool:
        return False
