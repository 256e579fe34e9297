"""The formats of rows, and which of them a file has, told from its first rows."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from django.core.exceptions import ValidationError

from apps.core.errors import join_names, sentence
from apps.formats.reasoning import Cut
from apps.formats.restore import RESTORE
from apps.imports import gsm8k
from apps.imports.mapping import Mapping
from apps.imports.rows import Row

AUTO = "auto"
COLUMNS = "columns"

_PROMPTS = ("prompt", "question", "problem", "instruction", "query", "input")
_STEPS = (
    "steps",
    "reasoning",
    "reasoning_content",
    "rationale",
    "thinking",
    "thought",
    "chain_of_thought",
    "cot",
)
_ANSWERS = ("final_answer", "answer", "response", "completion", "output", "solution")


class Recipe(NamedTuple):
    """How rows become traces: `read` gives the JSON of one; raises UnreadableError or ValidationError.

    A recipe with a mapping is made again from it, another from its name.
    """

    name: str
    read: Callable[[dict[str, Any]], dict[str, Any]]
    mapping: Mapping | None = None

    @property
    def description(self) -> str:
        if not self.mapping:
            return self.name
        said = self.mapping.model_dump(exclude_defaults=True)
        return f"{self.name} ({', '.join(f'{field}: {value}' for field, value in said.items())})"


def mapped(mapping: Mapping, name: str = COLUMNS) -> Recipe:
    return Recipe(name, mapping.read, mapping)


def _read_trace(row: dict[str, Any]) -> dict[str, Any]:
    """The JSON that the API takes, or a record of the export of the same name."""
    return RESTORE["trace"](row) if "trace_steps" in row else row


FORMATS: dict[str, Recipe] = {
    recipe.name: recipe
    for recipe in (
        Recipe("trace", _read_trace),
        Recipe("tunix_sft", RESTORE["tunix_sft"]),
        Recipe("training_example", RESTORE["training_example"]),
        Recipe("gsm8k", gsm8k.trace_of),
        mapped(Mapping(conversation="messages"), "messages"),
        mapped(Mapping(conversation="conversations"), "conversations"),
        mapped(Mapping(prompt="instruction", context="input", answer="output"), "alpaca"),
        mapped(Mapping(prompt="prompt", answer="response"), "prompt_response"),
        mapped(Mapping(prompt="prompt", answer="completion"), "prompt_completion"),
        mapped(Mapping(prompt="question", answer="answer"), "question_answer"),
    )
}


def recognise(rows: Sequence[Row], unit: str) -> Recipe:
    """Raises ValidationError with the place of the row that it cannot be told from."""
    row = next((row for row in rows if row.fault is None), None)
    if row is None:
        found = rows[0].fault if rows else None
        if not found:
            raise ValidationError("The file holds no rows.")
        raise ValidationError(f"{unit} {rows[0].place}: {sentence(found)}")
    if not isinstance(row.value, dict):
        raise ValidationError(f"{unit} {row.place}: The row is no object.")
    recipe = _recognise(row.value, [row.value for row in rows if isinstance(row.value, dict)])
    if not recipe:
        raise ValidationError(
            f"The format is not recognised: {unit} {row.place} has {_names(row.value)}. "
            "Say which columns hold the prompt, the steps and the answer, or name the format."
        )
    return recipe


def with_cut(recipe: Recipe, cut: Cut) -> Recipe:
    """Raises ValidationError for a format that has its steps apart already."""
    if not recipe.mapping:
        raise ValidationError(f"The format {recipe.name} says itself where its steps begin: it is not cut.")
    return mapped(recipe.mapping.model_copy(update={"cut": cut}), recipe.name)


def _recognise(row: dict[str, Any], rows: list[dict[str, Any]]) -> Recipe | None:
    if "trace_steps" in row or ("prompt" in row and _is_steps(row.get("steps"))):
        return FORMATS["trace"]
    if "prompts" in row:
        return FORMATS["tunix_sft"]
    if "response" in row and _has_key(row.get("metadata"), "source_trace_id"):
        return FORMATS["training_example"]
    for name in ("messages", "conversations"):
        if isinstance(row.get(name), list):
            return FORMATS[name]
    if gsm8k.is_gsm8k(row) and any(map(_has_final, rows)):
        return FORMATS["gsm8k"]
    if "instruction" in row and "output" in row and not _first(row, _STEPS):
        return FORMATS["alpaca"]
    return _from_names(row)


def _from_names(row: dict[str, Any]) -> Recipe | None:
    prompt, steps = _first(row, _PROMPTS), _first(row, _STEPS)
    answer = _first(row, [name for name in _ANSWERS if name != prompt])
    if not prompt or not answer:
        return None
    mapping = Mapping(prompt=prompt, steps=steps, answer=answer)
    named = (recipe for recipe in FORMATS.values() if recipe.mapping == mapping)
    return next(named, mapped(mapping))


def _first(row: dict[str, Any], names: Sequence[str]) -> str | None:
    return next((name for name in names if row.get(name) not in (None, "")), None)


def _is_steps(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(step, dict) and "i" in step for step in value)


def _has_key(value: Any, key: str) -> bool:
    return isinstance(value, dict) and key in value


def _has_final(row: dict[str, Any]) -> bool:
    answer = row.get("answer")
    return isinstance(answer, str) and "####" in answer


def _names(row: dict[str, Any]) -> str:
    return join_names([name[:100] for name in row]) or "no columns"
