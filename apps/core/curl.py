"""The command line that does what a page does, to copy into a terminal."""

import shlex
from typing import Any

from apps.core.json import compact_json

# Linux takes no single argument of 128 KiB (execve(2), MAX_ARG_STRLEN).
_MAX_ARGUMENT = 100_000


def curl_line(url: str, body: Any, *, needs_token: bool) -> str:
    """A POST of `body` as JSON. The token stays a variable: what is copied must not carry a secret."""
    parts = ["curl -X POST", shlex.quote(url), '-H "Content-Type: application/json"']
    if needs_token:
        parts.append('-H "Authorization: Bearer $TUNIXRT_TOKEN"')
    text = compact_json(body)
    if len(text.encode()) > _MAX_ARGUMENT:
        return " ".join([*parts, f"-d @- <<'EOF'\n{text}\nEOF"])
    return " ".join([*parts, "-d", shlex.quote(text)])
