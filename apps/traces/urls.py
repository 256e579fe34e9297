from django.urls import path

from apps.traces import api, views

app_name = "traces"

urlpatterns = [
    path("traces/new", views.new, name="new"),
    path("traces/compare", views.compare, name="compare"),
    path("traces/<str:id>/score", views.score, name="score"),
]

api_urlpatterns = [
    path("traces", api.Traces.as_view()),
    path("traces/batch", api.TraceBatch.as_view()),
    path("traces/compare", api.TraceComparison.as_view()),
    path("traces/<str:id>", api.TraceDetail.as_view()),
    path("traces/<str:id>/score", api.TraceScore.as_view()),
]
