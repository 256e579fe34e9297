from django import template

from apps.datasets.describe import recipe_words
from apps.datasets.models import Dataset

register = template.Library()


@register.filter
def recipe(dataset: Dataset) -> list[str]:
    return recipe_words(dataset)
