"""Made-up traces, to try the place at a size that one does not have yet: varied as real ones are."""

from bisect import bisect
from collections.abc import Iterator
from itertools import accumulate
from random import Random
from typing import Any, NamedTuple

from apps.formats.trace import TracePayload

# Share of all traces. What is left over has no source.
_SOURCES = {"math_word_problems": 0.5, "code_review": 0.25, "biology_exam": 0.1, "толкование": 0.05}
_SOURCES |= {"対話": 0.04} | {f"annotator_{number:02}": 0.0001 for number in range(1, 41)}
_NAMES, _SHARES = [*_SOURCES, ""], [*accumulate(_SOURCES.values())]

# Half of the oldest traces come from a source that has since dried up.
PILOT = "pilot"
_PILOT_SHARE = 0.02

_TYPES = ("parse", "recall", "compute", "compute", "check")
_TOPICS = tuple(f"topic_{number:02}" for number in range(40))
_MAX_STEPS = 40
_STEPS_MEAN = 5
# Of the log-normal distributions of lengths in characters.
_STEP, _LONG_STEP, _PROMPT, _ANSWER = (4.3, 0.8), (6.0, 0.6), (5.0, 0.7), (2.3, 0.9)
_LONG_SHARE = 0.03
_MAX_CHARS = 4_000

_PROSE = """
the value of each side is then we know that 27 × 19 = 513 therefore “carry” the 4 and check half again
sum area rate per hour minutes difference ratio remainder even odd prime factor x² + y² ≤ z naïve café
Straße größer übrig 計算 する 答え は 三 です число равно ответ поэтому عدد صحيح 🙂 a_b[i] += 1; return None
"""
_BOOK_WORDS = 40_000


class _Book(NamedTuple):
    """A long text whose pieces, from word to word, are the texts of all traces."""

    text: str
    starts: list[int]

    def piece(self, random: Random, shape: tuple[float, float]) -> str:
        start = self.starts[int(random.random() * len(self.starts))]
        length = min(int(random.lognormvariate(*shape)) + 1, _MAX_CHARS)
        return self.text[start : self.text.index(" ", start + length)]


def generate_payloads(count: int, seed: int) -> Iterator[TracePayload]:
    """`count` traces, the oldest first; the same for the same two numbers."""
    random = Random(seed)  # noqa: S311 - no secret
    book = _write_book(random)
    for number in range(count):
        yield TracePayload.model_validate(_trace(random, book, number, number < count * _PILOT_SHARE))


def _write_book(random: Random) -> _Book:
    words = random.choices(_PROSE.split(), k=_BOOK_WORDS)
    starts = [0, *accumulate(len(word) + 1 for word in words)]
    text = " ".join(words) + " "
    return _Book(text, starts[: bisect(starts, len(text) - 2 * _MAX_CHARS)])


def _trace(random: Random, book: _Book, number: int, is_old: bool) -> dict[str, Any]:
    return {
        "trace_version": "1.0",
        "prompt": f"{number}. {book.piece(random, _PROMPT)}",
        "final_answer": book.piece(random, _ANSWER),
        "steps": _steps(random, book),
        "meta": _meta(random, number, is_old),
    }


def _steps(random: Random, book: _Book) -> list[dict[str, Any]]:
    count = min(1 + int(random.expovariate(1 / _STEPS_MEAN)), _MAX_STEPS)
    types = random.choices(_TYPES, k=count)
    shape = _LONG_STEP if random.random() < _LONG_SHARE else _STEP
    return [{"i": i, "type": type, "content": book.piece(random, shape)} for i, type in enumerate(types)]


def _meta(random: Random, number: int, is_old: bool) -> dict[str, Any]:
    is_pilot = is_old and random.random() < 0.5
    source = PILOT if is_pilot else _NAMES[bisect(_SHARES, random.random())]
    return {
        **({"source": source} if source else {}),
        "topic": random.choice(_TOPICS),
        "difficulty": ("easy", "medium", "hard")[int(random.random() ** 2 * 3)],
        "temperature": round(random.random(), 1),
        "verified": random.random() < 0.3,
        "sample": number,
    }
