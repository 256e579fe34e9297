"""What is done to many traces at once: to the ticked ones, or to all that match the filters that are on."""

from typing import Any, NamedTuple
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import render
from django.urls import reverse

from apps.accounts.access import require_staff
from apps.core.errors import sentence
from apps.core.pages import leave, only_posted
from apps.datasets.describe import where_params
from apps.datasets.discard import discard_traces, foresee_discard
from apps.datasets.export import export_traces as export
from apps.datasets.forms.build import ALL
from apps.datasets.forms.where import WhereForm
from apps.datasets.selection import Where, select_traces, settle_selection
from apps.datasets.send import send_export
from apps.formats.records import FORMATS
from apps.traces.models import Trace, TraceQuerySet, find_id

MAX_EXPORTED = 10_000


class Choice(NamedTuple):
    """`ids` where rows are ticked, None for all that match `where`, the filters of the list."""

    ids: list[UUID] | None
    where: Where
    upto: UUID | None

    @property
    def traces(self) -> TraceQuerySet:
        found = select_traces(self.where) if self.ids is None else Trace.objects.with_keys(self.ids)
        return found.up_to(self.upto) if self.upto else found

    @property
    def list_url(self) -> str:
        """The list that it was chosen from."""
        return _with_query(reverse("datasets:traces"), where_params(self.where))

    @property
    def build_url(self) -> str:
        return _with_query(reverse("datasets:new"), {**where_params(self.where), "limit": ALL})

    @property
    def fields(self) -> list[tuple[str, str]]:
        """The same choice as a form posts it."""
        chosen = [("all", "1")] if self.ids is None else [("trace", str(id)) for id in self.ids]
        return [*where_params(self.where).items(), *chosen]


def _with_query(path: str, params: dict[str, str]) -> str:
    return f"{path}?{urlencode(params)}" if params else path


def read_choice(data: QueryDict) -> Choice:
    """Raises ValidationError where nothing is chosen, a filter is none, or what it finds is not known yet."""
    form = WhereForm(data)
    if not form.is_valid():
        raise ValidationError([text for texts in form.errors.values() for text in texts])
    where = form.cleaned_data["where"]
    upto = find_id(data.get("upto", ""))
    if "all" in data:
        settle_selection(where)
        return Choice(None, where, upto)
    ids = [id for id in map(find_id, data.getlist("trace")) if id]
    if not ids:
        raise ValidationError("No trace is selected. Tick some rows of the list first.")
    return Choice([*dict.fromkeys(ids)], where, upto)


@only_posted(back="datasets:traces")
def delete_traces(request: HttpRequest) -> HttpResponse:
    """Asks first; with `confirm` deletes what was there when it asked."""
    require_staff(request.user, "delete traces")
    try:
        choice = read_choice(request.POST)
        if "confirm" not in request.POST or choice.upto is None:
            return _ask(request, choice)
        messages.info(request, str(discard_traces(choice.traces)))
    except ValidationError as error:
        return refuse_choice(request, "Delete traces", sentence(error))
    return leave(request, choice.list_url)


def _ask(request: HttpRequest, choice: Choice) -> HttpResponse:
    context = {
        "choice": choice,
        "outlook": foresee_discard(choice.traces),
        "upto": Trace.objects.newest_ids(1).first(),
    }
    return render(request, "datasets/delete_traces.html", context)


@only_posted(back="datasets:traces")
def export_traces(request: HttpRequest) -> HttpResponseBase:
    """The ticked traces as they are ordered on the page, or all that match, newest first."""
    title = "Export traces"
    try:
        choice, format = read_choice(request.POST), _format(request.POST)
        ids = choice.ids or [*choice.traces.newest_ids(MAX_EXPORTED + 1)]
        if len(ids) > MAX_EXPORTED:
            text = f"More than {MAX_EXPORTED:,} traces match. Build a dataset from these, and export that."
            return refuse_choice(request, title, text, build_url=choice.build_url)
        if not ids:
            return refuse_choice(request, title, "No trace matches these filters.")
        made = export(ids, format)
    except ValidationError as error:
        return refuse_choice(request, title, sentence(error))
    return send_export(request, made)


def _format(data: QueryDict) -> str:
    format = data.get("format", "")
    if format not in FORMATS:
        raise ValidationError(f"There is no format {format}. Choose {', '.join(FORMATS)}.")
    return format


def refuse_choice(request: HttpRequest, title: str, text: str, **more: Any) -> HttpResponse:
    context = {"title": title, "text": text, **more}
    return render(request, "datasets/refused_choice.html", context, status=422)
