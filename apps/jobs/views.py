from contextlib import suppress
from typing import Any

from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from apps.core.errors import sentence
from apps.core.keyset import NEWEST_FIRST, read_window
from apps.core.pages import leave, render_page
from apps.jobs.cancel import cancel_job, get_job
from apps.jobs.models import KEPT, Job, Worker


@require_safe
def list(request: HttpRequest) -> HttpResponse:
    """State and page are in the URL."""
    state = request.GET.get("state", "")
    found = Job.objects.in_state(state) if state in Job.State.values else Job.objects.all()
    try:
        window = read_window(
            found, NEWEST_FIRST, after=request.GET.get("after", ""), before=request.GET.get("before", "")
        )
    except ValidationError as error:
        refused = {"refusal": error.messages[0], "has_worker": True}
        return render(request, "jobs/list.html", refused, status=422)
    context = {
        "jobs": Job.objects.with_keys(window.keys).listed().newest_first(),
        "window": window,
        "states": Job.State.choices,
        "state": state,
        "params": request.GET,
        "has_worker": Worker.objects.alive().exists(),
        "kept_days": KEPT.days,
    }
    return render(request, "jobs/list.html", context)


@require_safe
def detail(request: HttpRequest, id: str) -> HttpResponse:
    """As long as the job is active, HTMX asks for the fragment every second."""
    job = _find(id)
    context: dict[str, Any] = {
        "job": job,
        "has_worker": not job.is_active or Worker.objects.alive().exists(),
    }
    return render_page(request, "jobs/detail.html", "jobs/_job.html", context)


@require_POST
def cancel(request: HttpRequest, id: str) -> HttpResponse:
    job = _find(id)
    with suppress(ValidationError):  # it ended in the meantime: its page shows how
        cancel_job(job)
    return leave(request, reverse("jobs:detail", args=[job.pk]))


def _find(id: str) -> Job:
    try:
        return get_job(id)
    except ValidationError as error:
        raise Http404(f"{sentence(error)}. Ended jobs are kept for {KEPT.days} days.") from error
