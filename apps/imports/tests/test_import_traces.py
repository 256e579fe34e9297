import gzip
import io
import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from apps.datasets.tests.factories import make_dataset
from apps.datasets.tests.golden import make_small_payloads, store_traces
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
    assert (out.split(" in ")[0], err) == ("Stored 3 traces (JSON Lines, UTF-8; format trace)", "")


def test_gsm8k_is_recognised_plain_and_socratic(file: Path) -> None:
    write(file, PLAIN, SOCRATIC)
    out, _ = run(file)
    assert out.startswith("Stored 2 traces (JSON Lines, UTF-8; format gsm8k)")
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
    run(file, source="batch 7", duplicates="keep")
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
    assert out.split(". Ingest")[0].endswith("2 rows rejected")
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
    assert err == "10000 rows read\n"


def test_rows_of_no_known_format_name_their_fields(file: Path) -> None:
    write(file, {"title": "a", "text": "b"})
    with pytest.raises(
        CommandError, match=r"^The format is not recognised: line 1 has title, text\. Say which columns"
    ):
        run(file)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "holds no rows"),
        (b"\xff\xfe{\x00", "line 1: The text is not JSON"),
        (b"[]\n", "holds no rows"),
        (b"[1]", "row 1: The row is no object"),
        (b'{"a":NaN}', "line 1: The text is not JSON: NaN"),
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


def kept(payload: dict[str, Any]) -> tuple[Any, ...]:
    return (
        payload["trace_version"],
        payload["prompt"],
        [step["content"] for step in payload["steps"]],
        payload["final_answer"],
        payload["meta"],
    )


@pytest.mark.parametrize("format", ["trace", "tunix_sft", "training_example"])
def test_an_exported_dataset_comes_back_equal(tmp_path: Path, format: str) -> None:
    golden = [
        payload for payload in make_small_payloads() if payload["prompt"] != "Names that the system uses"
    ]
    store_traces(golden)
    dataset = make_dataset()
    exported = tmp_path / "exported.jsonl"
    call_command("export_dataset", dataset.key, format=format, output=str(exported), stdout=io.StringIO())
    before = {*Trace.objects.values_list("pk", flat=True)}
    out, _ = run(exported, duplicates="keep")
    assert f"format {format})" in out
    found = Trace.objects.exclude(pk__in=before).order_by("id")
    came_back = [
        {**row.payload, "steps": json.loads(row.steps), "meta": json.loads(row.meta)} for row in found
    ]
    assert sorted(map(kept, came_back), key=str) == sorted(map(kept, golden), key=str)


def test_a_report_has_every_rejected_row(file: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.jsonl"
    write(file, PLAIN, "{", {**PLAIN, "answer": "none"})
    out, err = run(file, on_error="skip", report=str(report))
    assert out.startswith("Stored 1 traces")
    assert [json.loads(line) for line in report.read_text().splitlines()] == [
        {
            "line": 2,
            "field": "",
            "reason": "The text is not JSON: Expecting property name enclosed in double quotes at column 2.",
            "row": "{",
        },
        {
            "line": 3,
            "field": "answer",
            "reason": "There is no final answer behind ####.",
            "row": json.dumps({**PLAIN, "answer": "none"}),
        },
    ]
    assert len(err.splitlines()) == 2


def test_a_long_list_of_rejections_stands_in_the_report_alone(file: Path, tmp_path: Path) -> None:
    write(file, PLAIN, *["{"] * 50)
    _, err = run(file, on_error="skip", report=str(tmp_path / "report.jsonl"))
    assert len(err.splitlines()) == 21
    assert err.endswith("More stand in the report.\n")


def test_the_report_does_not_take_the_place_of_the_file(file: Path) -> None:
    write(file, PLAIN)
    with pytest.raises(CommandError, match="would take the place of the file that is read"):
        run(file, report=str(file))
    assert json.loads(file.read_text()) == PLAIN


@pytest.mark.parametrize("dry_run", [False, True])
def test_all_or_nothing_reads_everything_and_stores_nothing(file: Path, dry_run: bool) -> None:
    write(file, *[PLAIN] * 1500, "{", PLAIN, "{")
    err = io.StringIO()
    with pytest.raises(CommandError, match=r"^2 of 1503 rows rejected\. Nothing was stored\.$"):
        call_command("import_traces", str(file), on_error="all-or-nothing", dry_run=dry_run, stderr=err)
    assert [line.split(":")[0] for line in err.getvalue().splitlines()] == ["line 1501", "line 1503"]
    assert Trace.objects.count() == 0


def test_all_or_nothing_stores_all(file: Path) -> None:
    write(file, PLAIN, SOCRATIC)
    out, _ = run(file, on_error="all-or-nothing")
    assert out.startswith("Stored 2 traces")
    assert Trace.objects.count() == 2


def test_a_file_that_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    packed = tmp_path / "rows.jsonl.gz"
    rows = "".join(json.dumps({**PLAIN, "n": n * 7919 % 10007}) + "\n" for n in range(5000))
    packed.write_bytes(gzip.compress(rows.encode())[:-2000])
    with pytest.raises(
        CommandError, match=r"^The gzip data ends too early after line \d+\. Nothing was stored"
    ):
        run(packed, on_error="skip")
    assert Trace.objects.count() == 0


def test_own_columns_are_named(tmp_path: Path) -> None:
    table = tmp_path / "own.csv"
    table.write_text('q,why,result,level\n"Is it?","a. b",yes,3\n')
    out, _ = run(table, prompt="q", steps="why", answer="result", cut="one")
    assert "CSV, UTF-8; format columns (prompt: q, steps: why, answer: result, cut: one)" in out
    assert list(map(kept, payloads())) == [("1.0", "Is it?", ["a. b"], "yes", {"level": "3"})]


def test_a_mapping_is_read_from_a_file(file: Path, tmp_path: Path) -> None:
    mapping = tmp_path / "mapping.json"
    mapping.write_text('{"prompt": "q.text", "answer": "a", "meta": [], "source": "mine"}')
    write(file, {"q": {"text": "Q"}, "a": "x\n#### y", "n": 1})
    run(file, mapping=str(mapping))
    assert list(map(kept, payloads())) == [("1.0", "Q", ["x"], "y", {"source": "mine"})]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"prompt": "q"}, "Name the column of the prompt and that of the answer, or of a conversation"),
        ({"prompt": "q", "answer": "a", "format": "gsm8k"}, "Say the format, or the columns, or a mapping"),
        ({"cut": "one"}, "The format gsm8k says itself where its steps begin"),
        ({"mapping": "/none.json"}, r"/none\.json cannot be read: No such file or directory"),
        ({"report": "/none/report"}, "/none/report cannot be written: No such file or directory"),
    ],
)
def test_options_that_cannot_work_are_a_sentence(file: Path, options: dict[str, Any], reason: str) -> None:
    write(file, PLAIN)
    with pytest.raises(CommandError, match=reason):
        run(file, **options)


