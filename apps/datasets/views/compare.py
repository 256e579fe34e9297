"""The page that compares two datasets."""

from typing import Any, NamedTuple

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.views.decorators.http import require_safe

from apps.datasets.compare import Part, compare_datasets
from apps.datasets.describe import recipe_words
from apps.datasets.forms.compare import CompareForm
from apps.datasets.models import Dataset


class Line(NamedTuple):
    """One fact of both; `change` says how a number moved."""

    label: str
    base: str
    other: str
    change: str = ""

    @property
    def differs(self) -> bool:
        return self.base != self.other


@require_safe
def compare(request: HttpRequest) -> HttpResponse:
    """Without two datasets it asks for them."""
    has_both = bool(request.GET.get("base") and request.GET.get("other"))
    form = CompareForm(request.GET if has_both else None, initial=request.GET.dict())
    context: dict[str, Any] = {"form": form, "keys": Dataset.objects.newest_keys}
    if form.is_valid():
        base, other = form.cleaned_data["datasets"]
        after = {name: form.cleaned_data[name] for name in ("came_after", "went_after")}
        comparison = compare_datasets(base, other, **after)
        context |= {
            "base": base,
            "other": other,
            "names": [_name(base), _name(other)],
            "comparison": comparison,
            "lists": [
                _list("Came", "came_after", comparison.came, request.GET),
                _list("Went", "went_after", comparison.went, request.GET),
            ],
            "recipes": _recipes(base, other),
            "figures": _figures(base, other),
            "params": request.GET,
        }
    return render(request, "datasets/compare.html", context, status=422 if form.errors else 200)


def _name(dataset: Dataset) -> str:
    return f"{dataset.key} (superseded)" if dataset.superseded_at else dataset.key


def _list(title: str, parameter: str, part: Part, query: QueryDict) -> dict[str, Any]:
    """`first` and `next` are the query strings of other pages of the same list."""
    first = query.copy()
    is_first = first.pop(parameter, None) is None
    after = first.copy()
    after[parameter] = str(part.after)
    return {
        "title": title,
        "part": part,
        "first": None if is_first else first.urlencode(),
        "next": None if part.after is None else after.urlencode(),
    }


def _recipes(base: Dataset, other: Dataset) -> list[Line]:
    facts = {
        "Name": "name",
        "Version": "version",
        "Made from": "parent_dataset_id",
        "Session": "session_id",
        "Training run": "training_run_id",
        "Digest": "content_digest",
    }
    selected = Line("Selection", *(" · ".join(recipe_words(dataset)) for dataset in (base, other)))
    built = Line("Built", *(f"{dataset.created_at:%Y-%m-%d %H:%M} UTC" for dataset in (base, other)))
    rest = [
        Line(label, *(getattr(dataset, name) or "–" for dataset in (base, other)))
        for label, name in facts.items()
    ]
    return [selected, built, *rest]


def _figures(base: Dataset, other: Dataset) -> list[Line]:
    labels = {
        "Traces": "trace_count",
        "Steps on average": "avg_step_count",
        "Fewest steps": "min_step_count",
        "Most steps": "max_step_count",
        "Characters on average": "avg_total_chars",
    }
    pairs = [(label, base.stats[name], other.stats[name]) for label, name in labels.items()]
    pairs.append(("Control tokens", base.control_tokens, other.control_tokens))
    return [Line(label, _say(a), _say(b), _change(b - a)) for label, a, b in pairs]


def _say(number: float) -> str:
    return f"{number:,.2f}" if isinstance(number, float) else f"{number:,}"


def _change(difference: float) -> str:
    if not difference:
        return ""
    return f"{'+' if difference > 0 else '−'}{_say(abs(difference))}"
