from django.urls import path

from apps.curation import api, views

app_name = "curation"

urlpatterns = [
    path("traces/<str:id>/tags", views.tags, name="tags"),
    path("traces/<str:id>/notes", views.notes, name="notes"),
    path("traces/<str:id>/review", views.review, name="review"),
]

api_urlpatterns = [
    path("traces/<str:id>/curation", api.TraceCuration.as_view()),
    path("traces/<str:id>/tags", api.TraceTags.as_view()),
    path("traces/<str:id>/notes", api.TraceNotes.as_view()),
    path("traces/<str:id>/review", api.TraceReview.as_view()),
]
