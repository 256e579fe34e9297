"""The pages about traces, which also say what datasets make of them."""

from typing import Any
from urllib.parse import urlencode

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, QueryDict
from django.views.decorators.http import require_safe

from apps.core.forms import add_refusals
from apps.core.keyset import Sort
from apps.core.pages import note_url, render_page
from apps.curation.models import Tag
from apps.datasets.browse import Browsed, browse_traces
from apps.datasets.describe import chips, where_params
from apps.datasets.forms.where import WhereForm
from apps.datasets.models import Dataset
from apps.datasets.selection import Where
from apps.formats.records import FORMATS
from apps.traces.models import Trace

# What stands in the URL, and the column behind it.
SORTS = {"age": "pk", "steps": "step_count", "chars": "char_count", "score": "score"}
NEWEST = "-age"

# As a narrow page, which has no heads of columns, offers them.
SORT_LABELS = {
    NEWEST: "newest first",
    "age": "oldest first",
    "-steps": "most steps",
    "steps": "fewest steps",
    "-chars": "longest",
    "chars": "shortest",
    "-score": "highest score",
    "score": "lowest score",
}


@require_safe
def traces(request: HttpRequest) -> HttpResponse:
    """Search, filters, sort and page are in the URL; HTMX gets the table alone."""
    form = WhereForm(request.GET)
    browsed = _browse(form, request.GET) if form.is_valid() else None
    context: dict[str, Any] = {
        "form": form,
        "browsed": browsed,
        "sources": Trace.objects.sources,
        "keys": Dataset.objects.newest_keys,
        "tag_names": Tag.objects.names,
        "sort": request.GET.get("sort") or NEWEST,
        "sorts": SORT_LABELS,
        "formats": [*FORMATS],
    }
    if browsed:
        where = form.cleaned_data["where"]
        context |= {
            "where": where_params(where),
            "params": list_params(where, request.GET),
            "chips": chips(where),
        }
    status = 200 if browsed else 422
    response = render_page(request, "datasets/traces.html", "datasets/_traces.html", context, status)
    if browsed:
        note_url(request, response, context["params"], typed="q")
    return response


def _browse(form: WhereForm, query: QueryDict) -> Browsed | None:
    after, before = query.get("after", ""), query.get("before", "")
    try:
        return browse_traces(form.cleaned_data["where"], read_sort(query), after=after, before=before)
    except ValidationError as error:
        add_refusals(form, error)
        return None


def read_sort(query: QueryDict) -> Sort:
    text = query.get("sort") or NEWEST
    name = text.removeprefix("-")
    if name not in SORTS:
        raise ValidationError(f"There is no order by {name}. Choose age, steps, chars or score.")
    return Sort(SORTS[name], text.startswith("-"))


def list_params(where: Where, query: QueryDict) -> QueryDict:
    """The one spelling of the URL of the list, without the empty fields of the form."""
    kept = {name: str(query[name]) for name in ("sort", "after", "before") if query.get(name)}
    if kept.get("sort") == NEWEST:
        del kept["sort"]
    return QueryDict(urlencode(where_params(where) | kept))
