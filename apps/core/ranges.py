from typing import Generic, NamedTuple, Self, TypeVar

from django.core.validators import MaxValueValidator, MinValueValidator
from pydantic import BaseModel, ConfigDict, model_validator

Number = TypeVar("Number", int, float)


class Range(NamedTuple):
    """The values that a number may take, both ends included, said once for model, API and page."""

    low: int
    high: int
    default: int

    @property
    def validators(self) -> list[MinValueValidator | MaxValueValidator]:
        return [MinValueValidator(self.low), MaxValueValidator(self.high)]


class Bounds(BaseModel, Generic[Number]):
    """From `min` to `max`, both included; null leaves that side open."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    min: Number | None = None
    max: Number | None = None

    @model_validator(mode="after")
    def check_order(self) -> Self:
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError("min must not be above max")
        return self

    def __bool__(self) -> bool:
        return self.min is not None or self.max is not None
