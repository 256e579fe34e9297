import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.formats.reasoning import Cut, Split, UnreadableError, cut_steps, split_response

AB = Split(["a", "b"], "42")


@pytest.mark.parametrize(
    "text",
    [
        "<reasoning>a\nb</reasoning><answer>42</answer>",
        "\n<reasoning>\na\n\nb\n</reasoning>\n\n<answer>\n 42 \n</answer>\n",
        "<think>a\r\nb</think>42",
        "<THINK>\n1. a\n2. b\n</THINK>\n\n42\n",
        "a\nb</think>\n42",
        "<thinking>a\nb</thinking><answer>42</answer>",
        "a\nb\n<answer>42</answer>",
        "Reasoning:\n1. a\n2. b\nAnswer: 42",
        "Reasoning: 1. a 2. b Answer: 42",
        "reasoning:\nStep 1: a\nStep 2: b\n\nFinal answer: 42",
        "Reasoning:\na\nb\nAnswer: 42",
        "a\nb\n#### 42",
    ],
)
def test_the_markup_tells_steps_from_answer(text: str) -> None:
    assert split_response(text) == AB


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("42", "no steps can be told from the answer"),
        ("First, a. Then b. So 42.", "no steps can be told from the answer"),
        ("<answer>42</answer>", "no steps can be told from the answer"),
        ("", "no steps can be told from the answer"),
        ("<think>a", "<think> is not closed."),
        ("<think>a</think>", "there is reasoning but no answer after it."),
        ("<think></think>42", "there are no steps: the reasoning is empty."),
        ("<think>a</think>b<think>c</think>42", "</think> stands more than once."),
        ("<think><think>a</think>42", "<think> stands more than once."),
        ("Hm. <think>a</think>42", "there is text before <think>."),
        ("<think>a</reasoning>42", "<think> is closed by </reasoning>."),
        ("<think>a</think><answer>42", "<answer> and </answer> do not stand once each."),
        ("<think>a</think>so <answer>42</answer>", "there is text around <answer>..</answer>."),
        ("Reasoning: a", '"Answer:" stands never behind "Reasoning:".'),
        ("Reasoning: a\nAnswer: 1\nAnswer: 2", '"Answer:" stands more than once behind "Reasoning:".'),
        ("Reasoning:\n1. a\n1. b\n2. c\nAnswer: 2", "the number 1 stands before more than one step."),
    ],
)
def test_what_cannot_be_told_is_said(text: str, reason: str) -> None:
    with pytest.raises(UnreadableError) as caught:
        split_response(text)
    assert str(caught.value).startswith(reason)


@pytest.mark.parametrize(
    ("cut", "text", "steps"),
    [
        ("lines", "1. a\n\n2. b\n", ["1. a", "2. b"]),
        ("numbered", "1. a\nmore\n2) b\n2024. was\n10. ten", ["a\nmore", "b\n2024. was\n10. ten"]),
        ("numbered", "1. one 2. two", ["one", "two"]),
        ("blank-lines", "a\nb\n\nc\r\n \r\nd", ["a\nb", "c", "d"]),
        ("sentences", "It is 3.5 m. Is it? Yes!\nDone.", ["It is 3.5 m.", "Is it?", "Yes!", "Done."]),
        ("sentences", "他买了三个。一共六元。", ["他买了三个。", "一共六元。"]),
        ("one", " a\n\nb ", ["a\n\nb"]),
        ("auto", "1. a\nb\n2. c", ["a\nb", "c"]),
        ("auto", "a\n1. b\n2. c", ["a", "1. b", "2. c"]),
    ],
)
def test_steps_are_cut_as_asked(cut: Cut, text: str, steps: list[str]) -> None:
    assert cut_steps(text, cut) == steps


def test_a_text_without_numbers_is_no_numbered_list() -> None:
    with pytest.raises(UnreadableError, match="is no numbered list: it does not begin with 1"):
        cut_steps("a\nb", "numbered")


PIECES = [
    "<think>",
    "</think>",
    "<answer>",
    "</answer>",
    "Reasoning:",
    "\nAnswer: ",
    "\n#### ",
    "\n1. ",
    "\n2. ",
    "x",
    "y",
]


@given(st.lists(st.sampled_from(PIECES)).map("".join))
def test_what_is_read_was_there_in_this_order(text: str) -> None:
    try:
        steps, answer = split_response(text)
    except UnreadableError:
        return
    found = -1
    for part in [*steps, answer]:
        found = text.index(part, found + 1)
