from django.urls import path

from apps.curation import api, views
from apps.curation.views import duplicates

app_name = "curation"

urlpatterns = [
    path("traces/<str:id>/tags", views.tags, name="tags"),
    path("traces/<str:id>/notes", views.notes, name="notes"),
    path("traces/<str:id>/review", views.review, name="review"),
    path("curation/duplicates", duplicates.duplicates, name="duplicates"),
    path("curation/duplicates/new", duplicates.find, name="find_duplicates"),
    path("curation/duplicates/<str:id>", duplicates.search, name="search"),
    path("curation/duplicates/<str:id>/cancel", duplicates.cancel, name="cancel_search"),
    path("curation/duplicates/<str:id>/remove", duplicates.remove, name="remove_search"),
    path("curation/duplicates/<str:id>/groups/<str:group>", duplicates.group, name="group"),
    path("curation/duplicates/<str:id>/groups/<str:group>/delete", duplicates.delete, name="delete_others"),
]

api_urlpatterns = [
    path("traces/<str:id>/curation", api.TraceCuration.as_view()),
    path("traces/<str:id>/tags", api.TraceTags.as_view()),
    path("traces/<str:id>/notes", api.TraceNotes.as_view()),
    path("traces/<str:id>/review", api.TraceReview.as_view()),
    path("curation/duplicates", api.DuplicateSearches.as_view()),
    path("curation/duplicates/<str:id>", api.DuplicateSearchDetail.as_view()),
    path("curation/duplicates/<str:id>/groups", api.DuplicateGroups.as_view()),
    path("curation/duplicates/<str:id>/groups/<str:group>", api.DuplicateGroupDetail.as_view()),
]
