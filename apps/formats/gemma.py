"""Gemma's chat template and the control tokens that only the template may write.

Source: "Formatting and system instructions", ai.google.dev/gemma/docs/core/prompt-structure.
"""

import re
from collections.abc import Iterable

TOKENS = ("start_of_turn", "end_of_turn", "bos", "eos", "pad")
CONTROL_TOKEN = re.compile(f"<(?=(?:{'|'.join(TOKENS)})>)")
ZERO_WIDTH_SPACE = "\u200b"
_BROKEN_TOKEN = re.compile(f"<{ZERO_WIDTH_SPACE}(?=(?:{'|'.join(TOKENS)})>)")

_MODEL_TURN = "<start_of_turn>model\n"


def count_control_tokens(texts: Iterable[str]) -> int:
    return sum(len(CONTROL_TOKEN.findall(text)) for text in texts if "<" in text)


def break_control_tokens(text: str) -> str:
    """A control token in a user's text would forge a turn: a zero-width space after its `<` prevents it."""
    return CONTROL_TOKEN.sub("<" + ZERO_WIDTH_SPACE, text) if "<" in text else text


def restore_control_tokens(text: str) -> str:
    """The text before it was broken."""
    return _BROKEN_TOKEN.sub("<", text) if ZERO_WIDTH_SPACE in text else text


def render_turns(prompt: str, response: str) -> str:
    """One question and its answer; both without control tokens of their own."""
    return f"<start_of_turn>user\n{prompt}<end_of_turn>\n{_MODEL_TURN}{response}<end_of_turn>"


def split_turns(rendered: str) -> tuple[str, str]:
    """What the model reads of `render_turns`, and what it learns to write, its end token included."""
    head, turn, learnt = rendered.partition(_MODEL_TURN)
    return head + turn, learnt
