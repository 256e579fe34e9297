"""Which column of a file becomes which field of a trace."""

from collections.abc import Callable
from typing import Annotated, Any, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, model_validator

from apps.formats.conversation import Exchange, read_conversation
from apps.formats.reasoning import Cut, Split, UnreadableError, cut_steps, split_response
from apps.formats.restore import numbered_steps
from apps.formats.trace import SOURCE_MAX_LENGTH, VERSION_MAX_LENGTH
from apps.imports.columns import Columns

COLUMN_MAX_LENGTH = 256
MAX_META = 100

Read = TypeVar("Read")

# The name of a column, or a dotted path into it: "choices.0.text".
Column = Annotated[str, Field(min_length=1, max_length=COLUMN_MAX_LENGTH)]


class Mapping(BaseModel):
    """Either a `conversation`, or `prompt` and `answer`.

    Without `steps` the answer is a whole response, whose markup tells its steps from its answer. `context`
    is put behind the prompt. `meta` lists the columns kept; null keeps all that is not read, also in a
    column that is read in part.
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
        columns = Columns(row)
        prompt, split = self._read_turns(columns) if self.conversation else self._read_columns(columns)
        return {
            "trace_version": self.trace_version,
            "prompt": prompt,
            "final_answer": split.answer,
            "steps": numbered_steps(split.steps),
            "meta": self._meta(columns),
        }

    def _read_columns(self, columns: Columns) -> tuple[str, Split]:
        prompt, answer = columns.value(self.prompt), columns.value(self.answer)
        if isinstance(prompt, list) and isinstance(answer, list) and not self.steps:
            found, split = self._exchange([*prompt, *answer], f"{self.prompt}+{self.answer}")
            columns.note_items(self.prompt, found.read[: len(prompt)])
            columns.note_items(self.answer, found.read[len(prompt) :])
            return found.prompt, split
        text = _text(columns.whole(self.prompt), self.prompt)
        response = _text(columns.whole(self.answer), self.answer)
        context = columns.whole(self.context, is_optional=True)
        if context not in (None, ""):
            text = f"{text}\n\n{_text(context, self.context)}"
        if not self.steps:
            return text, _at(self.answer, lambda: split_response(response, self.cut))
        return text, Split(self._steps(columns), response)

    def _read_turns(self, columns: Columns) -> tuple[str, Split]:
        turns = columns.value(self.conversation)
        found, split = self._exchange(turns, str(self.conversation))
        columns.note_items(self.conversation, found.read)
        return found.prompt, split

    def _exchange(self, turns: Any, path: str) -> tuple[Exchange, Split]:
        found: Exchange = _at(path, lambda: read_conversation(turns))
        if found.reasoning is None:
            return found, _at(path, lambda: split_response(found.response, self.cut))
        steps = _at(path, lambda: cut_steps(found.reasoning or "", self.cut))
        return found, Split(steps, found.response.strip())

    def _steps(self, columns: Columns) -> list[str]:
        value = columns.value(self.steps)
        if not isinstance(value, list):
            columns.note(self.steps)
            return _at(self.steps, lambda: cut_steps(_text(value, self.steps), self.cut))
        if not value:
            raise UnreadableError("there are no steps: the list is empty.", self.steps or "")
        steps = [_step(item, f"{self.steps}.{index}") for index, item in enumerate(value)]
        columns.note_items(self.steps, [[("content",) if isinstance(item, dict) else ()] for item in value])
        return steps

    def _meta(self, columns: Columns) -> dict[str, Any] | None:
        if self.meta is None:
            meta = columns.rest()
        else:
            meta = {name: columns.value(name, is_optional=True) for name in self.meta}
        return {**meta, "source": self.source} if self.source else meta or None


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
