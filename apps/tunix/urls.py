from django.urls import path

from apps.tunix import api, views

app_name = "tunix"

urlpatterns = [
    path("tunix", views.panel, name="panel"),
    path("manifests", views.list, name="list"),
    path("manifests/compare", views.compare, name="compare"),
    path("manifests/<str:id>", views.detail, name="detail"),
]

api_urlpatterns = [
    path("tunix/status", api.TunixStatus.as_view()),
    path("tunix/sft/export", api.SftExport.as_view()),
    path("tunix/sft/manifest", api.SftManifest.as_view()),
    path("tunix/manifests", api.Manifests.as_view()),
    path("tunix/manifests/<str:id>.yaml", api.ManifestYaml.as_view()),
    path("tunix/manifests/<str:id>", api.ManifestDetail.as_view()),
]
