"""Two traces side by side: which step stands beside which, and what differs in it word by word."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from difflib import SequenceMatcher
from typing import NamedTuple

from django.template.defaultfilters import floatformat

from apps.formats.trace import Step
from apps.traces.models import Trace

_WORD = re.compile(r"\w+\s*|[^\w\s]\s*|\s+")

# Steps so much alike (shared words of all words) stand beside each other though they differ.
MIN_LIKENESS = 0.4
# Comparing every step of a block with every other: up to so many pairs, else in their order.
MAX_PAIRS = 400
# What marking two texts word by word, and all texts of a page, may cost; beyond it the whole is marked.
MAX_COST = 4_000_000
MAX_PAGE_COST = 12_000_000

Pair = tuple[int | None, int | None]


class Part(NamedTuple):
    text: str
    is_changed: bool


class Cell(NamedTuple):
    """One side of a row; `number` counts the steps from 1."""

    parts: list[Part]
    number: int = 0
    type: str = ""


class Row(NamedTuple):
    """What stands beside each other; None is a gap."""

    base: Cell | None
    other: Cell | None

    @property
    def is_same(self) -> bool:
        return self.base == self.other or bool(self.base and self.other and _is_equal(self.base, self.other))

    @property
    def is_changed(self) -> bool:
        return bool(self.base and self.other) and not self.is_same

    @property
    def has_other_type(self) -> bool:
        return bool(self.base and self.other and self.base.type != self.other.type)


def _is_equal(base: Cell, other: Cell) -> bool:
    return (base.type, base.parts) == (other.type, other.parts)


@dataclass(frozen=True)
class Compared:
    prompt: Row
    steps: list[Row]
    answer: Row

    @property
    def is_same(self) -> bool:
        return all(row.is_same for row in (self.prompt, *self.steps, self.answer))

    @property
    def counts(self) -> dict[str, int]:
        """How many steps are what, for a sentence."""
        return {
            "same": sum(row.is_same for row in self.steps),
            "changed": sum(row.is_changed for row in self.steps),
            "base_only": sum(row.other is None for row in self.steps),
            "other_only": sum(row.base is None for row in self.steps),
        }


def compare_traces(base: Trace, other: Trace, marker: "Marker | None" = None) -> Compared:
    """`marker` where a page compares several pairs."""
    marker = marker or Marker()
    a, b = base.step_list, other.step_list
    return Compared(
        prompt=marker.text_row(base.prompt, other.prompt),
        answer=marker.text_row(base.final_answer, other.final_answer),
        steps=[
            marker.step_row(None if i is None else (i, a[i]), None if j is None else (j, b[j]))
            for i, j in align([step["content"] for step in a], [step["content"] for step in b])
        ],
    )


def align(base: Sequence[str], other: Sequence[str]) -> Iterator[Pair]:
    """Positions beside each other: equal texts first, between these the ones that are most alike."""
    for kind, a, a_end, b, b_end in SequenceMatcher(None, base, other).get_opcodes():
        pairs = (
            zip(range(a_end - a), range(b_end - b), strict=True)
            if kind == "equal"
            else _pair_alike(base[a:a_end], other[b:b_end])
        )
        for i, j in pairs:
            yield None if i is None else a + i, None if j is None else b + j


def _pair_alike(base: Sequence[str], other: Sequence[str]) -> Iterator[Pair]:
    n, m = len(base), len(other)
    if n * m > MAX_PAIRS:
        for i in range(max(n, m)):
            yield i if i < n else None, i if i < m else None
        return
    likeness = _likeness(base, other)
    best = _best(likeness, n, m)
    i = j = 0
    while i < n or j < m:
        if i < n and j < m and likeness[i][j] and best[i][j] == best[i + 1][j + 1] + likeness[i][j]:
            yield i, j
            i, j = i + 1, j + 1
        elif i < n and best[i][j] == best[i + 1][j]:
            yield i, None
            i += 1
        else:
            yield None, j
            j += 1


def _likeness(base: Sequence[str], other: Sequence[str]) -> list[list[float]]:
    """Of each with each: shared words of all words, 0 where that is too little to stand side by side."""
    bags = [[Counter(text.split()) for text in side] for side in (base, other)]
    return [[_share(a, b) for b in bags[1]] for a in bags[0]]


def _share(a: "Counter[str]", b: "Counter[str]") -> float:
    share = 2 * (a & b).total() / ((a.total() + b.total()) or 1)
    return share if share >= MIN_LIKENESS else 0


def _best(likeness: list[list[float]], n: int, m: int) -> list[list[float]]:
    """The most likeness that can be had from each position on, without crossing."""
    best = [[0.0] * (m + 1) for _ in range(n + 1)]
    for i in reversed(range(n)):
        for j in reversed(range(m)):
            beside = best[i + 1][j + 1] + likeness[i][j] if likeness[i][j] else 0
            best[i][j] = max(beside, best[i + 1][j], best[i][j + 1])
    return best


def differences(base: Trace, other: Trace) -> dict[str, str]:
    """Of the numbers of `other` from those of `base`, with their sign; equal ones have none."""
    found: dict[str, Decimal | int] = {
        "score": _shown(other.score) - _shown(base.score),
        "step_count": other.step_count - base.step_count,
        "char_count": other.char_count - base.char_count,
    }
    return {name: _signed(value) for name, value in found.items() if value}


def _shown(score: float) -> Decimal:
    """As the page rounds it: a difference must be that of the two numbers beside it."""
    return Decimal(floatformat(score, 1))


def _signed(value: Decimal | int) -> str:
    return f"{value:+,}"


class Marker:
    """Marks what differs, and keeps count of what that has cost on this page."""

    def __init__(self) -> None:
        self._left = MAX_PAGE_COST

    def text_row(self, base: str, other: str) -> Row:
        a, b = self._mark(base, other)
        return Row(Cell(a), Cell(b))

    def step_row(self, base: tuple[int, Step] | None, other: tuple[int, Step] | None) -> Row:
        if base and other:
            a, b = self._mark(base[1]["content"], other[1]["content"])
            return Row(_cell(base, a), _cell(other, b))
        return Row(base and _cell(base), other and _cell(other))

    def _mark(self, base: str, other: str) -> tuple[list[Part], list[Part]]:
        if base == other:
            return [Part(base, False)], [Part(other, False)]
        a, b = _WORD.findall(base), _WORD.findall(other)
        # White space belongs to the word before it, and does not make it another word.
        keys = [word.strip() for word in a], [word.strip() for word in b]
        cost = _cost(*keys)
        if cost > min(MAX_COST, self._left):
            return [Part(base, True)], [Part(other, True)]
        self._left -= cost
        return _mark_words(a, b, SequenceMatcher(None, *keys, autojunk=False))


def _cell(step: tuple[int, Step], parts: list[Part] | None = None) -> Cell:
    n, values = step
    return Cell(parts or [Part(values["content"], True)], n + 1, values["type"])


def _cost(a: list[str], b: list[str]) -> int:
    """The matcher looks at every word once for each match, and each time at all places of a common one."""
    counts = Counter(a), Counter(b)
    return len(a) * len(b) + 50 * sum(count * counts[1][word] for word, count in counts[0].items())


def _mark_words(a: list[str], b: list[str], matcher: "SequenceMatcher[str]") -> tuple[list[Part], list[Part]]:
    base: list[Part] = []
    other: list[Part] = []
    for kind, i, i_end, j, j_end in matcher.get_opcodes():
        for side, words in ((base, a[i:i_end]), (other, b[j:j_end])):
            side += _parts("".join(words), is_changed=kind != "equal")
    return base, other


def _parts(text: str, *, is_changed: bool) -> Iterator[Part]:
    """The white space behind a change is none."""
    words = text.rstrip() if is_changed else ""
    if words:
        yield Part(words, True)
    if len(words) < len(text):
        yield Part(text[len(words) :], False)
