from django.urls import path

from apps.ungar import api

urlpatterns = [
    path("api/ungar/status", api.UngarStatus.as_view()),
    path("api/ungar/high-card-duel/generate", api.HighCardDuelGeneration.as_view()),
    path("api/ungar/high-card-duel/export.jsonl", api.HighCardDuelExport.as_view()),
]
