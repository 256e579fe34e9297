import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.core.json import INT64, MAX_DEPTH, JSONError, canonical_json, check_domain, compact_json, parse_json

TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
SCALAR = (
    st.none()
    | st.booleans()
    | st.integers(-INT64, INT64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT
)
JSON = st.recursive(SCALAR, lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner), max_leaves=20)


def nested(depth: int) -> str:
    return "[" * depth + "]" * depth


@given(JSON)
@settings(deadline=None)
def test_what_is_accepted_comes_back_equal(value: Any) -> None:
    for text in (json.dumps(value), json.dumps(value, ensure_ascii=False), compact_json(value)):
        found = parse_json(text)
        assert found == value
        assert repr(found) == repr(value)  # also 1 or 1.0, 0.0 or -0.0, and the order of keys


@given(JSON)
@settings(deadline=None)
def test_bytes_and_text_are_read_alike(value: Any) -> None:
    assert parse_json(compact_json(value).encode()) == value


@given(JSON)
@settings(deadline=None)
def test_the_canonical_form_is_the_same_value(value: Any) -> None:
    assert json.loads(canonical_json(value)) == value


REFUSALS = [
    ('{"a": 1, "a": 2}', "a", "The key stands twice in its object."),
    ('{"steps": [0, {"i": 1, "x": 0, "i": 1}]}', "steps.1.i", "The key stands twice in its object."),
    ('{"a": {"b": 9223372036854775808}}', "a.b", "An integer must fit into 64 bits."),
    ("-9223372036854775809", "", "An integer must fit into 64 bits."),
    ('{"a": [1, 1e400]}', "a.1", "A number must be finite."),
    ("-1e400", "", "A number must be finite."),
    (r'{"a": "x\u0000"}', "a", "Text must not contain the character NUL."),
    (r'[{"x\u0000": 1}]', "0.x\0", "Text must not contain the character NUL."),
    (r'{"a": ["\ud800"]}', "a.0", "Text must not contain a lone surrogate."),
    (r'{"\udc00": 1}', "\udc00", "Text must not contain a lone surrogate."),
    (nested(MAX_DEPTH + 1), ".".join(["0"] * MAX_DEPTH), "The JSON is nested deeper than 64 levels."),
    (nested(100_000), "", "The JSON is nested deeper than 64 levels."),
    ("NaN", "", "The text is not JSON: NaN is no JSON number."),
    ('{"a": -Infinity}', "", "The text is not JSON: -Infinity is no JSON number."),
    ("", "", "The text is not JSON: Expecting value at line 1 column 1."),
    (
        "{'a': 1}",
        "",
        "The text is not JSON: Expecting property name enclosed in double quotes at line 1 column 2.",
    ),
    ("[1] 2", "", "The text is not JSON: Extra data at line 1 column 5."),
]


@pytest.mark.parametrize(("text", "path", "reason"), REFUSALS, ids=range(len(REFUSALS)))
def test_refusals_name_the_place(text: str, path: str, reason: str) -> None:
    with pytest.raises(JSONError) as refusal:
        parse_json(text)
    assert (refusal.value.path, str(refusal.value)) == (path, reason)


def test_more_digits_than_python_converts_are_refused() -> None:
    with pytest.raises(JSONError, match=r"^The text is not JSON: "):
        parse_json("9" * 5_000)


def test_other_encodings_than_utf8_are_refused() -> None:
    with pytest.raises(JSONError) as refusal:
        parse_json(b'{"a": "\xff"}')
    assert str(refusal.value) == "The text is not UTF-8: byte 7 cannot be decoded."


@pytest.mark.parametrize("number", [INT64 - 1, -INT64, 0, 5e-324, 1.7976931348623157e308, 1e16, -0.0])
def test_the_ends_of_the_number_ranges_are_accepted(number: float) -> None:
    found = parse_json(json.dumps({"a": number}))["a"]
    assert (found, type(found), math.copysign(1, found)) == (number, type(number), math.copysign(1, number))


def test_a_depth_of_64_is_accepted() -> None:
    assert parse_json(nested(MAX_DEPTH)) == json.loads(nested(MAX_DEPTH))


def test_a_surrogate_pair_is_one_character() -> None:
    assert parse_json(r'"\ud83d\ude00"') == "😀"


def test_key_order_is_kept() -> None:
    assert [*parse_json('{"b": 1, "a": 2, "c": 3}')] == ["b", "a", "c"]


@pytest.mark.parametrize(("value", "path"), [({"a": [0, float("nan")]}, "a.1"), ({"a": {"b": INT64}}, "a.b")])
def test_decoded_values_are_checked_alike(value: Any, path: str) -> None:
    with pytest.raises(JSONError) as refusal:
        check_domain(value)
    assert refusal.value.path == path


def test_compact_json_keeps_order_and_does_not_escape() -> None:
    assert compact_json({"b": "27 × 19", "a": [1, 2.0, None]}) == '{"b":"27 × 19","a":[1,2.0,null]}'


def test_canonical_json_sorts_keys() -> None:
    assert canonical_json({"b": {"d": 1, "c": 2}, "a": 0}) == b'{"a":0,"b":{"c":2,"d":1}}'
