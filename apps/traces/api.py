from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ValidationError
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from apps.accounts.access import require_staff
from apps.accounts.idempotency import IDEMPOTENCY_KEY, idempotent
from apps.accounts.models import account_of
from apps.core.api import ApiView, example, query_parameters, responses
from apps.core.errors import NOT_FOUND, not_found
from apps.core.negotiation import Response
from apps.core.pagination import paginate
from apps.core.requests import read_json, validate
from apps.formats.trace import TracePayload
from apps.traces import serializers
from apps.traces.delete import delete_traces
from apps.traces.ingest import MAX_BATCH, ingest_traces, parse_batch, parse_trace
from apps.traces.models import Trace
from apps.traces.score import score_trace

MAX_BATCH_BYTES = 64 * 1024 * 1024

_EXAMPLE = {
    "trace_version": "1.0",
    "prompt": "What is 27 × 19?",
    "final_answer": "513",
    "steps": [
        {"i": 0, "type": "parse", "content": "Break down: 27 × 19 = 27 × (20 - 1)"},
        {"i": 1, "type": "compute", "content": "Calculate: 540 - 27 = 513"},
    ],
    "meta": {"source": "example", "difficulty": "easy"},
}


def body_limit() -> int:
    """Bytes of a body that holds one trace: four times the trace, for white space and escapes."""
    return 4 * settings.TRACE_MAX_BYTES


def get_trace(id: str) -> Trace:
    """Raises ValidationError (not found) also for what is no id."""
    try:
        return Trace.objects.get(pk=UUID(id))
    except (ValueError, Trace.DoesNotExist) as error:
        raise not_found("Trace", id) from error


class Traces(ApiView):
    queries = {"GET": serializers.TraceQuery}

    @extend_schema(
        operation_id="list_traces",
        parameters=query_parameters(serializers.TraceQuery),
        responses=responses({200: serializers.TracePage}),
    )
    def get(self, request: Request) -> Response:
        """Newest first. Filter also by any top-level key of meta: `meta.<key>=<value>`."""
        query = self.query
        rows = Trace.objects.matching(source=query.source, meta=query.meta, ingest_id=query.ingest_id)
        found = rows.searched(query.q) if query.q else rows
        return Response(paginate(found.newest_first().listed(), query, serializers.listed))

    @extend_schema(
        operation_id="create_trace",
        parameters=[IDEMPOTENCY_KEY],
        request=TracePayload,
        responses=responses({201: serializers.CreatedTrace}, 409, 413, 415, 422),
        examples=[example(_EXAMPLE)],
    )
    @idempotent(body_limit)
    def post(self, request: Request) -> Response:
        payload = parse_trace(read_json(request, body_limit()))
        [stored] = ingest_traces([payload], created_by=account_of(request.user))
        return Response(serializers.created(stored), status=201)


class TraceBatch(ApiView):
    @extend_schema(
        operation_id="create_traces",
        parameters=[IDEMPOTENCY_KEY],
        request={
            "application/json": {
                "type": "array",
                "items": {"$ref": "#/components/schemas/TracePayload"},
                "minItems": 1,
                "maxItems": MAX_BATCH,
            }
        },
        responses=responses({201: serializers.CreatedTraces}, 409, 413, 415, 422),
        examples=[example([_EXAMPLE])],
    )
    @idempotent(lambda: MAX_BATCH_BYTES)
    def post(self, request: Request) -> Response:
        """Store 1 to 1000 traces, all or none. A refusal names the trace: `17.prompt`."""
        payloads = parse_batch(read_json(request, MAX_BATCH_BYTES))
        stored = ingest_traces(payloads, created_by=account_of(request.user))
        answer = {"created_count": len(stored), "traces": [*map(serializers.created, stored)]}
        return Response(answer, status=201)


class TraceDetail(ApiView):
    @extend_schema(operation_id="get_trace", responses=responses({200: serializers.TraceDetail}, 404))
    def get(self, request: Request, id: str) -> Response:
        return Response(serializers.detailed(get_trace(id)))

    @extend_schema(operation_id="delete_trace", responses=responses({204: None}, 404, 409))
    def delete(self, request: Request, id: str) -> Response:
        """Staff only. A trace that a dataset holds stays: a dataset is frozen."""
        require_staff(request.user, "delete traces")
        delete_traces(Trace.objects.filter(pk=get_trace(id).pk))
        return Response(status=204)


class TraceScore(ApiView):
    @extend_schema(
        operation_id="score_trace",
        parameters=[IDEMPOTENCY_KEY],
        request=serializers.ScoreRequest,
        responses=responses({201: serializers.Scored}, 404, 409, 413, 415, 422),
        examples=[example({"criteria": "baseline"})],
    )
    @idempotent(body_limit)
    def post(self, request: Request, id: str) -> Response:
        """Append a score record; baseline = min(n/10, 1)*50 + min(average step characters/500, 1)*50."""
        trace = get_trace(id)
        wanted = validate(serializers.ScoreRequest, read_json(request, body_limit()))
        score = score_trace(trace, wanted.criteria, created_by=account_of(request.user))
        return Response(serializers.scored(score), status=201)


class TraceComparison(ApiView):
    queries = {"GET": serializers.CompareQuery}

    @extend_schema(
        operation_id="compare_traces",
        parameters=query_parameters(serializers.CompareQuery),
        responses=responses({200: serializers.Comparison}, 404),
    )
    def get(self, request: Request) -> Response:
        found = Trace.objects.in_bulk([self.query.base, self.query.other])
        answer: dict[str, Any] = {}
        for side, id in (("base", self.query.base), ("other", self.query.other)):
            if id not in found:
                raise ValidationError(f"{side.capitalize()} trace {id} not found", code=NOT_FOUND)
            answer[side] = serializers.compared(found[id])
        return Response(answer)
