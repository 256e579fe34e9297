"""Traces by what was said of them."""

from django.db.models import Exists, OuterRef

from apps.core.keyset import count_to
from apps.curation.models import NOT, Review, Tag, Tagging
from apps.traces.models import TraceQuerySet


def with_tag(found: TraceQuerySet, name: str, *, is_walked: bool = False) -> TraceQuerySet:
    """Those that have the tag, or with a leading "-" those that have it not.

    `is_walked` as in TraceQuerySet.matching: the database then looks at each trace of its walk for the tag.
    """
    key = Tag.objects.key_of(name.removeprefix(NOT))
    if name.startswith(NOT):
        return found if key is None else found.filter(~_has(key))
    if key is None:
        return found.with_keys([])
    return found.filter(_has(key)) if is_walked else found.filter(taggings__tag=key)


def count_tagged(most: int, name: str) -> int:
    return count_to(most, Tagging.objects.filter(tag__name=name), "trace")


def count_reviewed(most: int, state: str) -> int:
    """Of a state that somebody gave: new are all the others."""
    return count_to(most, Review.objects.current().filter(state=state), "trace")


def _has(key: int) -> Exists:
    return Exists(Tagging.objects.filter(trace=OuterRef("pk"), tag=key))


def in_review(found: TraceQuerySet, state: str, *, is_walked: bool = False) -> TraceQuerySet:
    reviews = Review.objects.current().filter(trace=OuterRef("pk"))
    if state == Review.State.NEW:
        return found.filter(~Exists(reviews.exclude(state=state)))
    if is_walked:
        return found.filter(Exists(reviews.filter(state=state)))
    return found.filter(reviews__is_current=True, reviews__state=state)
