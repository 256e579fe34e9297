"""A trace: the one place that says which five fields it has and what may stand in them."""

from typing import Annotated, Any, TypeGuard

from pydantic import BaseModel, ConfigDict, Field, field_validator
from typing_extensions import TypedDict

from apps.core.json import INT64

VERSION_MAX_LENGTH = 64
TEXT_MAX_LENGTH = 50_000
STEP_TYPE_MAX_LENGTH = 64
STEP_MAX_LENGTH = 20_000
MAX_STEPS = 1_000
SOURCE_MAX_LENGTH = 256
MAX_SCORE = 100

_STRICT = ConfigDict(extra="forbid", strict=True)


class Step(TypedDict):
    __pydantic_config__ = _STRICT  # type: ignore[misc]  # pydantic's documented hook on a TypedDict

    i: Annotated[int, Field(ge=0, lt=INT64)]
    type: Annotated[str, Field(min_length=1, max_length=STEP_TYPE_MAX_LENGTH)]
    content: Annotated[str, Field(min_length=1, max_length=STEP_MAX_LENGTH)]


class TracePayload(BaseModel):
    """What a client sends and reads back. Lengths are in Unicode code points; `steps` ascend in `i`."""

    model_config = _STRICT

    trace_version: Annotated[str, Field(min_length=1, max_length=VERSION_MAX_LENGTH)]
    prompt: Annotated[str, Field(min_length=1, max_length=TEXT_MAX_LENGTH)]
    final_answer: Annotated[str, Field(min_length=1, max_length=TEXT_MAX_LENGTH)]
    steps: Annotated[list[Step], Field(min_length=1, max_length=MAX_STEPS)]
    meta: dict[str, Any] | None = None

    @field_validator("steps")
    @classmethod
    def order_steps(cls, steps: list[Step]) -> list[Step]:
        numbers = [step["i"] for step in steps]
        if len(set(numbers)) < len(numbers):
            raise ValueError("Every step needs an i of its own")
        if numbers != sorted(numbers):
            steps.sort(key=lambda step: step["i"])
        return steps

    @property
    def fields(self) -> dict[str, Any]:
        """The five fields in the order of the contract."""
        return {
            "trace_version": self.trace_version,
            "prompt": self.prompt,
            "final_answer": self.final_answer,
            "steps": self.steps,
            "meta": self.meta,
        }

    @property
    def contents(self) -> list[str]:
        return [step["content"] for step in self.steps]

    @property
    def source(self) -> str:
        """`meta.source` where that is a text short enough to be a name, else empty."""
        source = (self.meta or {}).get("source")
        return source if is_source(source) else ""


def is_source(value: Any) -> TypeGuard[str]:
    """Whether a trace with this `meta.source` has it as its source."""
    return isinstance(value, str) and 0 < len(value) <= SOURCE_MAX_LENGTH


def baseline_score(step_lengths: list[int]) -> dict[str, float]:
    """Score 0-100 from the lengths of the steps in characters, with what it is made of.

    min(n/10, 1)*50 + min(average length/500, 1)*50, each to 2 decimals (the predecessor's baseline).
    """
    count, total = len(step_lengths), sum(step_lengths)
    average = total / count
    step_score, length_score = min(count / 10, 1) * 50, min(average / 500, 1) * 50
    return {
        "score": round(step_score + length_score, 2),
        "step_count": count,
        "avg_step_length": round(average, 2),
        "total_chars": total,
        "step_score": round(step_score, 2),
        "length_score": round(length_score, 2),
    }
