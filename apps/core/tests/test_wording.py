from typing import Any, Literal
from uuid import UUID

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from apps.core.wording import message_of


class Sample(BaseModel):
    model_config = ConfigDict(extra="forbid")

    text: str = Field("a", min_length=1, max_length=3000)
    name: str = Field("abc", min_length=3)
    whole: int = Field(1, ge=1, lt=2**63)
    share: float = Field(0.5, gt=0, le=1, allow_inf_nan=False)
    is_on: bool = True
    color: Literal["red", "blue"] = "red"
    id: UUID = UUID(int=0)
    items: list[int] = Field([1], min_length=1, max_length=2)
    meta: dict[str, int] = {}
    pattern: str = Field("x", pattern="x")


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("text", 1, "This must be a text."),
        ("text", "", "This must not be empty."),
        ("text", "x" * 3001, "This must have at most 3,000 characters."),
        ("name", "ab", "This must have at least 3 characters."),
        ("whole", "x", "This must be a whole number."),
        ("whole", 1.5, "This must be a whole number."),
        ("whole", None, "This must be a whole number."),
        ("whole", 0, "This must be at least 1."),
        ("whole", 2**63, "This must be less than 9223372036854775808."),
        ("share", "x", "This must be a number."),
        ("share", 0, "This must be greater than 0."),
        ("share", 2, "This must be at most 1."),
        ("share", float("nan"), "This must be a finite number."),
        ("is_on", "perhaps", "This must be true or false."),
        ("color", "green", "This must be 'red' or 'blue'."),
        ("id", "x", "This must be a UUID."),
        ("items", 1, "This must be a list."),
        ("items", [], "This must not be empty."),
        ("items", [1, 2, 3], "This must have at most 2 items."),
        ("meta", [], "This must be an object."),
        ("other", 1, "There is no field of this name."),
        # One that is not in the table keeps its words.
        ("pattern", "y", "String should match pattern 'x'"),
    ],
)
def test_a_refusal_is_said_to_a_person(field: str, value: Any, message: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Sample.model_validate({field: value})
    assert [*map(message_of, refused.value.errors())] == [message]


def test_a_missing_one_is_required() -> None:
    class Named(BaseModel):
        name: str

    with pytest.raises(ValidationError) as refused:
        Named.model_validate({})
    assert [*map(message_of, refused.value.errors())] == ["This field is required."]
