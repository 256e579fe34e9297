"""The page that builds a dataset."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from apps.accounts.access import require_staff
from apps.accounts.models import account_of
from apps.core.errors import TAKEN, code_of
from apps.core.forms import add_refusals
from apps.core.pages import leave, render_page, wants_fragment
from apps.curation.models import Tag
from apps.datasets.build import build_dataset
from apps.datasets.forms.build import BuildForm
from apps.datasets.models import Dataset
from apps.datasets.pictures import CHARACTERS, STEPS, draw
from apps.datasets.preview import Preview, preview_build
from apps.datasets.serializers import build_body
from apps.datasets.views.datasets import curl_of
from apps.traces.models import Trace


@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """GET fills the form in and shows what it would take; so does POST with `preview`, for many ids."""
    if request.method != "POST" or "preview" in request.POST:
        return _draft(request)
    form = BuildForm(request.POST, is_draft=False)
    dataset = _build(request, form) if form.is_valid() else None
    if dataset is None:
        return render(request, "datasets/new.html", _context(request, form), status=422)
    return leave(request, reverse("datasets:detail", args=[dataset.key]))


def _build(request: HttpRequest, form: BuildForm) -> Dataset | None:
    """None where it was refused, which the form then says."""
    wanted = form.request
    if wanted.replace:
        require_staff(request.user, "replace a dataset")
    try:
        author = account_of(request.user)
        dataset, is_new = build_dataset(wanted.recipe, created_by=author, replace=wanted.replace)
    except ValidationError as error:
        if code_of(error) == TAKEN:
            form.refuse_key(may_replace=request.user.is_staff)
        else:
            add_refusals(form, error)
        return None
    said = f"Built {dataset.key} of {dataset.trace_count:,} traces."
    existed = f"{dataset.key} exists already, by this recipe and of these traces. Nothing new was built."
    messages.success(request, said if is_new else existed)
    return dataset


def _draft(request: HttpRequest) -> HttpResponse:
    form = BuildForm(request.POST or request.GET, is_draft=True)
    is_fragment = wants_fragment(request)
    context = _context(request, form)
    status = 422 if form.errors else 200
    address = f"{request.path}?{form.params.urlencode()}"
    if request.method == "POST" and status == 200 and form.is_linkable and not is_fragment:
        return leave(request, address)
    response = render_page(request, "datasets/new.html", "datasets/_preview.html", context, status)
    if is_fragment and status == 200 and form.is_linkable:
        response["HX-Replace-Url"] = address
    return response


def _context(request: HttpRequest, form: BuildForm) -> dict[str, Any]:
    preview = _preview(form) if form.is_valid() or form.is_taken else None
    context: dict[str, Any] = {"form": form, "preview": preview}
    if preview:
        context |= {
            "pictures": _pictures(preview),
            "curl": curl_of(request, build_body(form.request)),
            "existing": _existing(form),
        }
    if not wants_fragment(request):
        context |= {
            "sources": Trace.objects.sources,
            "keys": Dataset.objects.newest_keys,
            "tag_names": Tag.objects.names,
        }
    return context


def _preview(form: BuildForm) -> Preview | None:
    try:
        return preview_build(form.request.recipe)
    except ValidationError as error:
        add_refusals(form, error)
        return None


def _pictures(preview: Preview) -> list[Any]:
    pairs = ((preview.steps, STEPS), (preview.characters, CHARACTERS))
    return [draw(histogram, unit) for histogram, unit in pairs if histogram]


def _existing(form: BuildForm) -> Dataset | None:
    """What has this key already."""
    is_named = bool(form.cleaned_data["dataset_name"])
    return Dataset.objects.current().of_key(form.key).first() if is_named else None
