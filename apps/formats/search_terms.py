"""Words as search compares them: one spelling of what is looked through and of what is looked for.

Both databases get words that are cut and folded here, so that both find the same. Neither the tokenizers of
SQLite, which know the Unicode of 2012, nor the parsers of PostgreSQL, which take `a/b` for a path, are asked.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import NamedTuple

QUERY_HELP = (
    'words in prompt, steps and final answer, all of them; "words in quotes" stand together, word* begins so'
)

# Between two texts of a trace; no word, so that no phrase reaches from one into the next.
BOUNDARY = "\u2029"

# Longer ones are told apart by so many characters: PostgreSQL takes no lexeme over 2,046 bytes.
TERM_MAX_LENGTH = 100

# PostgreSQL's limit for all different words of one row is 1 MiB.
_MAX_BYTES = 1_000_000

# Scripts without spaces between words, and Hangul, whose words carry their grammar with them: every character
# is a word, and what is written together is looked for as a phrase.
APART = re.compile(
    "[\u0e00-\u0fff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u3005-\u3007\u3040-\u312f\u3131-\u318f"
    "\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\ua960-\ua97f\uaa60-\uaa7f\uac00-\ud7ff\uf900-\ufaff"
    "\U0001b000-\U0001b16f\U00020000-\U0003ffff]"
)

_ASCII_TERMS = re.compile("[a-z0-9]+")
_ACCENTS = re.compile("[\u0300-\u036f]+")
_SPOKEN = re.compile('["“”„]([^"“”„]*)["“”„]?|([^\\s"“”„]+)')
_ZERO_WIDTH_SPACE = "\u200b"


class _Spelling(dict[int, str]):
    """What stands for a character, once found kept: itself, a word of its own, nothing, or a space."""

    def __missing__(self, code: int) -> str:
        self[code] = spelled = _spell(chr(code))
        return spelled


def _spell(character: str) -> str:
    kind = unicodedata.category(character)
    if kind[0] in "LNM" and kind != "Me" and not _is_variant(character):
        return f" {character} " if APART.match(character) else character
    if kind in ("Sm", "So", "Sc", "Sk") and not character.isascii():
        return f" {character} "  # emoji and signs are looked for, too
    return "" if kind in ("Cf", "Me", "Mn") and character != _ZERO_WIDTH_SPACE else " "


def _is_variant(character: str) -> bool:
    """Says how the character before it looks."""
    return "\ufe00" <= character <= "\ufe0f" or character >= "\U000e0100"


_spelling = _Spelling()


class Sought(NamedTuple):
    """Words that stand together in this order; with `is_prefix` the last one may go on."""

    terms: tuple[str, ...]
    is_prefix: bool

    @property
    def text(self) -> str:
        """As it stands in a body."""
        return f" {' '.join(self.terms)}{'' if self.is_prefix else ' '}"


def parse_query(text: str) -> list[Sought]:
    """What all must be found; empty where there is no word in it. Any text is a query, nothing is syntax
    but "a phrase" and a beg* at the end of a word.
    """
    found: list[Sought] = []
    for phrase, word in _SPOKEN.findall(text):
        if terms := split_terms(phrase or word):
            found.append(Sought(tuple(terms), word.endswith("*")))
    return [*dict.fromkeys(found)]


def search_body(texts: Iterable[str]) -> str:
    """The words of a trace's texts, for an index to keep."""
    found = (" ".join(split_terms(text)) for text in texts)
    return _within_limits(f" {BOUNDARY} ".join(filter(None, found)))


def is_found(sought: Sequence[Sought], body: str) -> bool:
    """What the databases' indexes answer, for a body that is in none of them yet."""
    padded = f" {body} "
    return all(each.text in padded for each in sought)


def split_terms(text: str) -> list[str]:
    """Lower case, compatible characters as one (fullwidth, ligatures), without European accents."""
    if text.isascii():
        found = _ASCII_TERMS.findall(text.lower())
    else:
        plain = _ACCENTS.sub(
            "", unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
        )
        found = unicodedata.normalize("NFC", plain).translate(_spelling).split()
    return [term[:TERM_MAX_LENGTH] for term in found] if len(text) > TERM_MAX_LENGTH else found


def _within_limits(body: str) -> str:
    """Without what is behind the first MiB of different words, which no text of a person has."""
    if len(body) * 4 <= _MAX_BYTES or len(body.encode()) <= _MAX_BYTES:
        return body
    kept: list[str] = []
    known: set[str] = set()
    size = 0
    for term in body.split(" "):
        if term not in known:
            known.add(term)
            size += len(term.encode())
        if size > _MAX_BYTES:
            break
        kept.append(term)
    return " ".join(kept)
