from django import template

register = template.Library()


@register.filter
def percent(share: float) -> str:
    """Never more than it is: what is not quite equal is not said to be."""
    return f"{int(share * 100 + 1e-9)}%"
