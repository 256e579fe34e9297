from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.safestring import SafeString

from apps.audit.admin import RecordedAdmin
from apps.core.admin import IdDateFilter, link, preformatted
from apps.datasets.admin import dataset_link
from apps.tunix.models import Manifest


@admin.register(Manifest)
class ManifestAdmin(RecordedAdmin[Manifest]):
    list_display = ["model_id", "dataset_key", "output_dir", "created_at", "created_by", "download"]
    list_select_related = ["created_by"]
    list_filter = [IdDateFilter]
    search_fields = ["dataset_key", "model_id", "output_dir"]
    ordering = ["-pk"]
    shown = (
        *("id", "created_at", "created_by", "of_dataset", "model_id", "output_dir"),
        *("learning_rate", "num_epochs", "batch_size", "max_seq_length"),
        *("pretty_yaml", "sha256", "download"),
    )

    @admin.display(description="YAML")
    def pretty_yaml(self, manifest: Manifest) -> SafeString:
        return preformatted(manifest.yaml)

    @admin.display(description="dataset")
    def of_dataset(self, manifest: Manifest) -> SafeString:
        return dataset_link(manifest.dataset)

    @admin.display(description="file")
    def download(self, manifest: Manifest) -> SafeString:
        return link(f"/api/tunix/manifests/{manifest.pk}.yaml", "Download")

    def view_on_site(self, obj: Manifest) -> str:
        return reverse("tunix:detail", args=[obj.pk])

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False
