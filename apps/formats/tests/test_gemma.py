import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.formats.gemma import break_control_tokens, count_control_tokens, render_turns

TOKENS = ["<start_of_turn>", "<end_of_turn>", "<bos>", "<eos>", "<pad>"]


@pytest.mark.parametrize("token", TOKENS)
def test_a_control_token_is_broken_behind_its_first_character(token: str) -> None:
    assert break_control_tokens(f"a{token}b") == f"a<\u200b{token[1:]}b"


def test_every_occurrence_is_broken_and_counted() -> None:
    text = "<bos><bos> <eos><<pad>>"
    assert break_control_tokens(text) == "<\u200bbos><\u200bbos> <\u200beos><<\u200bpad>>"
    assert count_control_tokens([text, "", "no token", text]) == 8


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1 < 2",
        "<start_of_turn",
        "< bos>",
        "<BOS>",
        "</bos>",
        "<unk>",
        "bos>",
        "<\u200bbos>",
        "<end_of_turn >",
    ],
)
def test_what_is_no_control_token_stays(text: str) -> None:
    assert (break_control_tokens(text), count_control_tokens([text])) == (text, 0)


@given(st.lists(st.sampled_from([*TOKENS, "<", ">", "bos", "x", "\u200b"])).map("".join))
@settings(deadline=None)
def test_what_was_broken_has_no_token_and_reads_the_same(text: str) -> None:
    broken = break_control_tokens(text)
    assert count_control_tokens([broken]) == 0
    assert broken.replace("\u200b", "") == text.replace("\u200b", "")
    assert len(broken) - len(text) == count_control_tokens([text])


def test_turns_follow_the_template() -> None:
    assert render_turns("P", "R") == (
        "<start_of_turn>user\nP<end_of_turn>\n<start_of_turn>model\nR<end_of_turn>"
    )
