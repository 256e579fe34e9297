"""Parquet: whatever a file stands for, it takes little memory, and each row is measured by itself."""

import io
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.core.exceptions import ValidationError

from apps.imports.parse import parse_rows
from apps.imports.read import read_rows
from apps.imports.recognise import FORMATS
from apps.imports.tests.test_read import PACK, parquet, read, refusal, told
from apps.traces.tests.factories import make_payload

MB = 1 << 20
TOO_LARGE = "The row is larger than the limit of 100000 bytes."


def written(table: Any, **options: Any) -> bytes:
    file = io.BytesIO()
    pq.write_table(table, file, compression="zstd", **options)
    return file.getvalue()


def nested(values: Any) -> Any:
    """One row: a list of all of them."""
    return pa.ListArray.from_arrays(pa.array([0, len(values)], pa.int32()), values)


BOMBS: dict[str, tuple[Callable[[], bytes], tuple[int, int | str]]] = {
    "one long text in many rows": (lambda: written(pa.table({"a": ["x" * MB] * 300})), (300, 0)),
    "a long page": (
        lambda: written(pa.table({"a": ["x" * MB] * 250}), use_dictionary=False),
        (0, "Reading the Parquet data behind row 0 takes more than 216 MB of memory. Write it with smaller"),
    ),
    "a long list": (
        lambda: written(pa.table({"a": nested(pa.repeat(True, 50 * MB))})),
        (0, "Reading the Parquet data behind row 0 takes more than 216 MB of memory. Write it with smaller"),
    ),
    "a list of many": (
        lambda: written(
            pa.table({"a": nested(pa.StructArray.from_arrays([pa.repeat(True, 2 * MB)], ["b"]))})
        ),
        (1, 1),
    ),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_file_that_stands_for_much_takes_little_memory(bomb: str, tmp_path: Path) -> None:
    make, expected = BOMBS[bomb]
    file = tmp_path / "bomb"
    file.write_bytes(make())
    assert file.stat().st_size < 100_000
    program = f"""
        import resource, os
        os.environ["DJANGO_SETTINGS_MODULE"] = "tunixrt.settings"
        from django.conf import settings
        from django.core.exceptions import ValidationError
        from apps.imports.read import read_rows
        settings.BASE_DIR
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        read, said = 0, 0
        with open({str(file)!r}, "rb") as file:
            try:
                for row in read_rows(file, 4 << 20):
                    read += 1
                    said += row.fault is not None
            except ValidationError as error:
                said = error.messages[0][:{len(str(expected[1]))}]
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        grown += resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        assert (read, said) == {expected!r}, (read, said)
        assert grown < 256 << 10, grown
    """
    run = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True)
    assert run.stderr == ""


@pytest.mark.parametrize("size", [100_000, 20 * MB])
def test_a_long_row_is_refused_and_no_other(size: int) -> None:
    rows = [{"n": n, "a": "x" * (size if n == 31 else 3)} for n in range(1, 61)]
    assert told(read(parquet(rows))) == [(n, TOO_LARGE if n == 31 else None) for n in range(1, 61)]


def test_a_row_has_its_own_size() -> None:
    rows = [*read(parquet([{"a": "é" * n, "l": [n]} for n in (1, 9_000, 10)]))]
    assert [row.size for row in rows] == [18, 18_019, 37]
    assert rows[1].raw == '{"a":"' + "é" * 9_000 + '","l":[9000]}'


def test_a_trace_above_the_limit_is_refused_among_short_ones(settings: Any) -> None:
    settings.TRACE_MAX_BYTES = 200_000
    traces = [make_payload(prompt=str(n), meta={"x": "y" * (n == 300) * 250_000}) for n in range(500)]
    found = [*parse_rows(read(parquet(traces), 4 * 200_000), FORMATS["trace"])]
    said = [(item.place, item.rejection.reason) for item in found if item.rejection]
    assert said == [(301, "Trace is larger than the limit of 200000 bytes.")]


def test_a_text_that_is_not_utf8_is_one_bad_row() -> None:
    texts = pa.array([b"a", b"\xff", b"c"]).view(pa.string())
    assert told(read(written(pa.table({"n": [1, 2, 3], "t": texts})))) == [
        (1, None),
        (2, "t: The text is not UTF-8."),
        (3, None),
    ]


def test_a_number_that_json_has_not_is_one_bad_row() -> None:
    assert told(read(parquet([{"a": [0.5]}, {"a": [float("nan")]}, {"a": [2.0**70]}]))) == [
        (1, None),
        (2, "a.0: A number must be finite."),
        (3, None),
    ]


def test_fields_of_one_name_are_said() -> None:
    twice = pa.StructArray.from_arrays([pa.array([1]), pa.array([2])], ["a", "a"])
    assert refusal(written(pa.table({"s": twice}))) == 'The column "s" has two fields of the same name.'


def test_a_reader_that_dies_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    assert refusal(parquet([{"a": 1}])).startswith(
        "The Parquet data cannot be read behind row 0: it is damaged"
    )


@pytest.mark.parametrize("packing", ["gzip", "zstd"])
def test_packed_parquet_is_refused(packing: str) -> None:
    assert refusal(PACK[packing](parquet([{"a": 1}]))) == (
        f"The file is Parquet within {packing}. Parquet is packed in itself: send it as it is."
    )


def test_how_far_it_is_can_be_told_from_the_file(tmp_path: Path) -> None:
    file = tmp_path / "rows"
    file.write_bytes(parquet([{"n": str(n) * 20} for n in range(200_000)]))
    with file.open("rb") as stream:
        rows = iter(read_rows(stream, MB))
        next(rows)
        first = stream.tell()
        for _ in range(150_000):
            next(rows)
        assert 0 < first < stream.tell() <= file.stat().st_size


def test_a_file_of_no_rows_has_none() -> None:
    assert [*read(written(pa.table({"a": pa.array([], pa.string())})))] == []


def test_a_damaged_footer_is_said() -> None:
    with pytest.raises(
        ValidationError, match="The Parquet data cannot be read: Parquet file size is 32 bytes"
    ):
        read(b"PAR1" + bytes(20) + b"\xff\xff\xff\x7fPAR1")
