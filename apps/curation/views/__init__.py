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


def curation_context(trace: Trace, **more: Any) -> dict[str, Any]:
    """What the fragment shows. `more` has the forms that were refused, and which of the fields was sent:
    what stands in the other one is still being typed.
    """
    return {
        "trace": trace,
        "curation": curation_of(trace),
        "tag_form": TagForm(),
        "note_form": NoteForm(),
        "acts": ACTS,
        "tag_names": Tag.objects.names,
        **more,
    }


def _show(request: HttpRequest, trace: Trace, status: int = 200, **more: Any) -> HttpResponse:
    """The fragment, or without HTMX the page of the trace; a refusal has a page of its own."""
    if status == 200 and not wants_fragment(request):
        return leave(request, f"{reverse('datasets:trace', args=[trace.pk])}{_query(request)}#curation-trace")
    more["query"] = _query(request)
    template = "curation/_trace.html" if wants_fragment(request) else "curation/trace.html"
    return render(request, template, curation_context(trace, **more), status=status)


def _query(request: HttpRequest) -> str:
    """Where the page of the trace was come to from."""
    return f"?{request.GET.urlencode()}" if request.GET else ""


def _curate(request: HttpRequest, trace: Trace, change: Change, **more: Any) -> HttpResponse:
    curate_traces(Trace.objects.with_keys([trace.pk]), change, created_by=account_of(request.user))
    return _show(request, trace, **more)


@require_POST
def tags(request: HttpRequest, id: str) -> HttpResponse:
    trace = find_trace(id)
    form = TagForm(request.POST)
    is_tagged = "add" in request.POST  # and not the button that removes one
    if not form.is_valid():
        return _show(request, trace, 422, tag_form=form, is_tagged=is_tagged)
    return _curate(request, trace, form.cleaned_data["change"], is_tagged=is_tagged)


@require_POST
def review(request: HttpRequest, id: str) -> HttpResponse:
    trace = find_trace(id)
    form = ReviewForm(request.POST)
    if not form.is_valid():
        return _show(request, trace, 422, review_form=form)
    return _curate(request, trace, Change(review=form.cleaned_data["state"]))


@require_POST
@once
def notes(request: HttpRequest, id: str) -> HttpResponse:
    trace = find_trace(id)
    form = NoteForm(request.POST)
    if not form.is_valid():
        return _show(request, trace, 422, note_form=form, is_noted=True)
    try:
        add_note(trace, form.cleaned_data["text"], created_by=account_of(request.user))
    except ValidationError as error:
        raise Http404(sentence(error)) from error
    return _show(request, trace, is_noted=True)
