from urllib.parse import urlencode

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, QueryDict
from django.views.decorators.http import require_safe

from apps.accounts.access import require_staff
from apps.audit.browse import Browsed, browse_acts
from apps.audit.forms import SearchForm
from apps.core.forms import add_refusals, given
from apps.core.pages import note_url, render_page


@require_safe
def list(request: HttpRequest) -> HttpResponse:
    """Filters and page are in the URL; HTMX gets the table alone."""
    require_staff(request.user, "read the audit")
    form = SearchForm(request.GET)
    browsed = _browse(form, request.GET) if form.is_valid() else None
    filters = given(form.cleaned_data)
    params = QueryDict(urlencode({**filters, **_page(request.GET)}))
    context = {"form": form, "browsed": browsed, "filters": filters, "params": params}
    response = render_page(request, "audit/list.html", "audit/_list.html", context, 200 if browsed else 422)
    if browsed:
        note_url(request, response, params, typed="thing")
    return response


def _browse(form: SearchForm, query: QueryDict) -> Browsed | None:
    try:
        return browse_acts(**given(form.cleaned_data), **_page(query))
    except ValidationError as error:
        add_refusals(form, error)
        return None


def _page(query: QueryDict) -> dict[str, str]:
    return {name: str(query[name]) for name in ("after", "before") if query.get(name)}
