from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.defaultfilters import floatformat
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from apps.accounts.idempotency import once
from apps.accounts.models import account_of
from apps.core.errors import sentence
from apps.core.pages import leave, render_page, wants_fragment
from apps.formats.trace import TracePayload
from apps.traces.compare import compare_traces, differences
from apps.traces.draft import change_steps
from apps.traces.forms import CompareForm, DraftForm, TraceForm, read_steps
from apps.traces.ingest import ingest_traces
from apps.traces.models import Trace
from apps.traces.respell import draft_fields, draft_text
from apps.traces.score import BASELINE, explain_score, score_trace

COMPARED = 2


def find_trace(id: str) -> Trace:
    """Raises Http404 also for what is no id."""
    found = Trace.objects.spelled(id)
    if found is None:
        raise Http404(f"Trace not found: {id}")
    return found


@require_http_methods(["GET", "HEAD", "POST"])
@once
def new(request: HttpRequest) -> HttpResponse:
    """Field by field, or with ?mode=json as one text. An `act` changes the steps, or how it is
    written, and stores nothing.
    """
    if "act" in request.POST:
        acts = {"as-json": _show_text, "as-fields": _show_fields}
        return acts.get(request.POST["act"], _change)(request)
    form = _form(request)
    if form.is_bound and form.is_valid():
        return _store(request, form.cleaned_data["payload"])
    return _show(request, form, 422 if form.is_bound else 200)


def _form(request: HttpRequest) -> TraceForm | DraftForm:
    data = request.POST if request.method == "POST" else None
    return TraceForm(data) if _is_json(request) else DraftForm(data, read_steps(request.POST))


def _is_json(request: HttpRequest) -> bool:
    return request.GET.get("mode") == "json"


def _change(request: HttpRequest) -> HttpResponse:
    steps, focus = change_steps(read_steps(request.POST), request.POST["act"])
    form = DraftForm(None, steps, initial=request.POST.dict())
    form.set_focus(focus)
    return _show(request, form, 200, focus=focus)


def _show_text(request: HttpRequest) -> HttpResponse:
    text = draft_text(request.POST.dict(), read_steps(request.POST))
    return _show(request, TraceForm(initial={"payload": text}), 200)


def _show_fields(request: HttpRequest) -> HttpResponse:
    """What is no trace at all stays a text, with what is wrong with it."""
    try:
        texts, steps = draft_fields(request.POST.get("payload", ""))
    except ValidationError as error:
        form = TraceForm(request.POST)
        if form.is_valid():
            form.add_error("payload", sentence(error))
        return _show(request, form, 422, is_json=True)
    return _show(request, DraftForm(None, steps, initial=texts), 200)


def _show(request: HttpRequest, form: TraceForm | DraftForm, status: int, **more: Any) -> HttpResponse:
    context = {"form": form, "is_json": _is_json(request), **more}
    return render_page(request, "traces/new.html", "traces/_steps.html", context, status)


def _store(request: HttpRequest, payload: TracePayload) -> HttpResponse:
    [stored] = ingest_traces([payload], created_by=account_of(request.user))
    messages.success(request, "The trace is stored.")
    return leave(request, reverse("datasets:trace", args=[stored.id]))


@require_http_methods(["GET", "HEAD", "POST"])
def compare(request: HttpRequest) -> HttpResponse:
    """`?base=&other=`; two that are ticked in the list are posted, the upper one is the base."""
    if request.method == "POST":
        return _compare_ticked(request)
    is_asked = {"base", "other"} <= request.GET.keys()
    form = CompareForm(request.GET if is_asked else None, initial=request.GET.dict())
    context: dict[str, Any] = {"form": form, "newest": Trace.objects.newest_excerpts}
    if is_asked and form.is_valid():
        base, other = form.cleaned_data["base"], form.cleaned_data["other"]
        context |= {"base": base, "other": other, "compared": compare_traces(base, other)}
        context["differences"] = differences(base, other)
    status = 422 if is_asked and not form.is_valid() else 200
    return render(request, "traces/compare.html", context, status=status)


def _compare_ticked(request: HttpRequest) -> HttpResponse:
    ticked = request.POST.getlist("trace")
    if len(ticked) == COMPARED:
        base, other = ticked
        return leave(request, f"{reverse('traces:compare')}?{urlencode({'base': base, 'other': other})}")
    form = CompareForm(initial={"base": next(iter(ticked), "")})
    context = {"form": form, "newest": Trace.objects.newest_excerpts, "ticked": len(ticked)}
    return render(request, "traces/compare.html", context, status=422)


@require_POST
@once
def score(request: HttpRequest, id: str) -> HttpResponse:
    found = find_trace(id)
    try:
        scored = score_trace(found, BASELINE, created_by=account_of(request.user))
    except ValidationError as error:
        raise Http404(sentence(error)) from error
    if wants_fragment(request):
        return render(request, "traces/_score.html", {"explained": explain_score(found), "is_new": True})
    messages.success(request, f"Scored {floatformat(scored.value, 1)} of 100. The record is appended.")
    query = f"?{request.GET.urlencode()}" if request.GET else ""
    return leave(request, reverse("datasets:trace", args=[found.pk]) + query)
