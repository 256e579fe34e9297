"""The draft of a trace from its fields into one text and back: what is typed in one goes on in the other."""

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError
from pydantic import BaseModel, ConfigDict

from apps.core.errors import from_json_error
from apps.core.json import JSONError, parse_json, pretty_json
from apps.core.requests import validate
from apps.traces.draft import StepValues


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Step(_Part):
    i: int | None = None
    type: str = ""
    content: str = ""


class _Draft(_Part):
    """What has a place in the fields. What a trace must have may still be missing."""

    trace_version: str = ""
    prompt: str = ""
    final_answer: str = ""
    steps: list[_Step] = []
    meta: dict[str, Any] | str | None = None


def draft_text(typed: Mapping[str, str], steps: list[StepValues]) -> str:
    """As JSON; meta that is none goes on as the text that it is."""
    texts = {name: _lines(typed.get(name, "")) for name in ("trace_version", "prompt", "final_answer")}
    listed = [{"i": n, **{name: _lines(text) for name, text in step.items()}} for n, step in enumerate(steps)]
    meta = {"meta": _read(typed["meta"])} if typed.get("meta", "").strip() else {}
    return pretty_json({**texts, "steps": listed, **meta})


def draft_fields(text: str) -> tuple[dict[str, str], list[StepValues]]:
    """Raises ValidationError for what would not all have a place in the fields."""
    draft = validate(_Draft, _parse(text)) if text.strip() else _Draft()
    if any(step.i not in (None, n) for n, step in enumerate(draft.steps)):
        raise ValidationError("Field by field the steps are numbered 0, 1, 2 and so on. These are not.")
    meta = (
        draft.meta
        if isinstance(draft.meta, str)
        else pretty_json(draft.meta)
        if draft.meta is not None
        else ""
    )
    steps = [{"type": step.type, "content": step.content} for step in draft.steps]
    texts = {"prompt": draft.prompt, "final_answer": draft.final_answer, "meta": meta}
    return texts | ({"trace_version": draft.trace_version} if draft.trace_version else {}), steps or [{}]


def _meta_text(meta: dict[str, Any] | None) -> str:
    return "" if meta is None else pretty_json(meta)


def _parse(text: str) -> Any:
    try:
        return parse_json(text)
    except JSONError as error:
        raise from_json_error(error) from error


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n")


def _read(text: str) -> Any:
    try:
        return parse_json(text)
    except JSONError:
        return _lines(text)
