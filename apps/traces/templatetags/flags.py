from django import template

from apps.formats.flags import SAID

register = template.Library()


@register.filter
def flag_label(name: str) -> str:
    return SAID[name].label


@register.filter
def flag_meaning(name: str) -> str:
    return SAID[name].meaning
