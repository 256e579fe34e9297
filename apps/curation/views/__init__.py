"""What is said of one trace: a part of its page."""

from typing import Any

from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST

from apps.accounts.idempotency import once
from apps.accounts.models import account_of
from apps.core.errors import sentence
from apps.core.pages import leave, wants_fragment
from apps.curation.curate import Change, add_note, curate_traces
from apps.curation.forms import NoteForm, ReviewForm, TagForm
from apps.curation.look import curation_of
from apps.curation.models import Review, Tag
from apps.traces.models import Trace
from apps.traces.views import find_trace

# What a person does to give a trace this state.
ACTS = {Review.State.APPROVED.value: "Approve", Review.State.REJECTED.value: "Reject"}


def curation_context(trace: Trace, **forms: Any) -> dict[str, Any]:
    """What the fragment shows; `forms` are those that were refused."""
    return {
        "trace": trace,
        "curation": curation_of(trace),
        "tag_form": TagForm(),
        "note_form": NoteForm(),
        "acts": ACTS,
        "tag_names": Tag.objects.names,
        **forms,
    }


def _show(request: HttpRequest, trace: Trace, **forms: Any) -> HttpResponse:
    """The fragment, or without HTMX the page of the trace; a refusal has a page of its own."""
    is_refused = bool(forms)
    if not is_refused and not wants_fragment(request):
        return leave(request, reverse("datasets:trace", args=[trace.pk]) + "#curation-trace")
    template = "curation/_trace.html" if wants_fragment(request) else "curation/trace.html"
    return render(request, template, curation_context(trace, **forms), status=422 if is_refused else 200)


def _curate(request: HttpRequest, trace: Trace, change: Change) -> HttpResponse:
    curate_traces(Trace.objects.with_keys([trace.pk]), change, created_by=account_of(request.user))
    return _show(request, trace)


@require_POST
def tags(request: HttpRequest, id: str) -> HttpResponse:
    trace = find_trace(id)
    form = TagForm(request.POST)
    if not form.is_valid():
        return _show(request, trace, tag_form=form)
    return _curate(request, trace, form.cleaned_data["change"])


@require_POST
def review(request: HttpRequest, id: str) -> HttpResponse:
    trace = find_trace(id)
    form = ReviewForm(request.POST)
    if not form.is_valid():
        return _show(request, trace, review_form=form)
    return _curate(request, trace, Change(review=form.cleaned_data["state"]))


@require_POST
@once
def notes(request: HttpRequest, id: str) -> HttpResponse:
    trace = find_trace(id)
    form = NoteForm(request.POST)
    if not form.is_valid():
        return _show(request, trace, note_form=form)
    try:
        add_note(trace, form.cleaned_data["text"], created_by=account_of(request.user))
    except ValidationError as error:
        raise Http404(sentence(error)) from error
    return _show(request, trace)
