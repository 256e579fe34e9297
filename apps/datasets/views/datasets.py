"""The pages of datasets: the list, one of them, and its end."""

from typing import Any
from uuid import UUID

import orjson
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from apps.accounts.access import is_open_to, require_staff
from apps.accounts.idempotency import once
from apps.accounts.models import account_of
from apps.core.curl import curl_line
from apps.core.keyset import COUNTED, PAGE_SIZE
from apps.core.pages import leave, render_page
from apps.datasets.catalogue import Catalogue, list_names, list_versions
from apps.datasets.curated import count_curation
from apps.datasets.delete import delete_dataset
from apps.datasets.describe import recipe_words
from apps.datasets.forms.build import new_version_params, other_part_params
from apps.datasets.forms.delete import DeleteForm
from apps.datasets.lineage import trace_lineage
from apps.datasets.models import NAME_MAX_LENGTH, Dataset
from apps.datasets.pictures import draw_dataset, draw_sources
from apps.datasets.serializers import build_body, request_of
from apps.formats.records import FORMATS, TraceRow

BUILD_PATH = "/api/datasets/build"
LISTED_MANIFESTS = 20


@require_safe
def list(request: HttpRequest) -> HttpResponse:
    """Names that contain `q`, or with `name` all versions of one; HTMX gets the table alone."""
    query = request.GET
    try:
        catalogue = _catalogue(query)
    except ValidationError as error:
        return render(request, "datasets/list.html", {"refusal": error.messages[0]}, status=422)
    params = QueryDict(mutable=True)
    params.update({name: query[name] for name in ("q", "name", "after", "before") if query.get(name)})
    context = {"catalogue": catalogue, "params": params, "name_max_length": NAME_MAX_LENGTH}
    response = render_page(request, "datasets/list.html", "datasets/_list.html", context)
    response["HX-Replace-Url"] = f"{request.path}?{params.urlencode()}" if params else request.path
    return response


def _catalogue(query: QueryDict) -> Catalogue:
    after, before = query.get("after", ""), query.get("before", "")
    if name := query.get("name"):
        return list_versions(name, after=after, before=before)
    return list_names(query.get("q", "").strip(), after=after, before=before)


@require_safe
def detail(request: HttpRequest, key: str) -> HttpResponse:
    dataset = find_dataset(key, request.GET.get("build"))
    format = request.GET.get("format", "tunix_sft")
    if format not in FORMATS:
        raise Http404
    start = _whole(request.GET.get("start", "0"))
    context = {
        "dataset": dataset,
        "lineage": trace_lineage(dataset),
        "recipe": recipe_words(dataset),
        "curl": curl_of(request, build_body(request_of(dataset))),
        "new_version": new_version_params(dataset),
        "other_part": other_part_params(dataset),
        "pictures": draw_dataset(dataset),
        "shares": draw_sources(dataset),
        "formats": [*FORMATS],
        "format": format,
        "first_record": _first_record(dataset, format),
        "counts": count_curation(dataset) if dataset.trace_count <= COUNTED else None,
        **_members(dataset, start),
        **_uses(dataset),
    }
    return render(request, "datasets/detail.html", context)


def find_dataset(key: str, build: str | None) -> Dataset:
    """Raises Http404."""
    try:
        return Dataset.objects.named(key, UUID(build) if build else None)
    except (ValidationError, ValueError) as error:
        raise Http404 from error


def curl_of(request: HttpRequest, body: dict[str, Any]) -> str:
    url = request.build_absolute_uri(BUILD_PATH)
    return curl_line(url, body, needs_token=not is_open_to(request))


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise Http404
    return int(text)


def _members(dataset: Dataset, start: int) -> dict[str, Any]:
    """One page by position; what it says of the neighbours is None at the ends."""
    stop = min(start + PAGE_SIZE, dataset.trace_count)
    return {
        "start": start,
        "stop": stop,
        "members": dataset.member_excerpts(start, stop),
        "previous": max(start - PAGE_SIZE, 0) if start else None,
        "next": stop if stop < dataset.trace_count else None,
    }


def _first_record(dataset: Dataset, format: str) -> str:
    [row] = dataset.members(0, 1).rows()
    record = FORMATS[format](TraceRow._make(row))
    return orjson.dumps(record, option=orjson.OPT_INDENT_2).decode()


def _uses(dataset: Dataset) -> dict[str, Any]:
    """What stands above this app is reached by the relation that leads back from it."""
    manifests = dataset.manifests.newest_first()
    return {"manifests": manifests[:LISTED_MANIFESTS], "manifest_count": manifests.count()}


@require_http_methods(["GET", "HEAD", "POST"])
@once
def delete(request: HttpRequest, key: str) -> HttpResponse:
    """Asks first; what a manifest uses goes only with it."""
    require_staff(request.user, "delete datasets")
    dataset = find_dataset(key, request.GET.get("build"))
    form = DeleteForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            delete_dataset(dataset, deleted_by=account_of(request.user), force=form.cleaned_data["force"])
        except ValidationError:
            form.add_error("force", "Manifests use it. Tick this to delete them too, or keep the dataset.")
        else:
            messages.success(request, f"{dataset.key} is deleted.")
            return leave(request, reverse("datasets:list"))
    context = {"dataset": dataset, "form": form, **_uses(dataset)}
    return render(request, "datasets/delete.html", context, status=422 if form.errors else 200)