def test_a_directory_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot be read: Is a directory"):
        run(tmp_path)


def test_a_preview_shows_the_first_rows_and_stores_nothing(file: Path) -> None:
    row = {"prompt": "Q\x1b[2J", "response": "<think>a\nb</think>c", "n": 1}
    write(file, row, {**row, "response": "no"}, *[row] * 20)
    out, _ = run(file, preview=True)
    lines = out.splitlines()
    assert lines[0] == (
        "JSON Lines, UTF-8; format prompt_response (prompt: prompt, answer: response). Nothing is stored."
    )
    assert lines[1:11] == [
        "",
        "line 1",
        "  prompt   Q□[2J",
        "  step 1   a",
        "  step 2   b",
        "  answer   c",
        '  meta     {"n":1}',
        "",
        "line 2",
        "  refused  response: no steps can be told from the answer: it has no <reasoning>, <think>, "
        '"Reasoning:" or ####.',
    ]
    assert [line for line in lines if line.startswith("line")] == [f"line {n}" for n in range(1, 11)]
    assert Trace.objects.count() == 0


def test_memory_stays_small_while_big_rows_are_read() -> None:
    """600 rows of 290 KB are 170 MB of text; what is held at a time is a chunk."""
    program = """
        import django, io, resource, sys
        django.setup()
        from apps.imports.parse import chunks, parse_rows
        from apps.imports.read import read_rows
        from apps.imports.recognise import recognise

        class Source(io.RawIOBase):
            def __init__(self):
                step = '{"i": %d, "type": "t", "content": "' + "é" * 9_000 + '"}'
                steps = ", ".join(step % n for n in range(16))
                line = '{"trace_version": "1", "prompt": "P", "final_answer": "A", "steps": [' + steps + "]}"
                self.line, self.left, self.rest = line.encode() + b"\\n", 600, b""
            def readable(self):
                return True
            def readinto(self, buffer):
                if not self.rest and self.left:
                    self.left, self.rest = self.left - 1, memoryview(self.line)
                part = self.rest[:len(buffer)]
                self.rest = self.rest[len(part):]
                buffer[:len(part)] = part
                return len(part)

        rows = read_rows(io.BufferedReader(Source()), 1 << 22)
        recipe = recognise(rows.head, rows.unit)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        parsed = chunks(parse_rows(rows, recipe))
        count = sum(len([item for item in chunk if item.payload]) for chunk in parsed)
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        assert count == 600, count
        assert grown < 128 << 10, grown
    """
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "tunixrt.settings"}
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, env=environment
    )
    assert run.stderr == ""
