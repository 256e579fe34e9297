from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.core.admin import FrozenAdmin
from apps.tunix.models import Manifest


@admin.register(Manifest)
class ManifestAdmin(FrozenAdmin[Manifest]):
    list_display = ["id", "dataset_key", "model_id", "output_dir", "created_at", "created_by"]
    list_select_related = ["created_by"]
    search_fields = ["dataset_key", "model_id"]
    ordering = ["-pk"]
    readonly_fields = ["pretty_yaml"]
    exclude = ["yaml"]

    @admin.display(description="YAML")
    def pretty_yaml(self, manifest: Manifest) -> SafeString:
        return format_html("<pre>{}</pre>", manifest.yaml)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False
