"""A conversation of one question and one answer, as OpenAI's `messages` or ShareGPT's `conversations`."""

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


class Exchange(NamedTuple):
    """`reasoning` is the text that the answering turn keeps apart from its content, if it does."""

    prompt: str
    response: str
    reasoning: str | None


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
    return Exchange(prompt, texts[-1], _reasoning(len(turns) - 1, turns[-1]))


def _role(index: int, turn: Any) -> str:
    if not isinstance(turn, dict):
        raise UnreadableError("This must be an object.", index)
    name = "role" if "role" in turn else "from"
    role = turn.get(name)
    if not isinstance(role, str) or role.lower() not in _ROLES:
        said = f'"{role[:40]}"' if isinstance(role, str) else "none"
        raise UnreadableError(
            f"Whose turn it is must be user, assistant or system; it is {said}.", index, name
        )
    return _ROLES[role.lower()]


def _text(index: int, turn: dict[str, Any]) -> str:
    name = "content" if "content" in turn else "value"
    content = turn.get(name)
    if isinstance(content, list) and content and all(map(_is_text_part, content)):
        return "\n".join(part["text"] for part in content)
    if not isinstance(content, str):
        raise UnreadableError("This must be a text.", index, name)
    return content


def _is_text_part(part: Any) -> bool:
    return isinstance(part, dict) and part.get("type") == "text" and isinstance(part.get("text"), str)


def _reasoning(index: int, turn: dict[str, Any]) -> str | None:
    for name in _REASONING:
        value = turn.get(name)
        if value is not None and not isinstance(value, str):
            raise UnreadableError("This must be a text.", index, name)
        if value:
            return str(value)
    return None
