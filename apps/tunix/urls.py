from django.urls import path

from apps.tunix import api

urlpatterns = [
    path("api/tunix/status", api.TunixStatus.as_view()),
    path("api/tunix/sft/export", api.SftExport.as_view()),
    path("api/tunix/sft/manifest", api.SftManifest.as_view()),
    path("api/tunix/manifests", api.Manifests.as_view()),
    path("api/tunix/manifests/<str:id>.yaml", api.ManifestYaml.as_view()),
    path("api/tunix/manifests/<str:id>", api.ManifestDetail.as_view()),
]
