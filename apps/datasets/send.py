"""An export on its way to who asked for it."""

from django.http import HttpRequest, HttpResponseBase

from apps.core.downloads import send_file
from apps.datasets.export import Export

_WITH_BYTES = (200, 206)


def send_export(request: HttpRequest, export: Export) -> HttpResponseBase:
    """Recorded where any of it is sent, which a head or what the client has already is not."""
    response = send_file(request, export.file, export.size, export.etag, export.headers)
    if response.status_code in _WITH_BYTES and request.method != "HEAD":
        export.record()
    return response
