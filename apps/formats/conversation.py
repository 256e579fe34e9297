"""A conversation of one question and one answer, as OpenAI's `messages` or ShareGPT's `conversations`."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from apps.formats.reasoning import UnreadableError

_ROLES = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "gpt": "assistant",
    "model": "assistant",
}
_REASONING = ("reasoning_content", "reasoning", "thinking")

Path = tuple[str | int, ...]


class Exchange(NamedTuple):
    """`reasoning` is the text that the answering turn keeps apart from its content, if it does; `read` has
    for each turn the paths of what these texts are made of.
    """

    prompt: str
    response: str
    reasoning: str | None
    read: list[list[Path]]


def read_conversation(turns: Any) -> Exchange:
    """A system's text stands before the user's, as Gemma, which has no turn for it, wants it.

    Raises UnreadableError with a path below the turns.
    """
    if not isinstance(turns, list):
        raise UnreadableError("This must be a list of turns.")
    roles = [_role(index, turn) for index, turn in enumerate(turns)]
    answers = roles.count("assistant")
    if answers > 1:
        raise UnreadableError(
            f"{answers} turns are the assistant's: only one question with one answer is read."
        )
    if roles not in (["user", "assistant"], ["system", "user", "assistant"]):
        raise UnreadableError(f"The turns are {', '.join(roles) or 'none'}; they must be user, assistant.")
    texts = [_text(index, turn) for index, turn in enumerate(turns)]
    prompt = "\n\n".join(text for text in texts[:-1] if text.strip())
    reasoning = _reasoning(len(turns) - 1, turns[-1])
    read = [[*_read(turn)] for turn in turns]
    if reasoning is None:
        return Exchange(prompt, texts[-1], None, read)
    read[-1].append((reasoning,))
    return Exchange(prompt, texts[-1], turns[-1][reasoning], read)


def _role(index: int, turn: Any) -> str:
    if not isinstance(turn, dict):
        raise UnreadableError("This must be an object.", index)
    name = _name(turn, "role", "from")
    role = turn.get(name)
    if not isinstance(role, str) or role.lower() not in _ROLES:
        said = f'"{role[:40]}"' if isinstance(role, str) else "none"
        raise UnreadableError(
            f"Whose turn it is must be user, assistant or system; it is {said}.", index, name
        )
    return _ROLES[role.lower()]


def _text(index: int, turn: dict[str, Any]) -> str:
    name = _name(turn, "content", "value")
    content = turn.get(name)
    if isinstance(content, list) and content and all(map(_is_text_part, content)):
        return "\n".join(part["text"] for part in content)
    if not isinstance(content, str):
        raise UnreadableError("This must be a text.", index, name)
    return content


def _name(turn: dict[str, Any], name: str, other: str) -> str:
    return name if name in turn else other


def _read(turn: dict[str, Any]) -> Iterator[Path]:
    """Of a turn whose text was read; a reasoning that is empty says nothing."""
    yield (_name(turn, "role", "from"),)
    name = _name(turn, "content", "value")
    if isinstance(turn[name], list):
        yield from ((name, index, key) for index in range(len(turn[name])) for key in ("type", "text"))
    else:
        yield (name,)
    yield from ((name,) for name in _REASONING if turn.get(name) == "")


def _is_text_part(part: Any) -> bool:
    return isinstance(part, dict) and part.get("type") == "text" and isinstance(part.get("text"), str)


def _reasoning(index: int, turn: dict[str, Any]) -> str | None:
    """The name of what holds it."""
    for name in _REASONING:
        value = turn.get(name)
        if value is not None and not isinstance(value, str):
            raise UnreadableError("This must be a text.", index, name)
        if value:
            return name
    return None
