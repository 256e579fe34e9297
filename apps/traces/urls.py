from django.urls import path

from apps.traces import api

urlpatterns = [
    path("api/traces", api.Traces.as_view()),
    path("api/traces/batch", api.TraceBatch.as_view()),
    path("api/traces/compare", api.TraceComparison.as_view()),
    path("api/traces/<str:id>", api.TraceDetail.as_view()),
    path("api/traces/<str:id>/score", api.TraceScore.as_view()),
]
