import logging

from django.db import Error
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from apps.core.health import check_database
from apps.datasets.models import Dataset
from apps.traces.models import Trace
from apps.tunix.availability import tunix_status
from apps.tunix.models import Manifest
from apps.ungar.availability import has_ungar, ungar_version
from tunixrt.refusals import refuse

logger = logging.getLogger(__name__)

LATEST = 5


@require_safe
def overview(request: HttpRequest) -> HttpResponse:
    """What is here, newest first; where nothing is, the first steps. Counts are those of the navigation."""
    try:
        check_database()
    except Error:
        logger.exception("The database does not answer")
        return refuse(request, 503, "The database does not answer. See the log of the server.", is_bare=True)
    context = {
        "traces": Trace.objects.excerpts([*Trace.objects.newest_ids(LATEST)]),
        "datasets": Dataset.objects.current().newest_first()[:LATEST],
        "manifests": Manifest.objects.newest_first()[:LATEST],
        "tunix": tunix_status(),
        "ungar": {"available": has_ungar(), "version": ungar_version()},
    }
    return render(request, "tunixrt/overview.html", context)
