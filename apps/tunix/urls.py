from django.urls import path

from apps.tunix import api
from apps.tunix.views import manifests, panel

app_name = "tunix"

urlpatterns = [
    path("tunix", panel.panel, name="panel"),
    path("tunix/export", panel.export, name="export"),
    path("manifests", manifests.list, name="list"),
    path("manifests/compare", manifests.compare, name="compare"),
    path("manifests/<str:id>", manifests.detail, name="detail"),
]

api_urlpatterns = [
    path("status", api.TunixStatus.as_view()),
    path("sft/export", api.SftExport.as_view()),
    path("sft/manifest", api.SftManifest.as_view()),
    path("manifests", api.Manifests.as_view()),
    path("manifests/<str:id>.yaml", api.ManifestYaml.as_view()),
    path("manifests/<str:id>", api.ManifestDetail.as_view()),
]
