"""The page of one trace."""

from functools import partial
from typing import Any, NamedTuple
from urllib.parse import urlencode
from uuid import UUID

import orjson
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, QueryDict
from django.views.decorators.http import require_safe

from apps.core.json import compact_json, pretty_json
from apps.core.pages import render_page
from apps.curation.views import curation_context
from apps.datasets.browse import find_beside
from apps.datasets.describe import META_PREFIX, where_params
from apps.datasets.forms.where import WhereForm
from apps.datasets.models import Dataset
from apps.datasets.selection import Where
from apps.datasets.views.traces import list_params, read_sort
from apps.formats.gemma import split_turns
from apps.formats.records import FORMATS, TraceRow
from apps.traces.models import Trace
from apps.traces.score import explain_score
from apps.traces.serializers import detailed
from apps.traces.views import find_trace

# What stands in the URL, and its name on the page: the export formats, then what the API answers.
TABS = {
    "tunix_sft": "Tunix SFT",
    "trace": "Trace",
    "training_example": "Training example",
    "json": "JSON",
}
FIRST_TAB = "tunix_sft"

MAX_META_KEYS = 30
MAX_META_CHARS = 200
MAX_HOLDERS = 20


class Fact(NamedTuple):
    """One key of meta; `query` finds the traces that have the same value."""

    key: str
    text: str
    query: str


@require_safe
def trace(request: HttpRequest, id: str) -> HttpResponse:
    """The open tab is in the URL; HTMX gets the tabs alone, for which the rest is not read. So are the
    filters and the order of the list that it was come to from.
    """
    found = find_trace(id)
    tab = request.GET.get("tab")
    where = _where(request.GET)
    params = list_params(where, request.GET)
    context = {
        "trace": found,
        "meta": partial(_meta, found),
        "explained": partial(explain_score, found),
        "holders": partial(_holders, found),
        "said": partial(curation_context, found),
        "tabs": TABS,
        "params": params,
        "query": f"?{params.urlencode()}" if params else "",
        "where": where_params(where),
        "beside": partial(_beside, found, where, request.GET),
        **_panel(found, tab if tab in TABS else FIRST_TAB),
    }
    return render_page(request, "datasets/trace.html", "datasets/_trace.html", context)


def _where(query: QueryDict) -> Where:
    """The page of a trace is not refused for what its list would refuse."""
    form = WhereForm(query)
    return form.cleaned_data["where"] if form.is_valid() else Where()


def _beside(trace: Trace, where: Where, query: QueryDict) -> tuple[UUID | None, UUID | None]:
    """The traces before and behind this one in the list."""
    try:
        sort = read_sort(query)
        return find_beside(where, sort, sort.cursor_at(trace))
    except ValidationError:
        return None, None


def _panel(trace: Trace, tab: str) -> dict[str, Any]:
    """What the open tab shows: the record as the export renders it, and its text where it has one."""
    if tab not in FORMATS:
        return {"tab": tab, "json": pretty_json(orjson.loads(orjson.dumps(detailed(trace))))}
    [row] = Trace.objects.with_keys([trace.pk]).rows()
    record = FORMATS[tab](TraceRow._make(row))
    panel = {"tab": tab, "json": pretty_json(record), "record": record}
    if tab == "tunix_sft":
        panel["read"], panel["learnt"] = split_turns(record["prompts"])
    return panel


def _holders(trace: Trace) -> dict[str, Any]:
    holders = Dataset.objects.holding(Trace.objects.with_keys([trace.pk]))
    return {"shown": holders[:MAX_HOLDERS], "rest": len(holders[MAX_HOLDERS:])}


def _meta(trace: Trace) -> dict[str, Any]:
    """Keys with the beginnings of their values; the tab JSON has all."""
    meta = orjson.loads(trace.meta) or {}
    shown = [_fact(key, value) for key, value in [*meta.items()][:MAX_META_KEYS]]
    return {"shown": shown, "rest": max(len(meta) - MAX_META_KEYS, 0)}


def _fact(key: str, value: Any) -> Fact:
    """A list and an object are no filter, and what is cut would be another one."""
    text = value if isinstance(value, str) else compact_json(value)
    is_filter = not isinstance(value, list | dict) and max(len(key), len(text)) <= MAX_META_CHARS
    query = urlencode({f"{META_PREFIX}{key}": text}) if is_filter and key else ""
    return Fact(key[:MAX_META_CHARS], _cut(text), query)


def _cut(text: str) -> str:
    return text if len(text) <= MAX_META_CHARS else f"{text[:MAX_META_CHARS]}…"
