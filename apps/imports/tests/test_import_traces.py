import gzip
import io
import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from apps.formats.trace import TracePayload
from apps.imports.tests.test_gsm8k import PLAIN, SOCRATIC
from apps.traces.models import Trace
from apps.traces.tests.factories import make_payload

pytestmark = pytest.mark.django_db


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "rows.jsonl"


def write(file: Path, *rows: Any) -> None:
    lines = [row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")


def run(file: Path | str, **options: Any) -> tuple[str, str]:
    out, err = io.StringIO(), io.StringIO()
    call_command("import_traces", str(file), stdout=out, stderr=err, **options)
    return out.getvalue(), err.getvalue()


def payloads() -> list[Any]:
    rows = Trace.objects.order_by("id")
    return [{**row.payload, "steps": json.loads(row.steps), "meta": json.loads(row.meta)} for row in rows]


def test_traces_come_back_equal(file: Path) -> None:
    rows = [make_payload(prompt=f"¿{n} × 2? 日本語 🙂") for n in range(3)]
    write(file, *rows)
    out, err = run(file)
    assert payloads() == rows
    assert (out.split(" in ")[0], err) == ("Stored 3 traces (format trace)", "")


def test_gsm8k_is_recognised_plain_and_socratic(file: Path) -> None:
    write(file, PLAIN, SOCRATIC)
    out, _ = run(file)
    assert out.startswith("Stored 2 traces (format gsm8k)")
    assert [row["final_answer"] for row in payloads()] == ["72", "3"]


def test_gzip_is_read_like_plain_text(tmp_path: Path) -> None:
    packed = tmp_path / "rows.jsonl.gz"
    packed.write_bytes(gzip.compress(json.dumps(PLAIN).encode()))
    run(packed)
    assert [row["final_answer"] for row in payloads()] == ["72"]


def test_standard_input_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(json.dumps(PLAIN).encode())))
    run("-")
    assert Trace.objects.count() == 1


def test_source_takes_the_place_of_the_rows_own(file: Path) -> None:
    write(file, make_payload(), make_payload(meta=None))
    run(file, source="batch 7")
    assert [(row.source, json.loads(row.meta)) for row in Trace.objects.all()] == [
        ("batch 7", {"source": "batch 7"})
    ] * 2


def test_one_import_is_one_act(file: Path) -> None:
    write(file, PLAIN, PLAIN)
    out, _ = run(file)
    [ingest_id] = set(Trace.objects.values_list("ingest_id", flat=True))
    assert out.rstrip().endswith(str(ingest_id))


def test_the_first_bad_line_stops_and_nothing_is_stored(file: Path) -> None:
    write(file, *[make_payload()] * 1500, make_payload(steps=[]))
    with pytest.raises(CommandError, match=r"^line 1501: steps: .* Nothing was stored\.$"):
        run(file)
    assert Trace.objects.count() == 0


def test_bad_lines_can_be_skipped_and_are_all_reported(file: Path) -> None:
    write(file, PLAIN, "{", "", {**PLAIN, "answer": "none"}, SOCRATIC)
    out, err = run(file, on_error="skip")
    assert out.split(". Ingest")[0].endswith("2 lines rejected")
    assert [line.split(":")[0] for line in err.splitlines()] == ["line 2", "line 4"]
    assert Trace.objects.count() == 2


def test_a_dry_run_reports_and_stores_nothing(file: Path) -> None:
    write(file, PLAIN, "{")
    out, err = run(file, on_error="skip", dry_run=True)
    assert out.startswith("Would store 1 traces")
    assert err.startswith("line 2: ")
    assert Trace.objects.count() == 0


def test_lines_in_a_pipe_are_counted_plainly(file: Path) -> None:
    write(file, *[PLAIN] * 10_000)
    _, err = run(file, dry_run=True)
    assert err == "10000 lines read\n"


def test_rows_of_no_known_format_name_their_fields(file: Path) -> None:
    write(file, {"instruction": "a", "output": "b"})
    with pytest.raises(CommandError, match=r"it has instruction, output\. Name it with --format"):
        run(file)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "holds no rows"),
        (b"\xff\xfe{\x00", "The text is not"),
        (b"[]\n", "no object"),
        (b'{"a":NaN}', "NaN"),
    ],
)
def test_rubbish_is_refused_in_a_sentence(file: Path, content: bytes, reason: str) -> None:
    file.write_bytes(content)
    with pytest.raises(CommandError, match=reason):
        run(file)


def test_a_missing_file_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot be read: No such file or directory"):
        run(tmp_path / "none.jsonl")


def test_a_line_beyond_the_limit_is_refused(file: Path, settings: Any) -> None:
    settings.TRACE_MAX_BYTES = 2000
    write(file, make_payload(prompt="x" * 9000), make_payload(prompt="x" * 3000), make_payload())
    _, err = run(file, on_error="skip", format="trace")
    assert err.splitlines() == [
        "line 1: The line is larger than the limit of 8000 bytes.",
        "line 2: Trace is larger than the limit of 2000 bytes.",
    ]


def test_a_row_with_a_wrong_meta_is_refused_also_with_a_source(file: Path) -> None:
    write(file, make_payload(meta=[1]))
    with pytest.raises(CommandError, match="line 1: meta: "):
        run(file, source="x")


def test_payloads_of_tests_are_valid() -> None:
    assert TracePayload.model_validate(make_payload()).fields == make_payload()
