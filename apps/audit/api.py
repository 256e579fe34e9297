from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from apps.accounts.access import require_staff
from apps.audit import serializers
from apps.audit.models import Act
from apps.core.api import ApiView, query_parameters, responses
from apps.core.negotiation import Response
from apps.core.pagination import paginate


class Acts(ApiView):
    queries = {"GET": serializers.ActQuery}

    @extend_schema(
        operation_id="list_acts",
        parameters=query_parameters(serializers.ActQuery),
        responses=responses({200: serializers.ActPage}),
    )
    def get(self, request: Request) -> Response:
        """Staff only. Who did what, and when; newest first."""
        require_staff(request.user, "read the audit")
        rows = Act.objects.matching(**self.query.filters).newest_first()
        return Response(paginate(rows, self.query, serializers.listed))
