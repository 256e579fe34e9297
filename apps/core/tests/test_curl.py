"""The command line to copy, as a real shell reads it."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from apps.core.curl import curl_line

NASTY = {"q": 'it\'s "$HOME" `id` \\ \n EOF é <script>', "list": [1, None]}

# Instead of curl: what it was given, as JSON.
_SHOW = "import json, sys; print(json.dumps([sys.argv[1:], sys.stdin.read()]))"


def run(line: str, tmp_path: Path) -> tuple[list[str], str]:
    program = tmp_path / "curl"
    program.write_text(f"#!/usr/bin/env python3\n{_SHOW}\n")
    program.chmod(0o755)
    script = tmp_path / "script"
    script.write_text(f"PATH={tmp_path}:$PATH\nTUNIXRT_TOKEN=secret\n{line}\n")
    shell = ["bash", str(script)]
    done = subprocess.run(shell, capture_output=True, check=True, text=True, stdin=subprocess.DEVNULL)
    arguments, body = json.loads(done.stdout)
    return arguments, body


@pytest.mark.parametrize("body", [{"a": 1}, NASTY])
def test_the_shell_hands_on_what_was_meant(body: Any, tmp_path: Path) -> None:
    arguments, _ = run(curl_line("http://localhost/x?a=1&b=2", body, needs_token=False), tmp_path)
    assert arguments[:-1] == [
        *("-X", "POST", "http://localhost/x?a=1&b=2", "-H", "Content-Type: application/json", "-d"),
    ]
    assert json.loads(arguments[-1]) == body


def test_a_body_too_long_for_an_argument_comes_by_standard_input(tmp_path: Path) -> None:
    body = {**NASTY, "ids": ["x" * 36] * 10_000}
    arguments, text = run(curl_line("http://localhost/x", body, needs_token=False), tmp_path)
    assert (arguments[-2:], json.loads(text)) == (["-d", "@-"], body)


def test_the_token_is_a_variable_of_the_shell(tmp_path: Path) -> None:
    arguments, _ = run(curl_line("http://localhost/x", {}, needs_token=True), tmp_path)
    assert "Authorization: Bearer secret" in arguments
