"""GSM8K: `{"question": ..., "answer": "step\\nstep\\n#### final"}`, plain or socratic.

Source: "Training Verifiers to Solve Math Word Problems" (Cobbe et al., 2021). A socratic line is
`question ** step`; `<<16-3-4=9>>` is a calculator annotation.
"""

import re
from typing import Any

from apps.core.errors import field_error

SOURCE = "gsm8k"

_ANNOTATION = re.compile(r"<<[^<>\n]*>>")
_FINAL = "####"
_SOCRATIC = " ** "


def is_gsm8k(row: Any) -> bool:
    return isinstance(row, dict) and {"question", "answer"} <= row.keys()


def trace_of(row: dict[str, Any]) -> dict[str, Any]:
    """The row as the JSON of a trace; further fields go to meta. Raises ValidationError."""
    for name in ("question", "answer"):
        if not isinstance(row.get(name), str):
            raise field_error(name, "This must be a text.")
    work, mark, final = row["answer"].rpartition(_FINAL)
    if not mark:
        raise field_error("answer", f"There is no final answer behind {_FINAL}.")
    rest = {name: value for name, value in row.items() if name not in ("question", "answer")}
    return {
        "trace_version": "1.0",
        "prompt": row["question"],
        "final_answer": final.strip(),
        "steps": _steps(work),
        "meta": {"source": SOURCE, **rest},
    }


def _steps(work: str) -> list[dict[str, Any]]:
    lines = [line.strip() for line in _ANNOTATION.sub("", work).splitlines()]
    return [{"i": i, **_step(line)} for i, line in enumerate(filter(None, lines))]


def _step(line: str) -> dict[str, str]:
    question, mark, step = line.partition(_SOCRATIC)
    return (
        {"type": "socratic", "content": f"{question} {step}"}
        if mark
        else {"type": "reasoning", "content": line}
    )
