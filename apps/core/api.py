"""What every view of the API has in common, and how OpenAPI is told of refusals."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse
from pydantic import BaseModel, ConfigDict
from rest_framework.request import Request
from rest_framework.views import APIView

from apps.core.problems import NOT_SIGNED_IN
from apps.core.requests import parse_query


class NoQuery(BaseModel):
    """A call without parameters: whatever stands in the query string is unknown."""

    model_config = ConfigDict(extra="forbid")


class ApiView(APIView):
    """Refuses unknown query parameters; `queries` names the schema of each method that takes some."""

    queries: ClassVar[dict[str, type[BaseModel]]] = {}
    metadata_class = None
    query: Any

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        method = "GET" if request.method == "HEAD" else str(request.method)
        self.query = parse_query(request, self.queries.get(method, NoQuery))


class UnknownPath(ApiView):
    """Whatever no other path under /api answers."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super(ApiView, self).initial(request, *args, **kwargs)
        raise ValidationError(f"No such path: {request.path}. See /api/docs.", code="not_found")


class Problem(BaseModel):
    detail: str
    errors: dict[str, list[str]] | None = None


_EXAMPLES: dict[int, tuple[str, dict[str, Any]]] = {
    400: (
        "A value is refused; `errors` names every refused field",
        {
            "detail": "limit: This must be at least 1.",
            "errors": {"limit": ["This must be at least 1."]},
        },
    ),
    401: ("Not signed in", {"detail": NOT_SIGNED_IN}),
    403: ("Not allowed", {"detail": "This token is read-only. Use a read-write token for this call."}),
    404: ("Not found", {"detail": "Dataset not found: my_training_data-v1"}),
    409: ("In the way of something else", {"detail": "The trace is held by ungar_hcd-v1."}),
    411: (
        "Without a length",
        {"detail": "Send the file with a Content-Length, as curl --data-binary @FILE does: ..."},
    ),
    413: ("Too large", {"detail": "The request body is larger than the limit of 4194304 bytes."}),
    415: ("Not JSON", {"detail": "Send the body as Content-Type: application/json."}),
    422: (
        "The Idempotency-Key came with another body before",
        {"detail": "This Idempotency-Key came with another body before. Draw a new key for a new act."},
    ),
    429: ("Too many calls", {"detail": "Request was throttled. Expected available in 17 seconds."}),
}
_ALWAYS = (400, 401, 403, 429)


def responses(success: Mapping[Any, Any], *refusals: int) -> dict[Any, Any]:
    """`success` with the refusals of every call and those named here."""
    refused = {
        status: OpenApiResponse(
            Problem,
            description=_EXAMPLES[status][0],
            examples=[OpenApiExample(_EXAMPLES[status][0], _EXAMPLES[status][1])],
        )
        for status in sorted({*_ALWAYS, *refusals})
    }
    return {**success, **refused}


def example(value: Any, name: str = "Example") -> OpenApiExample:
    return OpenApiExample(name, value)


def query_parameters(schema: type[BaseModel]) -> list[OpenApiParameter]:
    """The schema of a query string, for OpenAPI."""
    described = schema.model_json_schema()
    required = described.get("required", [])
    return [
        OpenApiParameter(
            name, _without_null(item), required=name in required, description=item.get("description", "")
        )
        for name, item in described["properties"].items()
        if not schema.model_fields[name].exclude
    ]


def _without_null(item: dict[str, Any]) -> dict[str, Any]:
    """An absent parameter is absent, not null."""
    choices = [choice for choice in item.pop("anyOf", []) if choice.get("type") != "null"]
    return {
        key: value for key, value in {**item, **(choices[0] if choices else {})}.items() if key != "title"
    }
