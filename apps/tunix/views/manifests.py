"""The pages of manifests: a list, one, and two beside each other."""

from urllib.parse import urlencode

from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from apps.core.errors import sentence
from apps.core.forms import add_refusals, given
from apps.core.pages import leave, note_url, render_page
from apps.datasets.models import Dataset
from apps.tunix.browse import Browsed, browse_manifests
from apps.tunix.compare import compare_fields, compare_yaml
from apps.tunix.forms import CompareForm, SearchForm
from apps.tunix.models import LABELS, Manifest

COMPARED = 2
OTHERS = 20


@require_safe
def list(request: HttpRequest) -> HttpResponse:
    """Filters and page are in the URL; HTMX gets the table alone."""
    form = SearchForm(request.GET)
    browsed = _browse(form, request.GET) if form.is_valid() else None
    filters = given(form.cleaned_data)
    params = QueryDict(urlencode({**filters, **_page(request.GET)}))
    context = {
        "form": form,
        "browsed": browsed,
        "filters": filters,
        "params": params,
        "keys": Dataset.objects.newest_keys,
    }
    status = 200 if browsed else 422
    response = render_page(request, "tunix/list.html", "tunix/_list.html", context, status)
    if browsed:
        note_url(request, response, params, typed="model")
    return response


def _browse(form: SearchForm, query: QueryDict) -> Browsed | None:
    try:
        return browse_manifests(**given(form.cleaned_data), **_page(query))
    except ValidationError as error:
        add_refusals(form, error)
        return None


def _page(query: QueryDict) -> dict[str, str]:
    return {name: str(query[name]) for name in ("after", "before") if query.get(name)}


@require_safe
def detail(request: HttpRequest, id: str) -> HttpResponse:
    try:
        manifest = Manifest.objects.get_by_id(id)
    except ValidationError as error:
        raise Http404(sentence(error)) from error
    values = manifest.values
    context = {
        "manifest": manifest,
        "facts": [(label, values[name]) for name, label in LABELS.items() if name != "dataset_key"],
        "others": Manifest.objects.newest_beside(manifest, OTHERS),
    }
    return render(request, "tunix/detail.html", context)


@require_safe
def compare(request: HttpRequest) -> HttpResponse:
    """`?base=&other=`; two that are ticked in the list come as `?manifest=` twice, the newer one first."""
    ticked = request.GET.getlist("manifest")
    if len(ticked) == COMPARED:
        other, base = ticked
        return leave(request, f"{reverse('tunix:compare')}?{urlencode({'base': base, 'other': other})}")
    form = CompareForm(request.GET or None)
    if not form.is_valid():
        context = {"form": form, "ticked": len(ticked)}
        return render(request, "tunix/compare.html", context, status=422 if form.is_bound else 200)
    base, other = form.cleaned_data["base"], form.cleaned_data["other"]
    context = {
        "form": form,
        "base": base,
        "other": other,
        "fields": compare_fields(base, other),
        "lines": compare_yaml(base, other),
    }
    return render(request, "tunix/compare.html", context)
