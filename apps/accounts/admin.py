from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group
from django.http import HttpRequest
from django.utils import timezone

from apps.accounts.models import ApiToken, User
from apps.accounts.tokens import create_token
from apps.core.admin import DateFilter, FrozenAdmin, LabelledAdmin

admin.site.unregister(Group)


# Django's two boxes for many have labels that are none to a screen reader: plain lists do.
@admin.register(User)
class AccountAdmin(LabelledAdmin[User], UserAdmin[User]):
    filter_horizontal = []


@admin.register(Group)
class PlainGroupAdmin(GroupAdmin):
    filter_horizontal = []


class CreatedFilter(DateFilter):
    field = "created"


@admin.register(ApiToken)
class ApiTokenAdmin(FrozenAdmin[ApiToken]):
    """Revoking is deleting."""

    list_display = ["name", "user", "scope", "created", "expiry", "last_used_at"]
    list_select_related = ["user"]
    list_filter = ["scope", CreatedFilter]
    search_fields = ["name", "user__username"]
    ordering = ["-created"]
    empty_value_display = "never"
    fields = ["user", "name", "scope", "expiry"]
    shown = ("user", "name", "scope", "expiry", "created", "last_used_at")
    delete_label = "Revoke selected tokens"

    def save_model(self, request: HttpRequest, obj: ApiToken, form: Any, change: bool) -> None:
        lifetime = obj.expiry - timezone.now() if obj.expiry else None
        stored, token = create_token(obj.user, obj.name, obj.scope, lifetime)
        obj.pk = stored.pk
        messages.warning(request, f"The token of {obj.name}, shown only now: {token}")
