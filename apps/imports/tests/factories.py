"""Imports for tests: made as they come in, performed by the engine in this process."""

import json
from typing import Any

import pytest

from apps.imports import run as running
from apps.imports.choose import Terms
from apps.imports.models import Import
from apps.imports.receive import Upload
from apps.imports.settle import settle_imports
from apps.imports.start import start_import
from apps.jobs.engines.database import is_waiting, perform_next
from apps.jobs.tests.factories import claimed


def row(n: Any, **overrides: Any) -> dict[str, Any]:
    """One of GSM8K, whose prompt is `n`."""
    return {"question": str(n), "answer": f"Take {n}\nKeep it\n#### {n}", **overrides}


BAD = {"question": "bad", "answer": "none"}


def lines(*rows: Any) -> bytes:
    texts = [item if isinstance(item, str) else json.dumps(item, ensure_ascii=False) for item in rows]
    return "".join(f"{text}\n" for text in texts).encode()


def make_upload(content: bytes, name: str = "rows.jsonl") -> Import:
    upload = Upload()
    upload.write(content)
    return upload.keep(name, None)


def start(content: bytes, name: str = "rows.jsonl", **terms: Any) -> Import:
    found = make_upload(content, name)
    start_import(found, Terms(**terms), created_by=None)
    return found


def perform(found: Import) -> Import:
    """All that waits, and what is left behind by it."""
    while is_waiting():
        perform_next("here")
    settle_imports()
    while is_waiting():
        perform_next("here")
    found.refresh_from_db()
    return found


def imported(content: bytes, name: str = "rows.jsonl", **terms: Any) -> Import:
    """From the upload to its end."""
    return perform(start(content, name, **terms))


def counts(found: Import) -> tuple[str, int, int, int, int]:
    return (
        found.state,
        found.read_count,
        found.stored_count,
        found.rejected_count,
        found.duplicate_count,
    )


def stored_in_part(found: Import) -> None:
    """As if its worker had been killed behind the first chunk."""
    assert found.job is not None
    work = claimed(found.job)
    ready = running._Run(work, found)
    ready._finish = lambda loader: (_ for _ in ()).throw(KeyboardInterrupt)  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        ready.perform()
