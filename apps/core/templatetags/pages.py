from datetime import datetime

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()

_UNITS = ((86_400 * 365, "y"), (86_400 * 30, "mo"), (86_400, "d"), (3_600, "h"), (60, "min"))


@register.filter
def age(moment: datetime) -> str:
    """How long ago, in one rounded unit: "2 min", "3 h"."""
    seconds = (timezone.now() - moment).total_seconds()
    for size, unit in _UNITS:
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return "now"


@register.simple_tag
def ago(moment: datetime) -> SafeString:
    """As `age`, with the moment itself behind it. Lists have one in each row: no template of its own."""
    return format_html(
        '<time datetime="{}" title="{} UTC">{}</time>',
        moment.isoformat(),
        moment.strftime("%Y-%m-%d %H:%M:%S"),
        age(moment),
    )
