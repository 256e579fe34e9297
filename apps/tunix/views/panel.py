"""The Tunix panel: a dataset becomes training data and a manifest."""

from typing import Any

from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from apps.accounts.idempotency import once
from apps.accounts.models import account_of
from apps.core.errors import sentence
from apps.core.pages import leave, render_page, wants_fragment
from apps.datasets.export import export_dataset
from apps.datasets.models import Dataset
from apps.datasets.send import send_export
from apps.tunix.availability import tunix_status
from apps.tunix.forms import ManifestForm
from apps.tunix.manifest import generate_manifest
from apps.tunix.models import Manifest
from apps.tunix.serializers import FORMAT, ManifestRequest
from apps.ungar.forms import GenerateForm
from apps.ungar.views import panel_context


@require_http_methods(["GET", "HEAD", "POST"])
@once
def panel(request: HttpRequest) -> HttpResponse:
    """`?manifest=` shows one with its result, `?from=` begins with the values of one."""
    if request.method == "POST":
        return _generate(request)
    manifest, model = _asked(request, "manifest"), _asked(request, "from")
    shown = manifest or model
    key = request.GET.get("dataset_key", "")
    initial = {**(shown.values if shown else {}), **({"dataset_key": key} if key else {})}
    return _show(request, ManifestForm(initial=initial), manifest)


@require_http_methods(["GET", "HEAD", "POST"])
def export(request: HttpRequest) -> HttpResponseBase:
    """The whole dataset that the panel's form names."""
    if request.method != "POST":  # the address of a refusal, loaded again
        return leave(request, reverse("tunix:panel"))
    form = ManifestForm(request.POST)
    dataset = form.find_dataset()
    if dataset is None:
        return _show(request, form, status=422)
    return send_export(request, export_dataset(dataset, FORMAT))


def _generate(request: HttpRequest) -> HttpResponse:
    form = ManifestForm(request.POST)
    manifest = _manifest_of(form, request) if form.is_valid() else None
    if manifest is None:
        return _show(request, form, status=422)
    url = f"{reverse('tunix:panel')}?manifest={manifest.pk}"
    if not wants_fragment(request):
        return leave(request, url)
    response = _show(request, form, manifest)
    response["HX-Push-Url"] = url
    return response


def _manifest_of(form: ManifestForm, request: HttpRequest) -> Manifest | None:
    wanted: ManifestRequest = form.cleaned_data["wanted"]
    try:
        return generate_manifest(wanted.dataset_key, wanted.training, created_by=account_of(request.user))
    except ValidationError as error:
        form.add_error("dataset_key", error)
        return None


def _asked(request: HttpRequest, name: str) -> Manifest | None:
    id = request.GET.get(name)
    try:
        return Manifest.objects.get_by_id(id) if id else None
    except ValidationError as error:
        raise Http404(sentence(error)) from error


def _show(
    request: HttpRequest, form: ManifestForm, manifest: Manifest | None = None, status: int = 200
) -> HttpResponse:
    context: dict[str, Any] = {
        "form": form,
        "manifest": manifest,
        "status": tunix_status(),
        "keys": [*Dataset.objects.newest_keys()],
        **panel_context(GenerateForm(), []),
    }
    return render_page(request, "tunix/panel.html", "tunix/_panel.html", context, status)
