"""Cutting a text where a reader should see a control token."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from apps.formats.gemma import TOKENS, ZERO_WIDTH_SPACE

_TOKEN = re.compile(f"<({ZERO_WIDTH_SPACE}?)(?:{'|'.join(TOKENS)})>")


class Segment(NamedTuple):
    """A control token (also one that the export has broken apart), or the text between two."""

    text: str
    is_token: bool = False
    is_broken: bool = False


def cut_text(text: str) -> Iterator[Segment]:
    """The segments of `text`, which are `text` again when joined."""
    end = 0
    for match in _TOKEN.finditer(text):
        if match.start() > end:
            yield Segment(text[end : match.start()])
        yield Segment(match[0], is_token=True, is_broken=bool(match[1]))
        end = match.end()
    if end < len(text):
        yield Segment(text[end:])
