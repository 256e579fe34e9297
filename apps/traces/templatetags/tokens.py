"""Texts of users. What is copied from the page is exact: white space is kept, and nothing is put in."""

import re
from collections.abc import Iterable
from itertools import pairwise

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from apps.formats.segments import Segment, cut_text

register = template.Library()

# A browser measures a word anew for each line that it is broken into: with this many characters in one
# piece that is quick, with 50,000 it takes a minute.
_LONG = re.compile(r"\S{200}")
_BREAK = mark_safe("<wbr>")


@register.filter
def soft(text: str) -> SafeString | str:
    """May be broken into lines also within a word of absurd length."""
    if not _LONG.search(text):
        return text
    ends = [0, *(match.end() for match in _LONG.finditer(text)), len(text)]
    return format_html_join(_BREAK, "{}", ((text[a:b],) for a, b in pairwise(ends)))


@register.filter
def own(text: str) -> SafeString:
    """Every control token in it is one that only the template may write."""
    return _join(_warn(part) if part.is_token else soft(part.text) for part in cut_text(text))


@register.filter
def rendered(text: str) -> SafeString:
    """What a template made: its tokens as chips, those of the user, which it broke apart, as warnings."""
    return _join(map(_chip, cut_text(text)))


def _join(parts: Iterable[SafeString | str]) -> SafeString:
    return format_html_join("", "{}", ((part,) for part in parts))


def _chip(part: Segment) -> SafeString | str:
    if part.is_broken:
        return _warn(part)
    return format_html('<span class="tok">{}</span>', part.text) if part.is_token else part.text


def _warn(part: Segment) -> SafeString:
    return format_html('<mark class="tok">{}</mark>', part.text)
