from django.http import HttpResponse, HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.request import Request

from apps.accounts.idempotency import IDEMPOTENCY_KEY, idempotent
from apps.accounts.models import account_of
from apps.core.api import ApiView, example, query_parameters, responses
from apps.core.negotiation import Response
from apps.core.pagination import PageQuery, paginate
from apps.core.requests import read_json, validate
from apps.datasets.api import JSON_LINES
from apps.datasets.export import export_dataset, export_traces
from apps.datasets.models import Dataset
from apps.datasets.send import send_export
from apps.traces.api import body_limit
from apps.tunix import serializers
from apps.tunix.availability import tunix_status
from apps.tunix.manifest import generate_manifest
from apps.tunix.models import Manifest


class TunixStatus(ApiView):
    @extend_schema(operation_id="tunix_status", responses=responses({200: serializers.TunixStatus}))
    def get(self, request: Request) -> Response:
        return Response(tunix_status())


class SftExport(ApiView):
    is_reading = True

    @extend_schema(
        operation_id="export_tunix_sft",
        request=serializers.SftExportRequest,
        responses=responses(JSON_LINES, 404, 413, 415),
        examples=[example({"dataset_key": "ungar_hcd-v1", "limit": 100})],
    )
    def post(self, request: Request) -> HttpResponseBase:
        """A dataset or given traces in format tunix_sft. What `limit` cut off is said in the headers."""
        wanted = validate(serializers.SftExportRequest, read_json(request, body_limit()))
        if wanted.trace_ids is not None:
            export = export_traces(wanted.trace_ids, serializers.FORMAT, wanted.limit)
        else:
            dataset = Dataset.objects.named(str(wanted.dataset_key))
            export = export_dataset(dataset, serializers.FORMAT, wanted.limit)
        return send_export(request._request, export)


class SftManifest(ApiView):
    @extend_schema(
        operation_id="generate_manifest",
        parameters=[IDEMPOTENCY_KEY],
        request=serializers.ManifestRequest,
        responses=responses({201: serializers.ManifestCreated}, 404, 409, 413, 415, 422),
        examples=[
            example(
                {
                    "dataset_key": "ungar_hcd-v1",
                    "model_id": "google/gemma-2b-it",
                    "output_dir": "./output/run_001",
                }
            )
        ],
    )
    @idempotent(body_limit)
    def post(self, request: Request) -> Response:
        """A training manifest as YAML, kept as a record that points at the build of the dataset."""
        wanted = validate(serializers.ManifestRequest, read_json(request, body_limit()))
        manifest = generate_manifest(wanted.dataset_key, wanted.training, created_by=account_of(request.user))
        return Response(serializers.created(manifest), status=201)


class Manifests(ApiView):
    queries = {"GET": PageQuery}

    @extend_schema(
        operation_id="list_manifests",
        parameters=query_parameters(PageQuery),
        responses=responses({200: serializers.ManifestPage}),
    )
    def get(self, request: Request) -> Response:
        """Newest first."""
        rows = Manifest.objects.select_related("dataset").newest_first()
        return Response(paginate(rows, self.query, serializers.detailed))


class ManifestDetail(ApiView):
    @extend_schema(operation_id="get_manifest", responses=responses({200: serializers.ManifestDetail}, 404))
    def get(self, request: Request, id: str) -> Response:
        return Response(serializers.detailed(Manifest.objects.get_by_id(id)))


class ManifestYaml(ApiView):
    @extend_schema(
        operation_id="download_manifest",
        responses=responses({(200, "application/yaml"): OpenApiResponse(OpenApiTypes.STR, "The YAML")}, 404),
    )
    def get(self, request: Request, id: str) -> HttpResponseBase:
        manifest = Manifest.objects.get_by_id(id)
        return HttpResponse(
            manifest.yaml,
            content_type="application/yaml",
            headers={"Content-Disposition": f'attachment; filename="{manifest.dataset_key}.yaml"'},
        )
