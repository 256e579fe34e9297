"""Words as they are cut, folded and sought."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.formats import search_terms
from apps.formats.search_terms import (
    BOUNDARY,
    TERM_MAX_LENGTH,
    Sought,
    is_found,
    parse_query,
    search_body,
    split_terms,
)


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("What is 27 × 19?", "what is 27 × 19"),
        ("1,000.5 -3 50%", "1 000 5 3 50"),
        (
            "don't e-mail foo_bar(x) C++ a\\b https://a.b/c?d=e",
            "don t e mail foo bar x c a b https a b c d e",
        ),
        ("Élan naïve ÅNGSTRÖM Straße İstanbul ΆΛΦΑ Ёлка", "elan naive angstrom strasse istanbul αλφα елка"),
        ("e\u0301 \ufb01n \uff21\uff22\uff11 x² Ⅳ", "e fin ab1 x2 iv"),
        ("我吃苹果。東京タワー ﾀﾜｰ", "我 吃 苹 果 東 京 タ ワ ー タ ワ ー"),
        ("한국어가", "한 국 어 가"),
        ("ภาษาไทย", "ภ า ษ า ไ ท ย"),
        ("हिन्दी में, עליכם", "हिन्दी में עליכם"),
        ("👍🏽👨\u200d👩 ❤\ufe0f 🂡🂢", "👍 🏽 👨 👩 ❤ 🂡 🂢"),
        ("soft\u00adhyphen zero\u200bwidth \ufeffmark", "softhyphen zero width mark"),
        ("… ! ?* \t\n", ""),
        ("x" * 300 + " y", "x" * TERM_MAX_LENGTH + " y"),
    ],
)
def test_a_text_is_cut_into_words(text: str, terms: str) -> None:
    assert split_terms(text) == terms.split()


@pytest.mark.parametrize(
    ("query", "sought"),
    [
        ("two Words", [("two", False), ("words", False)]),
        ('"two words" more', [("two words", False), ("more", False)]),
        ("“two words” „three”", [("two words", False), ("three", False)]),
        ('"not closed', [("not closed", False)]),
        ("beg* 27*19", [("beg", True), ("27 19", False)]),
        ('"beg*"', [("beg", False)]),
        ("苹果", [("苹 果", False)]),
        ("foo_bar", [("foo bar", False)]),
        ("a a a*", [("a", False), ("a", True)]),
        (
            'a AND b OR NOT "c" NEAR(d, 2)',
            [(word, False) for word in ("a", "and", "b", "or", "not", "c")]
            + [("near d", False), ("2", False)],
        ),
        ("col:x ^y -z {a} b:* a&b|!c<->d", [(w, w == "b") for w in ("col x", "y", "z", "a", "b", "a b c d")]),
        ('" "" * % _ \\ \' ( )', []),
        ("", []),
    ],
)
def test_a_query_says_what_is_sought(query: str, sought: list[tuple[str, bool]]) -> None:
    assert parse_query(query) == [Sought(tuple(terms.split()), is_prefix) for terms, is_prefix in sought]


def test_no_phrase_reaches_from_one_text_into_the_next() -> None:
    body = search_body(["one two", "three"])
    assert body == f"one two {BOUNDARY} three"
    assert is_found(parse_query('"one two" three thr*'), body)
    assert not is_found(parse_query('"two three"'), body)
    assert not is_found(parse_query("thre"), body)
    assert not is_found(parse_query(f'"two {BOUNDARY} three"'), body)


@given(st.lists(st.text(), max_size=4))
def test_a_text_is_found_by_each_of_its_words_and_by_itself(texts: list[str]) -> None:
    body = search_body(texts)
    for text in texts:
        assert all(is_found(parse_query(word), body) for word in text.split())
        assert is_found(parse_query(f'"{text.translate(dict.fromkeys(map(ord, QUOTES), " "))}"'), body)


QUOTES = '"“”„'


@given(st.text())
def test_words_are_safe_to_stand_between_spaces_and_quotes(text: str) -> None:
    for term in split_terms(text):
        assert term
        assert not {*term} & {*" '\"\\*:&|!<>()\0\n", BOUNDARY}
        assert split_terms(term) == [term]


def test_what_postgresql_could_not_keep_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search_terms, "_MAX_BYTES", 10)
    assert search_body(["ab cd ab cd ab", "!", "ef gh"]) == f"ab cd ab cd ab {BOUNDARY} ef"
