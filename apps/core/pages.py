"""Pages, and the fragments of them that HTMX asks for."""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_http_methods
from django_htmx.middleware import HtmxDetails

View = Callable[[HttpRequest], HttpResponseBase]


def wants_fragment(request: HttpRequest) -> bool:
    """A script asks for a part of the page; with the back button it asks for the whole again."""
    htmx: HtmxDetails = getattr(request, "htmx")  # noqa: B009 - the middleware sets it, the type does not know
    return bool(htmx) and not htmx.boosted and not htmx.history_restore_request


def render_page(
    request: HttpRequest, page: str, fragment: str, context: Mapping[str, Any], status: int = 200
) -> HttpResponse:
    """The page, which includes its own fragment, or to HTMX that fragment alone."""
    template = fragment if wants_fragment(request) else page
    response = render(request, template, dict(context), status=status)
    patch_vary_headers(response, ["HX-Request"])
    return response


def only_posted(back: str) -> Callable[[View], View]:
    """A page that a form leads to, and whose address, loaded again, leads to the page named `back`."""

    def guard(view: View) -> View:
        @require_http_methods(["GET", "HEAD", "POST"])
        @wraps(view)
        def guarded(request: HttpRequest) -> HttpResponseBase:
            return view(request) if request.method == "POST" else leave(request, reverse(back))

        return guarded

    return guard


def leave(request: HttpRequest, url: str) -> HttpResponse:
    """Go to another page: HTMX would follow a plain redirect and swap the page into a part of this one."""
    if request.headers.get("HX-Request") == "true":
        return HttpResponse(status=204, headers={"HX-Redirect": url})
    return HttpResponse(status=303, headers={"Location": url})


def note_url(request: HttpRequest, response: HttpResponse, params: QueryDict, typed: str) -> None:
    """In the address bar of HTMX. A search that is typed on in the field `typed` replaces its beginning in
    the history.
    """
    before = QueryDict((request.headers.get("HX-Current-URL") or "").partition("?")[2])
    is_typing = typed in before and {**before.dict(), typed: ""} == {**params.dict(), typed: ""}
    url = f"{request.path}?{params.urlencode()}" if params else request.path
    response["HX-Replace-Url" if is_typing else "HX-Push-Url"] = url
