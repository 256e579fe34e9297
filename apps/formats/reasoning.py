"""The text of a response as steps and an answer, by the markup that it has: nothing is guessed.

Read are `<reasoning>..</reasoning><answer>..</answer>`, `<think>..</think>` before an answer,
`Reasoning: 1. .. Answer: ..` and GSM8K's `#### answer`.
"""

import re
from collections.abc import Callable
from typing import Literal, NamedTuple

Cut = Literal["auto", "lines", "numbered", "blank-lines", "sentences", "one"]

_CLOSE = re.compile(r"</(reasoning|thinking|think|thought)>", re.IGNORECASE)
_OPEN = re.compile(r"<(reasoning|thinking|think|thought)>", re.IGNORECASE)
_ANSWER_TAG = re.compile(r"<(/?)answer>", re.IGNORECASE)
_REASONING_WORD = re.compile(r"\s*Reasoning:", re.IGNORECASE)
_ANSWER_WORD = re.compile(r"^[ \t]*(?:Final )?Answer:", re.IGNORECASE | re.MULTILINE)
_ANSWER_INLINE = re.compile(r"(?<=\s)(?:Final )?Answer:")
_FINAL = re.compile(r"^[ \t]*####", re.MULTILINE)

_NUMBER = re.compile(r"^[ \t]*(?:step[ \t]+)?(\d{1,4})[.):](?:[ \t]+|$)", re.IGNORECASE | re.MULTILINE)
_NUMBER_INLINE = re.compile(r"(?:^|(?<=\s))(?:step[ \t]+)?(\d{1,4})[.):][ \t]+", re.IGNORECASE)
_BLANK_LINES = re.compile(r"\r?\n[ \t]*\r?\n")
_SENTENCE_END = re.compile(r"(?<=[.!?])[ \t\r\n]+|(?<=[。！？])\s*")


class UnreadableError(ValueError):
    """What was read is not what it was read as; `path` leads to the place, empty for the thing itself."""

    def __init__(self, reason: str, *path: str | int) -> None:
        super().__init__(reason)
        self.path = ".".join(map(str, path))


class Split(NamedTuple):
    steps: list[str]
    answer: str


def split_response(text: str, cut: Cut = "auto") -> Split:
    """Raises UnreadableError where no markup says which part is reasoning and which the answer."""
    for split in (_split_tags, _split_words, _split_final):
        if parts := split(text):
            reasoning, answer = parts
            if not answer.strip():
                raise UnreadableError("there is reasoning but no answer after it.")
            return Split(cut_steps(reasoning, cut), answer.strip())
    raise UnreadableError(
        'no steps can be told from the answer: it has no <reasoning>, <think>, "Reasoning:" or ####.'
    )


def cut_steps(text: str, cut: Cut = "auto") -> list[str]:
    """The steps, stripped; "auto" cuts before 1, 2, 3 where the text begins with 1, else at lines."""
    steps = [step for part in CUTS[cut](text) if (step := part.strip())]
    if not steps:
        raise UnreadableError("there are no steps: the reasoning is empty.")
    return steps


def between_numbers(text: str, number: re.Pattern[str]) -> list[str] | None:
    """The texts behind 1, 2, 3, ...; nothing where the text does not begin with 1.

    Raises UnreadableError where one of these numbers stands twice: which one counts cannot be told.
    """
    marks = [(int(mark[1]), mark) for mark in number.finditer(text)]
    if not marks or marks[0][0] != 1 or text[: marks[0][1].start()].strip():
        return None
    chosen: list[re.Match[str]] = []
    others: list[int] = []
    for found, mark in marks:
        if found == len(chosen) + 1:
            chosen.append(mark)
        else:
            others.append(found)
    for found in others:
        if 0 < found <= len(chosen):
            raise UnreadableError(f"the number {found} stands before more than one step.")
    ends = [*(mark.start() for mark in chosen[1:]), len(text)]
    return [text[mark.end() : end] for mark, end in zip(chosen, ends, strict=True)]


def _numbered(text: str) -> list[str] | None:
    is_one_line = "\n" not in text.strip()
    return between_numbers(text, _NUMBER_INLINE if is_one_line else _NUMBER)


def _auto(text: str) -> list[str]:
    return _numbered(text) or text.splitlines()


def _strictly_numbered(text: str) -> list[str]:
    steps = _numbered(text)
    if steps is None:
        raise UnreadableError("the reasoning is no numbered list: it does not begin with 1.")
    return steps


CUTS: dict[Cut, Callable[[str], list[str]]] = {
    "auto": _auto,
    "lines": str.splitlines,
    "numbered": _strictly_numbered,
    "blank-lines": _BLANK_LINES.split,
    "sentences": _SENTENCE_END.split,
    "one": lambda text: [text],
}


def _split_tags(text: str) -> tuple[str, str] | None:
    closes, opens = [*_CLOSE.finditer(text)], [*_OPEN.finditer(text)]
    if not closes and not opens:
        return _split_answer_tag(text)
    if len(closes) > 1 or len(opens) > 1:
        raise UnreadableError(f"{(closes if len(closes) > 1 else opens)[1][0]} stands more than once.")
    if not closes:
        raise UnreadableError(f"{opens[0][0]} is not closed.")
    # A chat template may write <think> into the prompt: the response then has only its end.
    start = 0
    if opens:
        if text[: opens[0].start()].strip():
            raise UnreadableError(f"there is text before {opens[0][0]}.")
        start = opens[0].end()
    if opens and opens[0][1].lower() != closes[0][1].lower():
        raise UnreadableError(f"{opens[0][0]} is closed by {closes[0][0]}.")
    rest = text[closes[0].end() :]
    return text[start : closes[0].start()], _inside_answer_tag(rest)


def _split_answer_tag(text: str) -> tuple[str, str] | None:
    tag = _ANSWER_TAG.search(text)
    if not tag or not text[: tag.start()].strip():
        return None
    return text[: tag.start()], _inside_answer_tag(text[tag.start() :])


def _inside_answer_tag(text: str) -> str:
    tags = [*_ANSWER_TAG.finditer(text)]
    if not tags:
        return text
    if [tag[1] for tag in tags] != ["", "/"]:
        raise UnreadableError("<answer> and </answer> do not stand once each.")
    if text[: tags[0].start()].strip() or text[tags[1].end() :].strip():
        raise UnreadableError("there is text around <answer>..</answer>.")
    return text[tags[0].end() : tags[1].start()]


def _split_words(text: str) -> tuple[str, str] | None:
    begin = _REASONING_WORD.match(text)
    if not begin:
        return None
    marks = [*_ANSWER_WORD.finditer(text, begin.end())] or [*_ANSWER_INLINE.finditer(text, begin.end())]
    if len(marks) != 1:
        count = "never" if not marks else "more than once"
        raise UnreadableError(f'"Answer:" stands {count} behind "Reasoning:".')
    return text[begin.end() : marks[0].start()], text[marks[0].end() :]


def _split_final(text: str) -> tuple[str, str] | None:
    marks = [*_FINAL.finditer(text)]
    return (text[: marks[-1].start()], text[marks[-1].end() :]) if marks else None
