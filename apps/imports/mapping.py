"""Which column of a file becomes which field of a trace."""

from collections.abc import Callable
from typing import Annotated, Any, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, model_validator

from apps.formats.conversation import Exchange, read_conversation
from apps.formats.reasoning import Cut, Split, UnreadableError, cut_steps, split_response
from apps.formats.restore import numbered_steps
from apps.formats.trace import SOURCE_MAX_LENGTH, VERSION_MAX_LENGTH

COLUMN_MAX_LENGTH = 256
MAX_META = 100

Read = TypeVar("Read")

# The name of a column, or a dotted path into it: "choices.0.text".
Column = Annotated[str, Field(min_length=1, max_length=COLUMN_MAX_LENGTH)]


class Mapping(BaseModel):
    """Either a `conversation`, or `prompt` and `answer`.

    Without `steps` the answer is a whole response, whose markup tells its steps from its answer. `context`
    is put behind the prompt. `meta` lists the columns kept; null keeps all that have no other use.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    prompt: Column | None = None
    context: Column | None = None
    steps: Column | None = None
    answer: Column | None = None
    conversation: Column | None = None
    meta: Annotated[list[Column], Field(max_length=MAX_META)] | None = None
    cut: Cut = "auto"
    trace_version: Annotated[str, Field(min_length=1, max_length=VERSION_MAX_LENGTH)] = "1.0"
    source: Annotated[str, Field(min_length=1, max_length=SOURCE_MAX_LENGTH)] | None = None

    @model_validator(mode="after")
    def check_columns(self) -> Self:
        others = [self.prompt, self.context, self.steps, self.answer]
        if self.conversation and any(others):
            raise ValueError("A conversation has prompt and answer in itself: name no columns for them")
        if not self.conversation and not (self.prompt and self.answer):
            raise ValueError("Name the column of the prompt and that of the answer, or of a conversation")
        return self

    def read(self, row: dict[str, Any]) -> dict[str, Any]:
        """The JSON of a trace. Raises UnreadableError with the path of the column."""
        prompt, split = self._read_turns(row) if self.conversation else self._read_columns(row)
        return {
            "trace_version": self.trace_version,
            "prompt": prompt,
            "final_answer": split.answer,
            "steps": numbered_steps(split.steps),
            "meta": self._meta(row),
        }

    def _read_columns(self, row: dict[str, Any]) -> tuple[str, Split]:
        prompt, answer = _value(row, self.prompt), _value(row, self.answer)
        if isinstance(prompt, list) and isinstance(answer, list) and not self.steps:
            return self._exchange([*prompt, *answer], f"{self.prompt}+{self.answer}")
        text = _text(prompt, self.prompt)
        context = _value(row, self.context, is_optional=True)
        if context not in (None, ""):
            text = f"{text}\n\n{_text(context, self.context)}"
        response = _text(answer, self.answer)
        if not self.steps:
            return text, _at(self.answer, lambda: split_response(response, self.cut))
        return text, Split(self._steps(_value(row, self.steps)), response)

    def _read_turns(self, row: dict[str, Any]) -> tuple[str, Split]:
        return self._exchange(_value(row, self.conversation), str(self.conversation))

    def _exchange(self, turns: Any, path: str) -> tuple[str, Split]:
        found: Exchange = _at(path, lambda: read_conversation(turns))
        if found.reasoning is None:
            return found.prompt, _at(path, lambda: split_response(found.response, self.cut))
        steps = _at(path, lambda: cut_steps(found.reasoning or "", self.cut))
        return found.prompt, Split(steps, found.response.strip())

    def _steps(self, value: Any) -> list[str]:
        if not isinstance(value, list):
            return _at(self.steps, lambda: cut_steps(_text(value, self.steps), self.cut))
        if not value:
            raise UnreadableError("there are no steps: the list is empty.", self.steps or "")
        return [_step(item, f"{self.steps}.{index}") for index, item in enumerate(value)]

    def _meta(self, row: dict[str, Any]) -> dict[str, Any] | None:
        if self.meta is None:
            used = [self.prompt, self.context, self.steps, self.answer, self.conversation]
            names = {path if path in row else path.partition(".")[0] for path in used if path}
            meta = {name: value for name, value in row.items() if name not in names}
        else:
            meta = {name: _value(row, name, is_optional=True) for name in self.meta}
        return {**meta, "source": self.source} if self.source else meta or None


def _value(row: dict[str, Any], path: str | None, *, is_optional: bool = False) -> Any:
    if path is None:
        return None
    if path in row:
        return row[path]
    value: Any = row
    for part in path.split("."):
        if isinstance(value, list) and part.isascii() and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
        elif isinstance(value, dict) and part in value:
            value = value[part]
        elif is_optional:
            return None
        else:
            raise UnreadableError("The row has no such column.", path)
    return value


def _text(value: Any, path: str | None) -> str:
    """Also of a number: an answer often is one."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str):
        raise UnreadableError("This must be a text.", path or "")
    return value


def _step(item: Any, path: str) -> str:
    """A text, or an object that has it as its content, as a trace's own steps do."""
    return _text(item.get("content") if isinstance(item, dict) else item, path)


def _at(path: str | None, read: Callable[[], Read]) -> Read:
    """What `read` gives; its refusal gets `path` before its own."""
    try:
        return read()
    except UnreadableError as error:
        raise UnreadableError(str(error), *filter(None, (path, error.path))) from error
