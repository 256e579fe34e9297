"""The page that asks which traces overlap with an evaluation set."""

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from apps.accounts.idempotency import once
from apps.accounts.models import account_of
from apps.core.errors import sentence
from apps.core.forms import add_refusals
from apps.core.pages import leave
from apps.datasets.forms.overlap import OVERLAP_NAME_MAX_LENGTH, OverlapForm
from apps.datasets.models import Dataset
from apps.datasets.overlap import find_overlaps
from apps.jobs.models import Job
from apps.traces.models import Trace


@require_http_methods(["GET", "HEAD", "POST"])
@once
def overlap(request: HttpRequest) -> HttpResponse:
    if request.method == "POST":
        form = OverlapForm(request.POST)
        job = _start(request, form) if form.is_valid() else None
        if job:
            return leave(request, reverse("jobs:detail", args=[job.pk]))
    else:
        key = request.GET.get("dataset", "")
        form = OverlapForm(initial={"dataset": key, "name": key[:OVERLAP_NAME_MAX_LENGTH]})
    context = {"form": form, "sources": Trace.objects.sources, "keys": Dataset.objects.newest_keys}
    return render(request, "datasets/overlap.html", context, status=422 if form.errors else 200)


def _start(request: HttpRequest, form: OverlapForm) -> Job | None:
    """None where it was refused, which the form then says."""
    wanted = form.cleaned_data["request"]
    try:
        return find_overlaps(wanted.evaluation, wanted.name, created_by=account_of(request.user))
    except ValidationError as error:
        if hasattr(error, "error_dict"):
            add_refusals(form, error, {"evaluation": "dataset"})
        else:
            form.add_error("dataset", sentence(error))
        return None
