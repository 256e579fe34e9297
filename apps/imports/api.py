from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.request import Request

from apps.accounts.idempotency import IDEMPOTENCY_KEY, answer_once, idempotent, takes_key
from apps.accounts.models import account_of
from apps.core.api import ApiView, example, query_parameters, responses
from apps.core.downloads import CONTENT_TYPE
from apps.core.negotiation import Response
from apps.core.pagination import paginate
from apps.core.requests import drain, read_json, read_parts, validate
from apps.imports import serializers
from apps.imports.again import try_again
from apps.imports.choose import Terms
from apps.imports.models import Import
from apps.imports.receive import Upload, note_refusal
from apps.imports.rehearse import start_rehearsal
from apps.imports.rejected import send_rejected
from apps.imports.remove import ask_removal, find_import, require_may_remove
from apps.imports.start import start_import

# None of them is one that a form of another site's page can send.
CONTENT_TYPES = (
    "application/octet-stream",
    "application/jsonl",
    "application/x-ndjson",
    "application/json",
    "text/csv",
    "text/tab-separated-values",
    "application/gzip",
    "application/zstd",
    "application/vnd.apache.parquet",
)
MAX_TERMS_BYTES = 1 << 20

_BODY = {"type": "string", "format": "binary"}
_REJECTED = {(200, CONTENT_TYPE): OpenApiResponse(OpenApiTypes.STR, "One JSON object a rejected row")}


@contextmanager
def _receiving(request: HttpRequest) -> Iterator[Upload]:
    """All of the body; gone at the end unless it is stored: half a file helps nobody."""
    upload = Upload()
    try:
        for part in read_parts(request):
            upload.write(part)
        yield upload
    finally:
        upload.discard()


class Imports(ApiView):
    queries = {"GET": serializers.ImportQuery, "POST": serializers.UploadQuery}

    @extend_schema(
        operation_id="list_imports",
        parameters=query_parameters(serializers.ImportQuery),
        responses=responses({200: serializers.ImportPage}),
    )
    def get(self, request: Request) -> Response:
        """Newest first."""
        found = Import.objects.newest_first()
        if self.query.state:
            found = found.in_state(self.query.state)
        return Response(paginate(found, self.query, serializers.detailed))

    @extend_schema(
        operation_id="create_import",
        parameters=[*query_parameters(serializers.UploadQuery), IDEMPOTENCY_KEY],
        request=dict.fromkeys(CONTENT_TYPES, _BODY),
        responses=responses({202: serializers.ImportDetail}, 409, 411, 413, 415, 422),
    )
    @takes_key
    def post(self, request: Request) -> HttpResponse:
        """The body is the file, up to 2 GB: JSON Lines, JSON, CSV or TSV, plain, gzip or zstd, or Parquet.

        What it is, is told from its content. It is read in the background: ask again until `finished_at` is
        there. Where no format is recognised, or what is wished does not fit the file, `state` stays
        "uploaded" and `reason` says why: start it with a mapping, or other wishes, then.

        With `dry_run` it stays "uploaded", too. Ask the job until its `finished_at` is there: its `result`
        says what an import would do, `rejected.jsonl` has the rows that it would reject.
        """
        _check_content_type(request)
        with _receiving(request._request) as upload:
            found = upload.look_into(self.query.filename, account_of(request.user))
            return answer_once(request, upload.sha256, lambda: self._take(upload, found, request))

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """A refusal comes at the head of the file: it is heard only when the rest is read, too."""
        if request.method == "POST" and response.status_code >= 400:
            drain(self.request._request, settings.IMPORT_MAX_BYTES)
        return super().finalize_response(request, response, *args, **kwargs)

    def _take(self, upload: Upload, found: Import, request: Request) -> Response:
        upload.store(found)
        terms: Terms = self.query.terms
        try:
            start = start_rehearsal if self.query.dry_run else start_import
            start(found, terms, created_by=account_of(request.user))
        except ValidationError as error:
            note_refusal(found, terms, error)
        return Response(serializers.detailed(found), status=202)


def _check_content_type(request: Request) -> None:
    given = request.content_type or ""
    if given.partition(";")[0].strip().lower() not in CONTENT_TYPES:
        raise UnsupportedMediaType(given, f"Send the file as the body, as one of {', '.join(CONTENT_TYPES)}.")


class ImportDetail(ApiView):
    @extend_schema(operation_id="get_import", responses=responses({200: serializers.ImportDetail}, 404))
    def get(self, request: Request, id: str) -> Response:
        return Response(serializers.detailed(find_import(id)))

    @extend_schema(
        operation_id="delete_import", responses=responses({202: serializers.ImportDetail}, 404, 409)
    )
    def delete(self, request: Request, id: str) -> Response:
        """Removes all that it brought, in the background; nothing where a dataset holds some. Staff only, but
        whoever uploaded a file discards it as long as nothing came of it.
        """
        found = find_import(id)
        require_may_remove(found, request.user)
        ask_removal(found, created_by=account_of(request.user))
        return Response(serializers.detailed(find_import(id)), status=202)


class ImportStart(ApiView):
    queries = {"POST": serializers.StartQuery}

    @extend_schema(
        operation_id="start_import",
        parameters=[*query_parameters(serializers.StartQuery), IDEMPOTENCY_KEY],
        request=Terms,
        responses=responses({202: serializers.ImportDetail}, 404, 409, 413, 415, 422),
        examples=[example({"mapping": {"prompt": "question", "answer": "response"}, "on_error": "skip"})],
    )
    @idempotent(lambda: MAX_TERMS_BYTES)
    def post(self, request: Request, id: str) -> Response:
        """For one that was uploaded and waits to be told what is what."""
        found = find_import(id)
        terms = validate(Terms, read_json(request, MAX_TERMS_BYTES))
        start = start_rehearsal if self.query.dry_run else start_import
        start(found, terms, created_by=account_of(request.user))
        return Response(serializers.detailed(find_import(id)), status=202)


class ImportAgain(ApiView):
    @extend_schema(
        operation_id="try_import_again",
        parameters=[IDEMPOTENCY_KEY],
        request=None,
        responses=responses({201: serializers.ImportDetail}, 404, 409, 422),
    )
    @idempotent(lambda: MAX_TERMS_BYTES)
    def post(self, request: Request, id: str) -> Response:
        """A new import of the same file, to be started, for one that failed or was cancelled. Its file is
        kept for 7 days.
        """
        fresh = try_again(find_import(id), created_by=account_of(request.user))
        return Response(serializers.detailed(fresh), status=201)


class ImportRejected(ApiView):
    @extend_schema(
        operation_id="export_rejected_rows",
        responses=responses({**_REJECTED, 206: None, 304: None, 412: None, 416: None}, 404),
    )
    def get(self, request: Request, id: str) -> HttpResponseBase:
        """Of each rejected row its line, field, reason and text. Supports If-None-Match and Range."""
        return send_rejected(request._request, find_import(id))
