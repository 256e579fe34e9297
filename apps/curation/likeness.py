"""How alike two texts are: the words of each in threes, and the share of these that both have."""

import re
import unicodedata
from collections.abc import Iterable, Set
from zlib import crc32

from apps.formats.search_terms import APART

# Words in a row. Fewer would take two questions for one that differ in their numbers alone; more would lose a
# short question of which one word was changed.
SHINGLE = 3

# Words whose numbers are kept: some ten megabytes.
MAX_KNOWN = 100_000

# Marks that say how a text is read and not what it says. Others, such as + and =, are words.
_MARKS = r"""\s.,;:!?'"()\[\]{}…“”„‘’«»—–_¿¡、。，！？：；「」『』（）-"""
_ASCII_WORD = re.compile(rf"[^\W_]+|[^\w{_MARKS}]")
# Where no spaces stand between words, every character is one.
_WORD = re.compile(rf"{APART.pattern}|[^\W_{APART.pattern[1:-1]}]+|[^\w{_MARKS}]")


class _Numbers(dict[str, int]):
    """The number of a word: the same in every process, and kept while it is likely to come again."""

    def __missing__(self, word: str) -> int:
        if len(self) >= MAX_KNOWN:
            self.clear()
        self[word] = number = crc32(word.encode())
        return number


_numbers = _Numbers()


def shingles(texts: Iterable[str]) -> set[int]:
    """Of each text every SHINGLE words in a row, without case and punctuation, as numbers of 64 bits.

    A text of fewer words is one shingle; one without any word is itself one, like its equals alone.
    """
    found: set[int] = set()
    for text in texts:
        words = [*map(_numbers.__getitem__, _words(text))]
        if len(words) >= SHINGLE:
            found.update(map(hash, zip(words, words[1:], words[2:], strict=False)))
        else:
            found.add(hash((len(words), *(words or [crc32(text.strip().encode())]))))
    return found


def _words(text: str) -> list[str]:
    if text.isascii():
        return _ASCII_WORD.findall(text.lower())
    return _WORD.findall(unicodedata.normalize("NFC", text.casefold()))


def jaccard(a: Set[int], b: Set[int]) -> float:
    """What both have of what either has (Jaccard 1901): 1 for equal sets, 0 for those that share nothing."""
    shared = len(a & b)
    return shared / (len(a) + len(b) - shared)
