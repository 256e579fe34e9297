from django.urls import path

from apps.datasets import api

urlpatterns = [
    path("api/datasets", api.Datasets.as_view()),
    path("api/datasets/build", api.DatasetBuild.as_view()),
    path("api/datasets/<str:key>", api.DatasetDetail.as_view()),
    path("api/datasets/<str:key>/entries", api.DatasetEntries.as_view()),
    path("api/datasets/<str:key>/export.jsonl", api.DatasetExport.as_view()),
]
