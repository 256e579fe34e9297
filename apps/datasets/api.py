from typing import Any

from django.http import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.request import Request

from apps.accounts.access import require_staff
from apps.accounts.idempotency import IDEMPOTENCY_KEY, idempotent
from apps.accounts.models import account_of
from apps.core.api import ApiView, example, query_parameters, responses
from apps.core.downloads import CONTENT_TYPE
from apps.core.errors import field_error
from apps.core.negotiation import Response
from apps.core.pagination import PageQuery, paginate
from apps.core.requests import read_json, validate
from apps.curation.curate import check_known, curate_traces
from apps.datasets import serializers
from apps.datasets.build import build_dataset
from apps.datasets.curated import count_curation
from apps.datasets.delete import delete_dataset
from apps.datasets.export import export_dataset
from apps.datasets.models import Dataset
from apps.datasets.overlap import find_overlaps
from apps.datasets.selection import select_traces, settle_selection
from apps.datasets.send import send_export
from apps.jobs import serializers as jobs
from apps.traces.api import body_limit
from apps.traces.models import Trace, TraceQuerySet

JSON_LINES = {(200, CONTENT_TYPE): OpenApiResponse(OpenApiTypes.STR, "One JSON object a line")}


class DatasetBuild(ApiView):
    @extend_schema(
        operation_id="build_dataset",
        parameters=[IDEMPOTENCY_KEY],
        request=serializers.BuildRequest,
        responses=responses({200: serializers.Built, 201: serializers.Built}, 404, 409, 413, 415, 422),
        examples=[
            example(
                {
                    "dataset_name": "my_training_data",
                    "dataset_version": "v1",
                    "limit": 100,
                    "selection_strategy": "latest",
                }
            ),
            example(
                {
                    "dataset_name": "arithmetic",
                    "dataset_version": "v1",
                    "where": {
                        "q": "27",
                        "source": "test",
                        "meta": {"source": "test"},
                        "steps": {"min": 2, "max": 12},
                        "chars": {"max": 2000},
                        "score": {"min": 5.0},
                        "in_dataset": "any",
                    },
                    "limit": None,
                },
                "Where",
            ),
        ],
    )
    @idempotent(body_limit)
    def post(self, request: Request) -> Response:
        """Freeze a selection under `{dataset_name}-{dataset_version}`.

        `filters` match top-level keys of meta strictly: `1` is not `"1"`. `where` takes what the list of
        traces takes: text, source, meta as a query string spells it, bounds of steps, characters and score,
        and which dataset holds a trace. All of both must hold; neither goes with `trace_ids`.

        200 when the key exists with the same recipe and members. The `content_digest` of the dataset is the
        sha256 over the digests of its traces, in order, each the sha256 of the canonical JSON of five fields.
        """
        wanted = validate(serializers.BuildRequest, read_json(request, body_limit()))
        if wanted.replace:
            require_staff(request.user, "replace a dataset")
        dataset, is_new = build_dataset(
            wanted.recipe, created_by=account_of(request.user), replace=wanted.replace
        )
        return Response(serializers.built(dataset), status=201 if is_new else 200)


class Datasets(ApiView):
    queries = {"GET": PageQuery}

    @extend_schema(
        operation_id="list_datasets",
        parameters=query_parameters(PageQuery),
        responses=responses({200: serializers.DatasetPage}),
    )
    def get(self, request: Request) -> Response:
        """The current build of every key, newest first."""
        rows = Dataset.objects.current().newest_first()
        return Response(paginate(rows, self.query, serializers.listed))


class DatasetDetail(ApiView):
    queries = {"GET": serializers.BuildQuery, "DELETE": serializers.DeleteQuery}

    @extend_schema(
        operation_id="get_dataset",
        parameters=query_parameters(serializers.BuildQuery),
        responses=responses({200: serializers.DatasetManifest}, 404),
    )
    def get(self, request: Request, key: str) -> Response:
        return Response(serializers.detailed(Dataset.objects.named(key, self.query.build)))

    @extend_schema(
        operation_id="delete_dataset",
        parameters=query_parameters(serializers.DeleteQuery),
        responses=responses({204: None}, 404, 409),
    )
    def delete(self, request: Request, key: str) -> Response:
        """Staff only. Leaves a tombstone; a superseded build goes by `build`."""
        require_staff(request.user, "delete datasets")
        dataset = Dataset.objects.named(key, self.query.build)
        delete_dataset(dataset, deleted_by=account_of(request.user), force=self.query.force)
        return Response(status=204)


