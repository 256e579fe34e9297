"""What the command leaves on record."""

import hashlib
import io
import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from apps.imports.models import Import
from apps.imports.tests.factories import BAD, counts, lines, row
from apps.traces.models import Trace

pytestmark = pytest.mark.django_db


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "rows.jsonl"


def run(file: Path | str, **options: Any) -> str:
    out = io.StringIO()
    call_command("import_traces", str(file), stdout=out, stderr=io.StringIO(), **options)
    return out.getvalue()


def test_a_command_leaves_the_record_of_what_it_did(file: Path) -> None:
    content = lines(row(1), BAD, row(1), row(2))
    file.write_bytes(content)
    out = run(file, on_error="skip", source="mine")
    assert ", 1 rows rejected, 1 duplicates skipped. Ingest id: " in out
    record = Import.objects.get()
    assert counts(record) == ("done", 4, 2, 1, 1)
    assert (record.file_name, record.format, record.source) == ("rows.jsonl", "gsm8k", "mine")
    assert (record.size, record.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    assert {*Trace.objects.values_list("ingest_id", flat=True)} == {record.ingest_id}


def test_what_fails_leaves_only_its_record(file: Path) -> None:
    file.write_bytes(lines(row(1), BAD))
    with pytest.raises(CommandError):
        run(file)
    record = Import.objects.get()
    assert (record.state, record.stored_count) == ("failed", 0)
    assert record.reason == "line 2: answer: There is no final answer behind ####. Nothing was stored."
    assert Trace.objects.count() == 0


@pytest.mark.parametrize("options", [{"dry_run": True}, {"preview": True}])
def test_what_stores_nothing_leaves_no_record(file: Path, options: dict[str, Any]) -> None:
    file.write_bytes(lines(row(1)))
    run(file, **options)
    assert Import.objects.count() == 0


class Pipe(io.BytesIO):
    def seekable(self) -> bool:
        return False


def test_a_pipe_is_measured_as_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    content = lines(*map(row, range(3)))
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=Pipe(content)))
    run("-")
    record = Import.objects.get()
    assert (record.file_name, record.size) == ("standard input", len(content))
    assert record.sha256 == hashlib.sha256(content).hexdigest()


def test_what_a_command_brought_is_seen_and_can_be_removed_on_the_page(api: Client, file: Path) -> None:
    file.write_bytes(lines(row(1), BAD))
    run(file, on_error="skip")
    record = Import.objects.get()
    page = api.get(f"/imports/{record.pk}").text
    assert "They were reported where the command ran." in page
    assert "Remove what this import brought" in page
    said = json.loads(api.get(f"/api/imports/{record.pk}").content)
    assert (said["stored"], said["rejected"], said["job_id"]) == (1, 1, None)
    assert api.delete(f"/api/imports/{record.pk}").status_code == 202
