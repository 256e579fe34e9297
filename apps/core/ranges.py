from typing import NamedTuple

from django.core.validators import MaxValueValidator, MinValueValidator


class Range(NamedTuple):
    """The values that a number may take, both ends included, said once for model, API and page."""

    low: int
    high: int
    default: int

    @property
    def validators(self) -> list[MinValueValidator | MaxValueValidator]:
        return [MinValueValidator(self.low), MaxValueValidator(self.high)]
