from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from apps.accounts.idempotency import IDEMPOTENCY_KEY, idempotent
from apps.accounts.models import account_of
from apps.core.api import ApiView, example, responses
from apps.core.negotiation import Response
from apps.core.requests import read_json, validate
from apps.curation import serializers
from apps.curation.curate import Change, add_note, curate_traces
from apps.curation.look import curation_of
from apps.traces.api import body_limit, get_trace
from apps.traces.models import Trace

ANSWER = serializers.TraceCuration


def _curate(request: Request, id: str, change: Change) -> Response:
    trace = get_trace(id)
    curate_traces(Trace.objects.with_keys([trace.pk]), change, created_by=account_of(request.user))
    return Response(serializers.described(curation_of(trace)))


class TraceCuration(ApiView):
    @extend_schema(operation_id="get_trace_curation", responses=responses({200: ANSWER}, 404))
    def get(self, request: Request, id: str) -> Response:
        """What people said of a trace: its tags, its reviews and its notes."""
        return Response(serializers.described(curation_of(get_trace(id))))


class TraceTags(ApiView):
    @extend_schema(
        operation_id="tag_trace",
        parameters=[IDEMPOTENCY_KEY],
        request=serializers.TagsRequest,
        responses=responses({200: ANSWER}, 404, 409, 413, 415, 422),
        examples=[example({"add": ["arithmetic"], "remove": ["to check"]})],
    )
    @idempotent(body_limit)
    def post(self, request: Request, id: str) -> Response:
        """Unicode is composed (NFC) and white space folded, so that names that look equal are equal."""
        get_trace(id)
        wanted = validate(serializers.TagsRequest, read_json(request, body_limit()))
        return _curate(request, id, Change(add_tags=wanted.add, remove_tags=wanted.remove))


class TraceNotes(ApiView):
    @extend_schema(
        operation_id="note_trace",
        parameters=[IDEMPOTENCY_KEY],
        request=serializers.NoteRequest,
        responses=responses({201: ANSWER}, 404, 409, 413, 415, 422),
        examples=[example({"text": "The second step skips the carry."})],
    )
    @idempotent(body_limit)
    def post(self, request: Request, id: str) -> Response:
        """Append a note. Notes are never changed."""
        trace = get_trace(id)
        wanted = validate(serializers.NoteRequest, read_json(request, body_limit()))
        add_note(trace, wanted.text, created_by=account_of(request.user))
        return Response(serializers.described(curation_of(trace)), status=201)


class TraceReview(ApiView):
    @extend_schema(
        operation_id="review_trace",
        parameters=[IDEMPOTENCY_KEY],
        request=serializers.ReviewRequest,
        responses=responses({200: ANSWER}, 404, 409, 413, 415, 422),
        examples=[example({"state": "approved"})],
    )
    @idempotent(body_limit)
    def post(self, request: Request, id: str) -> Response:
        """Append a review. The state that the trace has already is not noted again."""
        get_trace(id)
        wanted = validate(serializers.ReviewRequest, read_json(request, body_limit()))
        return _curate(request, id, Change(review=wanted.state))
