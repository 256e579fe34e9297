"""Terms: what equals what is said by the hash of key and value, alike on both databases."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.formats.meta import meta_term, meta_terms, spelled_terms
from apps.traces.models import Trace
from apps.traces.tests.factories import make_trace

_DIFFERENT = [
    1,
    "1",
    True,
    "true",
    None,
    "null",
    "",
    0,
    False,
    "0",
    0.5,
    "0.5",
    -1,
    [1],
    {"a": 1},
    [],
    {},
    [[1]],
]


def test_different_values_have_different_terms() -> None:
    assert len({meta_term("k", value) for value in _DIFFERENT}) == len(_DIFFERENT)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, 1.0),
        (0, -0.0),
        (-3, -3.0),
        (10**15, 1e15),
        ([1, {"a": 2}], [1.0, {"a": 2.0}]),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
    ],
)
def test_equal_values_share_a_term(one: Any, other: Any) -> None:
    assert meta_term("k", one) == meta_term("k", other)


def test_a_list_differs_from_its_reverse() -> None:
    assert meta_term("k", [1, 2]) != meta_term("k", [2, 1])


@pytest.mark.parametrize("value", [1e300, 1.7976931348623157e308, 5e-324, 2**63 - 1, -(2**63), 9.3e18])
def test_extreme_numbers_have_terms(value: float) -> None:
    assert len(meta_term("k", value)) == 16


def test_the_key_is_part_of_the_term() -> None:
    assert meta_term("a", 1) != meta_term("b", 1)


@pytest.mark.parametrize("meta", [None, {}])
def test_no_meta_has_no_terms(meta: dict[str, Any] | None) -> None:
    assert meta_terms(meta) == ""


def test_terms_do_not_depend_on_the_order_of_keys() -> None:
    assert meta_terms({"a": 1, "b": 2}) == meta_terms({"b": 2, "a": 1})
    assert meta_terms({"a": 1, "b": 2}).split() == sorted([meta_term("a", 1), meta_term("b", 2)])


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("easy", ["easy"]),
        ("1", ["1", 1]),
        ("1.0", ["1.0", 1]),
        ("true", ["true", True]),
        ("false", ["false", False]),
        ("null", ["null", None]),
        ('"a"', ['"a"', "a"]),
        ("", [""]),
        ("[1]", ["[1]"]),
        ('{"a":1}', ['{"a":1}']),
        ("NaN", ["NaN"]),
        ("1e400", ["1e400"]),
        ("9223372036854775808", ["9223372036854775808"]),
        ("True", ["True"]),
    ],
)
def test_a_query_string_spells_the_text_and_the_scalar(text: str, values: list[Any]) -> None:
    assert spelled_terms("k", text) == {meta_term("k", value) for value in values}


@given(st.integers(-(2**53), 2**53))
def test_a_whole_float_is_its_integer(value: int) -> None:
    assert meta_term("k", float(value)) == meta_term("k", value)


_STRICT = [
    (1, "integer"),
    (1.0, "integer"),
    ("1", "text"),
    (True, "true"),
    (None, "null"),
    ([1], "list"),
    ([1.0], "list"),
    ({"x": 1, "y": None}, "object"),
    ({"y": None, "x": 1}, "object"),
]


@pytest.mark.django_db
@pytest.mark.parametrize(("value", "matched"), _STRICT)
def test_filters_of_a_dataset_match_strictly(value: Any, matched: str) -> None:
    stored = {
        "integer": 1,
        "text": "1",
        "true": True,
        "null": None,
        "list": [1],
        "object": {"x": 1, "y": None},
    }
    for name, item in stored.items():
        make_trace(prompt=name, meta={"k": item})
    make_trace(prompt="without the key", meta={"other": None})
    make_trace(prompt="without meta", meta=None)
    found = Trace.objects.with_meta({"k": value})
    assert [trace.prompt for trace in found] == [matched]


@pytest.mark.django_db
def test_filters_of_a_dataset_are_anded() -> None:
    make_trace(prompt="both", meta={"a": 1, "b": 2})
    make_trace(prompt="one", meta={"a": 1, "b": 3})
    assert [trace.prompt for trace in Trace.objects.with_meta({"a": 1, "b": 2})] == ["both"]


@pytest.mark.django_db
def test_a_key_inside_a_value_is_no_key() -> None:
    make_trace(meta={"outer": {"k": 1}})
    assert Trace.objects.with_meta({"k": 1}).count() == 0
