"""Which of many texts are equal or alike: each of them beside the one that is kept in its place.

Groups are stars, not chains: whatever goes is alike to what is kept for it. In a chain (a like b, b like c)
it may be quite another text, and a million texts with pieces in common hang together in a single one.
"""

import os
from array import array
from collections.abc import Callable, Iterator, Sequence
from hashlib import blake2b
from pathlib import Path
from tempfile import TemporaryFile
from typing import NamedTuple, Protocol

from rensa import RMinHash

from apps.core.digests import fold_text
from apps.curation.likeness import jaccard, shingles

PERMUTATIONS = 128
SEED = 1
# How many of a thousand pairs that are just as much alike as is asked for may be overlooked; of those that
# are more alike far fewer are.
MAX_OVERLOOKED = 4
# Beside the bands of the threshold: where many are somewhat alike, those that are much so meet here.
LONG_BAND = 16

# So many shingles go through rensa at once, and so many texts between two ticks.
_BATCH = 200_000
_TICK = 5_000

_DIGEST = 16  # bytes: equal digests prove equal texts

# Parts are folded, and to fold takes this character for white space.
_BETWEEN = "\x1f"

# Called now and then with the number of texts done since; what it raises ends the work.
Tick = Callable[[int], None]


class Beside(NamedTuple):
    """Text `number` goes for `kept`: numbers in the order of adding."""

    number: int
    kept: int
    similarity: float


class Grouping(Protocol):
    def add(self, texts: Sequence[str]) -> None:
        """One that says `texts`, each of which is compared with its counterpart."""

    def group(self, order: Sequence[int], tick: Tick) -> Iterator[Beside]:
        """Once, at the end. Of those in a group the first in `order` is kept."""

    def close(self) -> None: ...


class Equal:
    """Equal for a reader: in Unicode NFC and with white space folded."""

    def __init__(self) -> None:
        self._digests = bytearray()

    def add(self, texts: Sequence[str]) -> None:
        said = _BETWEEN.join(map(fold_text, texts)).encode()
        self._digests += blake2b(said, digest_size=_DIGEST).digest()

    def group(self, order: Sequence[int], tick: Tick) -> Iterator[Beside]:
        first: dict[bytes, int] = {}
        for number in _ticking(order, tick):
            digest = bytes(self._digests[number * _DIGEST : (number + 1) * _DIGEST])
            if (kept := first.setdefault(digest, number)) != number:
                yield Beside(number, kept, 1.0)

    def close(self) -> None:
        self._digests.clear()


class Alike:
    """Alike by the shingles they share: at least `threshold` of those that either has.

    Whoever might be is found by MinHash and bands, and then compared by the shingles themselves: no pair is
    beside each other by mistake, and few are overlooked. Shingles wait in a file in `folder`, so that memory
    holds some hundred bytes a text however long it is.

    In each band a text is compared with one other alone: what was kept for the first that has the same there.
    So the time goes with the number of texts, also where ten thousand share a boilerplate. Where that itself
    is nearly as much as `threshold`, some of a hundred such texts may stay apart though they are alike.
    """

    def __init__(self, threshold: float, folder: Path) -> None:
        self._threshold = threshold
        self._bands = bands(threshold)
        self._keys = [array("q") for _ in self._bands]
        self._waiting, self._ends = array("q"), array("Q", [0])
        self._file = TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115 - closed with this
        self._starts = array("Q", [0])

    def add(self, texts: Sequence[str]) -> None:
        self._waiting.extend(shingles(texts))
        self._ends.append(len(self._waiting))
        if len(self._waiting) >= _BATCH:
            self._flush()

    def group(self, order: Sequence[int], tick: Tick) -> Iterator[Beside]:
        self._flush()
        met = [*self._meetings(order, tick)]
        kept = array("I", range(len(order)))
        for number, *firsts in zip(_ticking(order, tick), *met, strict=True):
            others = {kept[first] for first in {*firsts}}
            others.discard(number)
            if others and (found := self._most_alike(number, others)):
                kept[number] = found.kept
                yield found

    def close(self) -> None:
        self._file.close()

    def _flush(self) -> None:
        self._write(memoryview(self._waiting).cast("B"))
        signatures = array("I")
        for row in _signatures(self._waiting, self._ends):
            signatures.extend(row)
        view = memoryview(signatures)
        for keys, band in zip(self._keys, self._bands, strict=True):
            keys.extend(map(hash, zip(*(view[n::PERMUTATIONS] for n in band), strict=True)))
        before = self._starts[-1]
        self._starts.extend(before + end for end in self._ends[1:])
        self._waiting, self._ends = array("q"), array("Q", [0])

    def _write(self, data: memoryview) -> None:
        while data:
            data = data[self._file.write(data) :]

    def _meetings(self, order: Sequence[int], tick: Tick) -> Iterator["array[int]"]:
        """For each band, in `order`: the first text with the same numbers there, which may be itself."""
        while self._keys:
            keys = self._keys.pop()
            first: dict[int, int] = {}
            yield array("I", map(first.setdefault, map(keys.__getitem__, order), order))
            tick(0)

    def _most_alike(self, number: int, others: set[int]) -> Beside | None:
        size = self._size(number)
        # The share of two sets is at most that of their sizes.
        close = [other for other in others if _share(size, self._size(other)) >= self._threshold]
        if not close:
            return None
        own = self._shingles(number)
        similarity, nearest = max((jaccard(own, self._shingles(other)), -other) for other in close)
        return Beside(number, -nearest, similarity) if similarity >= self._threshold else None

    def _size(self, number: int) -> int:
        return self._starts[number + 1] - self._starts[number]

    def _shingles(self, number: int) -> set[int]:
        found = array("q")
        width = found.itemsize
        found.frombytes(
            os.pread(self._file.fileno(), self._size(number) * width, self._starts[number] * width)
        )
        return {*found}


def bands(threshold: float) -> list[range]:
    """Which numbers of a signature must be equal for two texts to meet.

    Texts whose share is s meet in one of b bands of r numbers with the probability 1 - (1 - s**r)**b
    (Leskovec, Rajaraman, Ullman: Mining of Massive Datasets, 3.4.2): r is the greatest for which they do.
    """
    allowed = MAX_OVERLOOKED / 1_000
    fits = [r for r in range(2, LONG_BAND) if (1 - threshold**r) ** (PERMUTATIONS // r) <= allowed]
    return [
        range(start, start + rows)
        for rows in (max(fits), LONG_BAND)
        for start in range(0, PERMUTATIONS - rows + 1, rows)
    ]


def _signatures(shingles: "array[int]", ends: "array[int]") -> list[list[int]]:
    unsigned = memoryview(shingles).cast("B").cast("Q")
    matrix = RMinHash.digest_matrix_from_flat_token_hashes(unsigned, ends, PERMUTATIONS, SEED)
    rows: list[list[int]] = matrix.to_rows()
    return rows


def _share(a: int, b: int) -> float:
    return a / b if a < b else b / a


def _ticking(order: Sequence[int], tick: Tick) -> Iterator[int]:
    for count, number in enumerate(order, 1):
        yield number
        if count % _TICK == 0:
            tick(_TICK)
