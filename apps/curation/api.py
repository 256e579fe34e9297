from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from apps.accounts.access import require_staff
from apps.accounts.idempotency import IDEMPOTENCY_KEY, idempotent
from apps.accounts.models import User, account_of
from apps.core.api import ApiView, example, query_parameters, responses
from apps.core.negotiation import Response
from apps.core.pagination import PageQuery, paginate
from apps.core.requests import read_json, validate
from apps.curation import serializers
from apps.curation.curate import Change, add_note, curate_traces
from apps.curation.duplicates import find_duplicates
from apps.curation.forget import ask_removal, find_search, require_may_remove
from apps.curation.groups import members_listed, summaries
from apps.curation.look import curation_of
from apps.curation.models import DuplicateGroup, DuplicateSearch
from apps.curation.resolve import dismiss_group, find_group, keep_alone, keep_trace
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


class DuplicateSearches(ApiView):
    queries = {"GET": PageQuery}

    @extend_schema(
        operation_id="list_duplicate_searches",
        parameters=query_parameters(PageQuery),
        responses=responses({200: serializers.DuplicateSearchPage}),
    )
    def get(self, request: Request) -> Response:
        """Newest first."""
        found = DuplicateSearch.objects.newest_first().with_people()
        return Response(paginate(found, self.query, serializers.search_described))

    @extend_schema(
        operation_id="find_duplicates",
        parameters=[IDEMPOTENCY_KEY],
        request=serializers.DuplicateRequest,
        responses=responses({202: serializers.DuplicateSearchDetail}, 409, 413, 415, 422),
        examples=[example({"name": "prompts", "compared": "prompt", "threshold": 0.7})],
    )
    @idempotent(body_limit)
    def post(self, request: Request) -> Response:
        """Search all traces for equal or nearly equal ones, in the background.

        Ask again until `finished_at` is there. Of each group the trace with the highest score is kept, of
        equal ones the oldest; the others are tagged, so that `"where": {"tag": "-duplicate:<name>"}` builds
        without them. Two texts are nearly equal where the sets of their words, three in a row each, without
        case and punctuation, have a Jaccard similarity of `threshold` or more.
        """
        wanted = validate(serializers.DuplicateRequest, read_json(request, body_limit()))
        search = find_duplicates(
            wanted.name,
            compared=wanted.compared,
            threshold=wanted.threshold,
            created_by=account_of(request.user),
        )
        return Response(serializers.search_described(search), status=202)


class DuplicateSearchDetail(ApiView):
    @extend_schema(
        operation_id="get_duplicate_search",
        responses=responses({200: serializers.DuplicateSearchDetail}, 404),
    )
    def get(self, request: Request, id: str) -> Response:
        return Response(serializers.search_described(find_search(id)))

    @extend_schema(
        operation_id="delete_duplicate_search",
        responses=responses({202: serializers.DuplicateSearchDetail}, 404, 409),
    )
    def delete(self, request: Request, id: str) -> Response:
        """Removes its groups and its tags, in the background; no trace is deleted."""
        found = find_search(id)
        require_may_remove(found, request.user)
        ask_removal(found, created_by=account_of(request.user))
        return Response(serializers.search_described(find_search(id)), status=202)


class DuplicateGroups(ApiView):
    queries = {"GET": serializers.GroupQuery}

    @extend_schema(
        operation_id="list_duplicate_groups",
        parameters=query_parameters(serializers.GroupQuery),
        responses=responses({200: serializers.DuplicateGroupPage}, 404),
    )
    def get(self, request: Request, id: str) -> Response:
        """The largest first; none before the search is done."""
        search = find_search(id)
        found = DuplicateGroup.objects.of_search(search).largest_first()
        if self.query.state:
            found = found.in_state(self.query.state)
        page = paginate(found if search.is_done else found.none(), self.query, lambda group: {"id": group.pk})
        keys = [item["id"] for item in page["data"]]
        members = members_listed(keys)
        page["data"] = [
            serializers.group_described(summary, members[summary.group.pk]) for summary in summaries(keys)
        ]
        return Response(page)


class DuplicateGroupDetail(ApiView):
    queries = {"GET": PageQuery}

    @extend_schema(
        operation_id="get_duplicate_group",
        parameters=query_parameters(PageQuery),
        responses=responses({200: serializers.DuplicateGroupDetail}, 404),
    )
    def get(self, request: Request, id: str, group: str) -> Response:
        """With a page of its members."""
        return Response(_described(find_group(find_search(id), group), self.query))

    @extend_schema(
        operation_id="resolve_duplicate_group",
        parameters=[IDEMPOTENCY_KEY],
        request=serializers.ResolveRequest,
        responses=responses({200: serializers.DuplicateGroupDetail}, 404, 409, 413, 415, 422),
        examples=[
            example({"keep": "01a20da6-e40e-71db-84f8-e063439aeaf2"}),
            example({"dismiss": True}, "No"),
        ],
    )
    @idempotent(body_limit)
    def post(self, request: Request, id: str, group: str) -> Response:
        """Say which trace is kept, and delete the others if you like, or that these are no duplicates.

        Where a dataset holds one of the others, none is deleted.
        """
        found = find_group(find_search(id), group)
        wanted = validate(serializers.ResolveRequest, read_json(request, body_limit()))
        if wanted.delete_others:
            require_staff(request.user, "delete traces")
        _resolve(found, wanted, account_of(request.user))
        return Response(_described(find_group(find_search(id), group), PageQuery()))


def _resolve(group: DuplicateGroup, wanted: serializers.ResolveRequest, resolved_by: User | None) -> None:
    if wanted.keep is None:
        dismiss_group(group, resolved_by=resolved_by)
    elif wanted.delete_others:
        keep_alone(group, wanted.keep, resolved_by=resolved_by)
    else:
        keep_trace(group, wanted.keep, resolved_by=resolved_by)


def _described(group: DuplicateGroup, query: PageQuery) -> dict[str, Any]:
    [summary] = summaries([group.pk])
    page = paginate(group.members.most_alike_first(), query, serializers.member_described)
    answer = serializers.group_described(summary, [])
    return {**answer, "members": page["data"], "pagination": page["pagination"]}
