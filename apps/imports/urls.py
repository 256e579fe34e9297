from django.urls import path

from apps.imports import api, views

app_name = "imports"

urlpatterns = [
    path("imports", views.list, name="list"),
    path("imports/new", views.new, name="new"),
    path("imports/<str:id>", views.detail, name="detail"),
    path("imports/<str:id>/start", views.start, name="start"),
    path("imports/<str:id>/rehearsal", views.rehearsal, name="rehearsal"),
    path("imports/<str:id>/cancel", views.cancel, name="cancel"),
    path("imports/<str:id>/again", views.again, name="again"),
    path("imports/<str:id>/remove", views.remove, name="remove"),
    path("imports/<str:id>/rejected.jsonl", views.rejected, name="rejected"),
]

api_urlpatterns = [
    path("imports", api.Imports.as_view()),
    path("imports/<str:id>", api.ImportDetail.as_view()),
    path("imports/<str:id>/start", api.ImportStart.as_view()),
    path("imports/<str:id>/again", api.ImportAgain.as_view()),
    path("imports/<str:id>/rejected.jsonl", api.ImportRejected.as_view()),
]