class DatasetCuration(ApiView):
    queries = {"GET": serializers.BuildQuery}

    @extend_schema(
        operation_id="get_dataset_curation",
        parameters=query_parameters(serializers.BuildQuery),
        responses=responses({200: serializers.DatasetCuration}, 404),
    )
    def get(self, request: Request, key: str) -> Response:
        """What is said of its traces now: how many have which tag and which state of review."""
        dataset = Dataset.objects.named(key, self.query.build)
        return Response(serializers.curation(count_curation(dataset)))


class Curation(ApiView):
    @extend_schema(
        operation_id="curate_traces",
        parameters=[IDEMPOTENCY_KEY],
        request=serializers.CurateRequest,
        responses=responses({200: serializers.Curated}, 404, 409, 413, 415, 422),
        examples=[
            example({"where": {"source": "test"}, "add_tags": ["arithmetic"], "review": "approved"}),
        ],
    )
    @idempotent(body_limit)
    def post(self, request: Request) -> Response:
        """Tag and review many traces: those that match `where`, as in a build, or `trace_ids`."""
        wanted = validate(serializers.CurateRequest, read_json(request, body_limit()))
        done = curate_traces(_chosen(wanted), wanted.change, created_by=account_of(request.user))
        return Response(done._asdict())


class Overlap(ApiView):
    @extend_schema(
        operation_id="find_overlaps",
        parameters=[IDEMPOTENCY_KEY],
        request=serializers.OverlapRequest,
        responses=responses({202: jobs.JobDetail}, 404, 409, 413, 415, 422),
        examples=[example({"name": "gsm8k-test", "evaluation": {"source": "test"}})],
    )
    @idempotent(body_limit)
    def post(self, request: Request) -> Response:
        """Tag every trace whose prompt has 8 words in a row in common with one of the evaluation set.

        Answers with the job that does it. The traces of the evaluation set itself are not tagged; the same
        name again replaces what it tagged before.
        """
        wanted = validate(serializers.OverlapRequest, read_json(request, body_limit()))
        job = find_overlaps(wanted.evaluation, wanted.name, created_by=account_of(request.user))
        return Response(jobs.detailed(job), status=202)


def _chosen(wanted: serializers.CurateRequest) -> TraceQuerySet:
    if wanted.where is not None:
        settle_selection(wanted.where)
        return select_traces(wanted.where)
    keys = wanted.trace_ids or []
    check_known(keys)
    return Trace.objects.with_keys(keys)


class DatasetEntries(ApiView):
    queries = {"GET": serializers.EntryQuery}

    @extend_schema(
        operation_id="list_dataset_entries",
        parameters=query_parameters(serializers.EntryQuery),
        responses=responses({200: serializers.EntryPage}, 404),
    )
    def get(self, request: Request, key: str) -> Response:
        """The trace ids in order."""
        dataset = Dataset.objects.named(key, self.query.build)
        start = self.query.offset if self.query.cursor is None else _position(self.query.cursor)
        stop = min(start + self.query.limit, dataset.trace_count)
        ids = dataset.entries.between(start, stop).values_list("trace_id", flat=True)
        after = stop if stop < dataset.trace_count else None
        pagination: dict[str, Any] = {
            "limit": self.query.limit,
            "offset": start,
            "next_offset": after,
            "next_cursor": None if after is None else str(after),
        }
        return Response({"data": [*map(str, ids)], "pagination": pagination})


def _position(cursor: str) -> int:
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) < 19):
        raise field_error("cursor", "This is no cursor of this list.")
    return int(cursor)


class DatasetExport(ApiView):
    queries = {"GET": serializers.ExportQuery}

    @extend_schema(
        operation_id="export_dataset",
        parameters=query_parameters(serializers.ExportQuery),
        responses=responses({**JSON_LINES, 206: None, 304: None, 412: None, 416: None}, 404),
    )
    def get(self, request: Request, key: str) -> HttpResponseBase:
        """The whole dataset, one JSON object a line. Supports If-None-Match and Range."""
        dataset = Dataset.objects.named(key, self.query.build)
        return send_export(request._request, export_dataset(dataset, self.query.format))
