"""What of a trace deserves a look before a model learns from it: bits of one number, computed at ingest."""

from collections.abc import Sequence
from enum import IntFlag
from typing import Literal, NamedTuple, get_args

from apps.core.digests import fold_text

LONG = 8_192  # characters


class Flag(IntFlag):
    CONTROL_TOKENS = 1
    EMPTY_STEP = 2
    REPEATED_STEP = 4
    ANSWER_MISSING = 8
    VERY_LONG = 16


FlagName = Literal["control tokens", "empty step", "repeated step", "answer missing", "very long"]
FLAGS: dict[str, Flag] = dict(zip(get_args(FlagName), Flag, strict=True))
ALL_FLAGS = sum(Flag)


class Said(NamedTuple):
    """How a page names a flag, and what the flag means."""

    label: str
    meaning: str


SAID = {
    "control tokens": Said("control tokens", "Its texts hold control tokens of the model, such as <eos>"),
    "empty step": Said("empty step", "A step has nothing but white space"),
    "repeated step": Said("repeated step", "Two steps say the same"),
    "answer missing": Said("answer not in last step", "The last step does not say the final answer"),
    "very long": Said("very long", f"Prompt, steps and answer have more than {LONG:,} characters"),
}

# As plain numbers: arithmetic of enumerations would cost more than all the looks.
_CONTROL_TOKENS, _EMPTY_STEP, _REPEATED_STEP, _ANSWER_MISSING, _VERY_LONG = map(int, Flag)


def flag_trace(contents: Sequence[str], answer: str, *, chars: int, control_tokens: int) -> int:
    """The flags of a trace with these contents of its steps, in their order, of `chars` characters in all.

    Each is computed for every trace that comes in: the usual case is decided by the cheapest look.
    """
    flags = 0
    if control_tokens:
        flags |= _CONTROL_TOKENS
    if True in map(str.isspace, contents):
        flags |= _EMPTY_STEP
    if len({*contents}) < len(contents):
        flags |= _REPEATED_STEP
    if answer not in contents[-1] and _fold(answer) not in _fold(contents[-1]):
        flags |= _ANSWER_MISSING
    if chars > LONG:
        flags |= _VERY_LONG
    return flags


def _fold(text: str) -> str:
    """Also without commas: 38,000 and 38000 are one answer."""
    return fold_text(text).replace(",", "")


def flag_names(flags: int) -> list[str]:
    return [name for name, flag in FLAGS.items() if flags & flag]


def values_with(name: str) -> list[int]:
    """Every number that has this flag: a database looks these up in an index, and bits it cannot."""
    return [value for value in range(1, ALL_FLAGS + 1) if value & FLAGS[name]]
