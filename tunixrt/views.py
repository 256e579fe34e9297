from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from apps.datasets.models import Dataset
from apps.traces.models import Trace
from apps.tunix.availability import tunix_status
from apps.tunix.models import Manifest
from apps.ungar.availability import ungar_version


def overview(request: HttpRequest) -> HttpResponse:
    context = {
        "has_traces": Trace.objects.exists(),
        "datasets": Dataset.objects.current().newest_first()[:5],
        "manifests": Manifest.objects.newest_first()[:5],
        "tunix": tunix_status(),
        "ungar_version": ungar_version(),
    }
    return render(request, "tunixrt/overview.html", context)


def _refuse(request: HttpRequest, status: int, title: str, detail: str) -> HttpResponse:
    """In the form that the path speaks: never HTML below /api."""
    if request.path.startswith("/api/"):
        return JsonResponse({"detail": detail}, status=status)
    context = {"title": title, "detail": detail, "is_fault": status >= 500}
    return render(request, "tunixrt/refusal.html", context, status=status)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _refuse(request, 400, "Bad request", "The server cannot read this request.")


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _refuse(request, 403, "Not allowed", "Your account may not do this.")


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    detail = "This form is no longer valid. Go back, load the page again and send it once more."
    return _refuse(request, 403, "Not allowed", detail)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _refuse(request, 404, "Not found", f"There is nothing at {request.path}.")


def server_error(request: HttpRequest) -> HttpResponse:
    detail = "The server met an error that it did not expect. Its log says more."
    return _refuse(request, 500, "Server error", detail)
