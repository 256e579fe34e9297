from django.urls import path

from apps.ungar import api, views

app_name = "ungar"

urlpatterns = [
    path("ungar", views.panel, name="panel"),
]

api_urlpatterns = [
    path("status", api.UngarStatus.as_view()),
    path("high-card-duel/generate", api.HighCardDuelGeneration.as_view()),
    path("high-card-duel/export.jsonl", api.HighCardDuelExport.as_view()),
]
