"""Tagging and reviewing many traces: the ticked ones, or all that match the filters of the list."""

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from apps.accounts.models import account_of
from apps.core.errors import sentence
from apps.core.keyset import count_rows
from apps.core.pages import leave, only_posted, render_page
from apps.curation.curate import curate_traces as curate
from apps.curation.models import Tag
from apps.datasets.curated import count_curation
from apps.datasets.forms.curate import CurateForm
from apps.datasets.views.bulk import Choice, read_choice, refuse_choice
from apps.datasets.views.datasets import find_dataset
from apps.traces.models import Trace


@only_posted(back="datasets:traces")
def curate_traces(request: HttpRequest) -> HttpResponse:
    """Asks first what is to be said; with `apply` says it of what was there when it asked."""
    try:
        choice = read_choice(request.POST)
        if "apply" not in request.POST:
            return _ask(request, choice, CurateForm())
        form = CurateForm(request.POST)
        if not form.is_valid():
            return _ask(request, choice, form)
        done = curate(choice.traces, form.cleaned_data["change"], created_by=account_of(request.user))
    except ValidationError as error:
        return refuse_choice(request, "Tag or review", sentence(error))
    messages.info(request, str(done))
    return leave(request, choice.list_url)


def _ask(request: HttpRequest, choice: Choice, form: CurateForm) -> HttpResponse:
    context = {
        "choice": choice,
        "count": count_rows(choice.traces),
        "form": form,
        "tag_names": Tag.objects.names,
        "upto": choice.upto or Trace.objects.newest_ids(1).first(),
    }
    return render(request, "datasets/curate_traces.html", context, status=422 if form.errors else 200)


@require_safe
def curation(request: HttpRequest, key: str) -> HttpResponse:
    """What is said of the traces of a dataset; a part of its page, which for a big one asks for it."""
    dataset = find_dataset(key, request.GET.get("build"))
    context = {"dataset": dataset, "counts": count_curation(dataset)}
    return render_page(request, "datasets/curation.html", "datasets/_curation.html", context)
