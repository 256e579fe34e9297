"""How texts of users come onto a page."""

import pytest

from apps.traces.templatetags.tokens import own, rendered, soft


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("<b> & ' \n ", "&lt;b&gt; &amp; &#x27; \n "),
        ("a<bos>", 'a<mark class="tok">&lt;bos&gt;</mark>'),
    ],
)
def test_own(text: str, html: str) -> None:
    assert own(text) == html


def test_rendered() -> None:
    assert rendered("<bos><\u200beos><b>") == (
        '<span class="tok">&lt;bos&gt;</span><mark class="tok">&lt;\u200beos&gt;</mark>&lt;b&gt;'
    )


def test_only_a_word_of_absurd_length_may_be_broken_anywhere() -> None:
    assert soft("<word> " * 100) == "<word> " * 100
    assert soft("<" + "w" * 450) == f"&lt;{'w' * 199}<wbr>{'w' * 200}<wbr>{'w' * 51}"
