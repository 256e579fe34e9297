from typing import Any
from urllib.parse import urlencode

import pytest
from django.http import QueryDict
from hypothesis import given
from hypothesis import strategies as st

from apps.core.ranges import Bounds
from apps.datasets.describe import where_params
from apps.datasets.forms.where import WhereForm
from apps.datasets.selection import TEXT_MAX_LENGTH, Where
from apps.formats.trace import MAX_SCORE, MAX_STEPS, SOURCE_MAX_LENGTH

CHARACTERS = st.characters(exclude_characters="\0", exclude_categories=["Cs"])
KEYS = st.text(CHARACTERS, min_size=1, max_size=8)
MEMBERSHIP = st.sampled_from(["any", "none", "a-v1", "-a-v1", "-any-1", "A.b_c-none"])


def bounds(kind: type[Bounds[Any]], values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    ends = st.tuples(st.none() | values, st.none() | values)
    ordered = ends.map(lambda pair: pair if None in pair else tuple(sorted(pair)))
    return ordered.map(lambda pair: kind(min=pair[0], max=pair[1]))


WHERE = st.builds(
    Where,
    q=st.none() | st.text(CHARACTERS, min_size=1, max_size=TEXT_MAX_LENGTH),
    source=st.none() | st.text(CHARACTERS, min_size=1, max_size=SOURCE_MAX_LENGTH),
    meta=st.dictionaries(KEYS, st.text(CHARACTERS, max_size=8), max_size=3),
    steps=bounds(Bounds[int], st.integers(0, MAX_STEPS)),
    chars=bounds(Bounds[int], st.integers(0, 10**12)),
    score=bounds(Bounds[float], st.floats(0, MAX_SCORE)),
    in_dataset=st.none() | MEMBERSHIP,
)


def read(params: dict[str, str]) -> WhereForm:
    return WhereForm(QueryDict(urlencode(params)))


@given(WHERE)
def test_a_link_to_a_filter_is_read_as_that_filter(where: Where) -> None:
    form = read(where_params(where))
    assert form.is_valid(), form.errors
    assert form.cleaned_data["where"] == where
    assert where_params(form.cleaned_data["where"]) == where_params(where)


def test_empty_fields_are_no_filter() -> None:
    form = read({**dict.fromkeys(WhereForm.base_fields, ""), "meta.": "x"})
    assert form.is_valid()
    assert form.cleaned_data["where"] == Where()


def test_one_more_key_of_meta_joins_the_others() -> None:
    form = read({"meta.a": "1", "meta_key": "b", "meta_value": " 2"})
    assert form.is_valid()
    assert form.cleaned_data["where"] == Where(meta={"a": "1", "b": " 2"})
    assert [form[name].value() for name in ("meta_key", "meta_value")] == [None, None]


@pytest.mark.parametrize(
    ("params", "fields"),
    [
        ({"steps_min": "x"}, ["steps_min"]),
        ({"steps_max": str(MAX_STEPS + 1)}, ["steps_max"]),
        ({"chars_min": "-1"}, ["chars_min"]),
        ({"score_max": str(MAX_SCORE + 1)}, ["score_max"]),
        ({"score_min": "nan"}, ["score_min"]),
        ({"steps_min": "3", "steps_max": "2"}, ["steps_min"]),
        ({"source": "x" * (SOURCE_MAX_LENGTH + 1)}, ["source"]),
        ({"q": "x" * (TEXT_MAX_LENGTH + 1), "score_min": "-1"}, ["q", "score_min"]),
        ({"in_dataset": "x" * 1_000}, ["in_dataset"]),
        ({"meta_value": "x"}, ["meta_key"]),
        ({"meta_key": "x", "meta_value": ""}, ["meta_value"]),
    ],
)
def test_what_is_no_filter_is_refused_at_its_field(params: dict[str, str], fields: list[str]) -> None:
    assert [*read(params).errors] == fields
