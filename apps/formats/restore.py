"""The way back: an exported record in, the five fields of its trace out.

The numbers and types of steps are in no export. Two formats write steps and answer as one text: a step
with a line that begins like the next step or the answer is told apart only by luck, so where such a line
stands twice the record is refused. `trace` is the format that keeps everything else.
"""

import re
from collections.abc import Callable, Iterable
from typing import Any

from apps.formats.gemma import restore_control_tokens
from apps.formats.reasoning import UnreadableError, between_numbers, split_response
from apps.formats.records import SHOW_REASONING

STEP_TYPE = "reasoning"
_DEFAULT_VERSION = "1.0"

_USER, _MODEL, _END = "<start_of_turn>user\n", "<end_of_turn>\n<start_of_turn>model\n", "<end_of_turn>"
_REASONING = "Reasoning:\n"
_STEP = re.compile(r"^(\d{1,7})\. ", re.MULTILINE)
_ANSWER = re.compile(r"^Answer: ", re.MULTILINE)


def restore_trace(record: dict[str, Any]) -> dict[str, Any]:
    steps = record.get("trace_steps")
    if not isinstance(steps, list):
        raise UnreadableError("This must be a list of texts.", "trace_steps")
    return _fields(record, _text(record, "prompts"), steps, _text(record, "final_answer"), ())


def restore_tunix_sft(record: dict[str, Any]) -> dict[str, Any]:
    prompt, response = map(restore_control_tokens, _turns(_text(record, "prompts")))
    answer = record.get("final_answer")
    if answer is not None and not isinstance(answer, str):
        raise UnreadableError("This must be a text.", "final_answer")
    steps, found = _split(response, answer, "prompts")
    return _fields(record, prompt, steps, found, ("format",))


def restore_training_example(record: dict[str, Any]) -> dict[str, Any]:
    prompt, response = (restore_control_tokens(_text(record, name)) for name in ("prompt", "response"))
    steps, answer = _split(response, None, "response")
    return _fields(record, prompt.removesuffix(SHOW_REASONING), steps, answer, ("source_trace_id",))


RESTORE: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "trace": restore_trace,
    "tunix_sft": restore_tunix_sft,
    "training_example": restore_training_example,
}


def numbered_steps(contents: Iterable[Any]) -> list[dict[str, Any]]:
    return [{"i": i, "type": STEP_TYPE, "content": content} for i, content in enumerate(contents)]


def _text(record: dict[str, Any], name: str) -> str:
    value = record.get(name)
    if not isinstance(value, str):
        raise UnreadableError("This must be a text.", name)
    return value


def _turns(text: str) -> tuple[str, str]:
    prompt, mark, response = text.removesuffix("\n").removesuffix(_END).partition(_MODEL)
    is_whole = text.startswith(_USER) and mark and text.removesuffix("\n").endswith(_END)
    if not is_whole or _END in prompt or _END in response:
        raise UnreadableError("This must be one turn of the user and one of the model.", "prompts")
    return prompt.removeprefix(_USER), response


def _split(response: str, answer: str | None, path: str) -> tuple[list[str], str]:
    """`answer` where the record has it also apart: then no line of a step can be taken for it."""
    if not response.startswith(_REASONING):  # this project's template, but another's text in it
        return _split_foreign(response, path)
    body = response.removeprefix(_REASONING)
    if answer is None:
        marks = [*_ANSWER.finditer(body)]
        if len(marks) != 1:
            raise UnreadableError(f'{len(marks)} lines begin with "Answer: ": there must be one.', path)
        body, answer = body[: marks[0].start()], body[marks[0].end() :]
    elif body.endswith(f"\nAnswer: {answer}"):
        body = body[: -len(f"Answer: {answer}")]
    else:
        raise UnreadableError("The model's turn does not end with the final answer.", path)
    return _steps(body, path), answer


def _split_foreign(response: str, path: str) -> tuple[list[str], str]:
    try:
        return split_response(response)
    except UnreadableError as error:
        raise UnreadableError(str(error), path) from error


def _steps(body: str, path: str) -> list[str]:
    try:
        steps = between_numbers(body, _STEP)
    except UnreadableError as error:
        raise UnreadableError(str(error), path) from error
    if steps is None or not all(step.endswith("\n") for step in steps):
        raise UnreadableError("The steps are not numbered from 1.", path)
    return [step[:-1] for step in steps]


def _fields(
    record: dict[str, Any], prompt: str, steps: list[Any], answer: str, reserved: tuple[str, ...]
) -> dict[str, Any]:
    metadata = record.get("metadata") or {}
    if not isinstance(metadata, dict):
        raise UnreadableError("This must be an object.", "metadata")
    return {
        "trace_version": metadata.get("trace_version", _DEFAULT_VERSION),
        "prompt": prompt,
        "final_answer": answer,
        "steps": numbered_steps(steps),
        "meta": _own_meta(metadata, {"created_at", "trace_version", *reserved}) or None,
    }


def _own_meta(metadata: dict[str, Any], system: set[str]) -> dict[str, Any]:
    """Without the system's keys; `meta.<name>` is `<name>` again where the system's took its place."""
    taken = metadata.keys() & system
    meta: dict[str, Any] = {}
    for key, value in metadata.items():
        if key in system:
            continue
        name = key
        while name.startswith("meta.") and (shorter := name.removeprefix("meta.")) in taken:
            name = shorter
        while name in meta:
            name = f"meta.{name}"
        taken.add(key)
        meta[name] = value
    return meta
