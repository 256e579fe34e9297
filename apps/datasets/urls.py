from django.urls import path

from apps.datasets import api
from apps.datasets.views import build, bulk, compare, curate, datasets, overlap, trace, traces

app_name = "datasets"

urlpatterns = [
    path("traces", traces.traces, name="traces"),
    path("traces/curate", curate.curate_traces, name="curate_traces"),
    path("traces/delete", bulk.delete_traces, name="delete_traces"),
    path("traces/export", bulk.export_traces, name="export_traces"),
    path("traces/<str:id>", trace.trace, name="trace"),
    path("curation/overlap", overlap.overlap, name="overlap"),
    path("datasets", datasets.list, name="list"),
    path("datasets/new", build.new, name="new"),
    path("datasets/compare", compare.compare, name="compare"),
    path("datasets/<str:key>", datasets.detail, name="detail"),
    path("datasets/<str:key>/curation", curate.curation, name="curation"),
    path("datasets/<str:key>/delete", datasets.delete, name="delete"),
]

api_urlpatterns = [
    path("curation", api.Curation.as_view()),
    path("curation/overlap", api.Overlap.as_view()),
    path("datasets", api.Datasets.as_view()),
    path("datasets/build", api.DatasetBuild.as_view()),
    path("datasets/<str:key>", api.DatasetDetail.as_view()),
    path("datasets/<str:key>/curation", api.DatasetCuration.as_view()),
    path("datasets/<str:key>/entries", api.DatasetEntries.as_view()),
    path("datasets/<str:key>/export.jsonl", api.DatasetExport.as_view()),
]
