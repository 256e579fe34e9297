from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.api import ApiView, query_parameters, responses
from apps.core.pagination import paginate
from apps.jobs import serializers
from apps.jobs.cancel import cancel_job, get_job
from apps.jobs.models import Job


class Jobs(ApiView):
    queries = {"GET": serializers.JobQuery}

    @extend_schema(
        operation_id="list_jobs",
        parameters=query_parameters(serializers.JobQuery),
        responses=responses({200: serializers.JobPage}),
    )
    def get(self, request: Request) -> Response:
        """Newest first."""
        found = Job.objects.listed().newest_first()
        if self.query.state:
            found = found.in_state(self.query.state)
        return Response(paginate(found, self.query, serializers.listed))


class JobDetail(ApiView):
    @extend_schema(operation_id="get_job", responses=responses({200: serializers.JobDetail}, 404))
    def get(self, request: Request, id: str) -> Response:
        """How far it is. Ask again until `finished_at` is there."""
        return Response(serializers.detailed(get_job(id)))


class JobCancel(ApiView):
    @extend_schema(
        operation_id="cancel_job", request=None, responses=responses({200: serializers.JobDetail}, 404, 409)
    )
    def post(self, request: Request, id: str) -> Response:
        """A job that waits ends at once, one that runs within moments. An import that is
        cancelled takes away again what it had stored; other acts leave what they had done."""
        cancel_job(get_job(id))
        return Response(serializers.detailed(get_job(id)))
