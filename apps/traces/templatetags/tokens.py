"""Texts whose control tokens are seen. The white space of a text is kept, so that what is copied is exact."""

from collections.abc import Iterable

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from apps.formats.segments import Segment, cut_text

register = template.Library()


@register.filter
def own(text: str) -> SafeString:
    """A text of the user: every control token in it is one that only the template may write."""
    return _join(_warn(part) if part.is_token else part.text for part in cut_text(text))


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
