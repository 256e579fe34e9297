from datetime import datetime

from django import template
from django.utils import timezone

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
