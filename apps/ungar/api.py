from uuid import UUID

from django.http import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from apps.accounts.idempotency import IDEMPOTENCY_KEY, idempotent
from apps.accounts.models import account_of
from apps.core.api import ApiView, example, query_parameters, responses
from apps.core.errors import field_error
from apps.core.negotiation import Response
from apps.core.requests import read_json, validate
from apps.datasets.api import JSON_LINES
from apps.datasets.export import export_traces
from apps.datasets.send import send_export
from apps.traces.api import body_limit
from apps.traces.models import Trace
from apps.ungar import serializers
from apps.ungar.availability import ungar_status
from apps.ungar.generate import generate_episodes
from apps.ungar.high_card_duel import SOURCE


class UngarStatus(ApiView):
    @extend_schema(operation_id="ungar_status", responses=responses({200: serializers.UngarStatus}))
    def get(self, request: Request) -> Response:
        return Response(ungar_status())


class HighCardDuelGeneration(ApiView):
    @extend_schema(
        operation_id="generate_high_card_duel",
        parameters=[IDEMPOTENCY_KEY],
        request=serializers.GenerateRequest,
        responses=responses({201: serializers.Generated}, 409, 413, 415, 422),
        examples=[example({"count": 5, "seed": 42})],
    )
    @idempotent(body_limit)
    def post(self, request: Request) -> Response:
        """Play episodes and store them as traces. Works with and without the ungar package."""
        wanted = validate(serializers.GenerateRequest, read_json(request, body_limit()))
        episodes = generate_episodes(
            wanted.count, wanted.seed, persist=wanted.persist, created_by=account_of(request.user)
        )
        return Response(serializers.generated(episodes), status=201)


class HighCardDuelExport(ApiView):
    queries = {"GET": serializers.UngarExportQuery}

    @extend_schema(
        operation_id="export_high_card_duel",
        parameters=query_parameters(serializers.UngarExportQuery),
        responses=responses({**JSON_LINES, 206: None, 304: None, 412: None, 416: None}, 404),
    )
    def get(self, request: Request) -> HttpResponseBase:
        """The newest episodes, or those asked for, in format trace."""
        if self.query.ids is None:
            episodes = Trace.objects.of_source(SOURCE)
            wanted = [*episodes.newest_ids(self.query.limit)]
            export = export_traces(wanted, "trace", total=episodes.count())
        else:
            export = export_traces(_parse(self.query.ids), "trace", self.query.limit)
        return send_export(request._request, export)


def _parse(ids: list[str]) -> list[UUID]:
    try:
        return [UUID(id) for id in ids]
    except ValueError as error:
        raise field_error("trace_ids", "Give UUIDs separated by commas.") from error
