import pydantic
import pytest
from django.core.exceptions import ValidationError

from apps.core.errors import (
    CONFLICT,
    MAX_LISTED_FAULTS,
    NOT_FOUND,
    TOO_LARGE,
    code_of,
    conflict,
    field_error,
    from_json_error,
    from_pydantic,
    join_names,
    messages_by_path,
    not_found,
    sentence,
    too_large,
)
from apps.core.json import JSONError


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (not_found("Dataset", "a-v1"), NOT_FOUND, "Dataset not found: a-v1"),
        (conflict("It is in the way."), CONFLICT, "It is in the way."),
        (too_large("Trace 3", 1024), TOO_LARGE, "Trace 3 is larger than the limit of 1024 bytes."),
        (ValidationError("Give a name."), "invalid", "Give a name."),
    ],
)
def test_a_refusal_of_no_single_field_is_a_sentence(error: ValidationError, code: str, message: str) -> None:
    assert (code_of(error), sentence(error), messages_by_path(error)) == (code, message, {})


def test_a_refused_field_is_named() -> None:
    error = field_error("steps.3.content", "It is empty.")
    assert (code_of(error), sentence(error)) == ("invalid", "steps.3.content: It is empty.")
    assert messages_by_path(error) == {"steps.3.content": ["It is empty."]}


def test_the_sentence_says_how_many_more_there_are() -> None:
    error = ValidationError({"a": ["One.", "Two."], "b": ["Three."]})
    assert sentence(error) == "a: One (and 2 more)."


@pytest.mark.parametrize(
    ("error", "prefix", "errors"),
    [
        (JSONError("No.", "meta", 3, "x"), (), {"meta.3.x": ["No."]}),
        (JSONError("No.", "meta"), (17,), {"17.meta": ["No."]}),
        (JSONError("No."), (17,), {"17": ["No."]}),
        (JSONError("No."), (), {}),
    ],
)
def test_a_json_error_keeps_its_path(
    error: JSONError, prefix: tuple[str | int, ...], errors: dict[str, list[str]]
) -> None:
    found = from_json_error(error, *prefix)
    assert messages_by_path(found) == errors
    assert sentence(found).endswith("No.")


class Pair(pydantic.BaseModel):
    numbers: list[int]
    name: str

    @pydantic.model_validator(mode="after")
    def check_count(self) -> "Pair":
        if len(self.numbers) == 1:
            raise ValueError("Give more than one number")
        return self


def refusal_of(value: object, *prefix: str | int) -> ValidationError:
    with pytest.raises(pydantic.ValidationError) as refused:
        Pair.model_validate(value)
    return from_pydantic(refused.value, *prefix)


def test_every_refusal_of_a_schema_is_listed_under_its_path() -> None:
    assert messages_by_path(refusal_of({"numbers": [1, "x", None]}, 17)) == {
        "17.numbers.1": ["This must be a whole number."],
        "17.numbers.2": ["This must be a whole number."],
        "17.name": ["This field is required."],
    }


def test_a_refusal_of_the_whole_body_has_no_path() -> None:
    found = refusal_of({"numbers": [1], "name": "a"})
    assert (sentence(found), messages_by_path(found)) == ("Give more than one number", {})


def test_a_refusal_of_one_whole_item_has_the_path_of_the_item() -> None:
    found = refusal_of({"numbers": [1], "name": "a"}, 17)
    assert messages_by_path(found) == {"17": ["Give more than one number"]}


def test_too_many_faults_are_counted_not_listed() -> None:
    found = refusal_of({"numbers": ["x"] * (MAX_LISTED_FAULTS + 1), "name": "a"})
    assert sentence(found) == "1001 faults are too many to list. Compare with the schema."
    assert messages_by_path(found) == {}


def test_names_are_joined_for_a_sentence() -> None:
    assert join_names([]) == ""
    assert join_names("ab") == "a, b"
    assert join_names("abcd", most=2) == "a, b and 2 more"
