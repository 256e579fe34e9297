from django.urls import path

from apps.datasets import api

api_urlpatterns = [
    path("datasets", api.Datasets.as_view()),
    path("datasets/build", api.DatasetBuild.as_view()),
    path("datasets/<str:key>", api.DatasetDetail.as_view()),
    path("datasets/<str:key>/entries", api.DatasetEntries.as_view()),
    path("datasets/<str:key>/export.jsonl", api.DatasetExport.as_view()),
]
