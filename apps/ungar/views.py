from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from apps.accounts.idempotency import once
from apps.accounts.models import account_of
from apps.core.pages import leave, render_page, wants_fragment
from apps.datasets.serializers import MAX_LIMIT
from apps.ungar.availability import ungar_status
from apps.ungar.forms import GenerateForm
from apps.ungar.generate import Played, generate_episodes, read_played
from apps.ungar.serializers import PREVIEWED


@require_http_methods(["GET", "HEAD", "POST"])
@once
def panel(request: HttpRequest) -> HttpResponse:
    """`?first=` shows the episodes that were stored together with this trace, the first of them."""
    if request.method == "POST":
        return _generate(request)
    first = request.GET.get("first")
    return _show(request, GenerateForm(), _read(first) if first else [])


def _generate(request: HttpRequest) -> HttpResponse:
    form = GenerateForm(request.POST)
    if not form.is_valid():
        return _show(request, form, [], status=422)
    wanted, author = form.cleaned_data["wanted"], account_of(request.user)
    episodes = generate_episodes(wanted.count, wanted.seed, persist=True, created_by=author)
    first = next(episode.stored.id for episode in episodes if episode.stored)
    url = f"{reverse('ungar:panel')}?first={first}"
    if not wants_fragment(request):
        return leave(request, url)
    response = _show(request, form, read_played(first))
    if urlsplit(request.headers.get("HX-Current-URL", "")).path == request.path:
        response["HX-Push-Url"] = url  # and not where the panel is a part of another page
    return response


def _read(first: str) -> list[Played]:
    try:
        return read_played(UUID(first))
    except ValueError as error:
        raise Http404(f"Trace not found: {first}") from error


def panel_context(form: GenerateForm, played: list[Played]) -> dict[str, Any]:
    """What the fragment of the panel needs, also on another page."""
    return {
        "ungar": ungar_status(),
        "ungar_form": form,
        "played": played,
        "preview": played[:PREVIEWED],
        "export_limit": MAX_LIMIT,
    }


def _show(request: HttpRequest, form: GenerateForm, played: list[Played], status: int = 200) -> HttpResponse:
    context = panel_context(form, played)
    return render_page(request, "ungar/panel.html", "ungar/_panel.html", context, status)
