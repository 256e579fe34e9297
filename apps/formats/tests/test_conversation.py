from typing import Any

import pytest

from apps.formats.conversation import read_conversation
from apps.formats.reasoning import UnreadableError


def turn(role: str, content: Any, **more: Any) -> dict[str, Any]:
    return {"role": role, "content": content, **more}


ASK, REPLY = turn("user", "Q?"), turn("assistant", "A.")


@pytest.mark.parametrize(
    ("turns", "texts"),
    [
        ([ASK, REPLY], ("Q?", "A.", None)),
        ([turn("system", "Think."), ASK, REPLY], ("Think.\n\nQ?", "A.", None)),
        ([turn("system", " "), ASK, REPLY], ("Q?", "A.", None)),
        ([{"from": "human", "value": "Q?"}, {"from": "gpt", "value": "A."}], ("Q?", "A.", None)),
        ([ASK, turn("assistant", "A.", reasoning_content="r")], ("Q?", "A.", "r")),
        ([ASK, turn("assistant", "A.", reasoning_content=None)], ("Q?", "A.", None)),
        (
            [turn("user", [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]), REPLY],
            ("a\nb", "A.", None),
        ),
    ],
)
def test_one_question_and_one_answer_are_read(turns: Any, texts: tuple[str, str, str | None]) -> None:
    assert read_conversation(turns)[:3] == texts


def test_what_was_read_of_each_turn_is_told() -> None:
    parts = turn("user", [{"type": "text", "text": "a", "more": 1}, {"type": "text", "text": "b"}], name="x")
    reply = {"from": "gpt", "value": "A.", "reasoning": "", "thinking": "r", "weight": 1}
    assert read_conversation([parts, reply]).read == [
        [("role",), *[("content", n, key) for n in (0, 1) for key in ("type", "text")]],
        [("from",), ("value",), ("reasoning",), ("thinking",)],
    ]


@pytest.mark.parametrize(
    ("turns", "path", "reason"),
    [
        ("text", "", "This must be a list of turns."),
        ([], "", "The turns are none; they must be user, assistant."),
        ([ASK], "", "The turns are user; they must be user, assistant."),
        ([ASK, REPLY, ASK, REPLY], "", "2 turns are the assistant's: only one question with one answer"),
        ([ASK, "text"], "1", "This must be an object."),
        (
            [ASK, turn("tool", "x")],
            "1.role",
            'Whose turn it is must be user, assistant or system; it is "tool".',
        ),
        ([ASK, {"value": "x"}], "1.from", "Whose turn it is must be user, assistant or system; it is none."),
        ([ASK, turn("assistant", None)], "1.content", "This must be a text."),
        ([turn("user", [{"type": "image"}]), REPLY], "0.content", "This must be a text."),
        (
            [ASK, turn("assistant", "A.", reasoning_content=[1])],
            "1.reasoning_content",
            "This must be a text.",
        ),
    ],
)
def test_anything_else_is_said_with_its_place(turns: Any, path: str, reason: str) -> None:
    with pytest.raises(UnreadableError) as caught:
        read_conversation(turns)
    assert caught.value.path == path
    assert str(caught.value).startswith(reason)
