import logging

from django.db import Error
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema
from pydantic import BaseModel
from rest_framework.request import Request

from apps.core.api import ApiView
from apps.core.health import check_database
from apps.core.negotiation import Response

logger = logging.getLogger(__name__)


class HealthStatus(BaseModel):
    status: str
    detail: str | None = None


class Health(ApiView):
    authentication_classes = []
    permission_classes = []
    throttle_classes = []

    @extend_schema(
        operation_id="health",
        responses={
            200: OpenApiResponse(HealthStatus, examples=[OpenApiExample("Well", {"status": "healthy"})]),
            400: OpenApiResponse(description="An unknown query parameter"),
            503: OpenApiResponse(HealthStatus, description="The database does not answer"),
        },
    )
    def get(self, request: Request) -> Response:
        """Healthy after a round trip to the database. Asked without signing in."""
        try:
            check_database()
        except Error:
            logger.exception("The database does not answer")
            detail = "The database does not answer. See the log of the server."
            return Response({"status": "unhealthy", "detail": detail}, status=503)
        return Response({"status": "healthy"})
