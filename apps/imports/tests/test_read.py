"""Containers: what comes out of a file is the same rows, whatever it is packed and encoded in."""

import codecs
import csv
import gzip
import io
import json
import random
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from django.core.exceptions import ValidationError
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.core.errors import sentence
from apps.imports.read import Rows, read_rows
from apps.imports.rows import MAX_RAW

LIMIT = 100_000
TABLE = [
    {"prompt": "¿27 × 19?", "answer": 'say "513",\nplease', "n": "1"},
    {"prompt": "日本語 🙂", "answer": "a;b|c\td", "n": ""},
    {"prompt": "x", "answer": "y", "n": "3"},
]


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=9)


def lines(rows: list[Any]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def table(delimiter: str) -> Callable[[list[Any]], str]:
    def write(rows: list[Any]) -> str:
        file = io.StringIO()
        writer = csv.DictWriter(file, [*rows[0]], delimiter=delimiter, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        return file.getvalue()

    return write


def parquet(rows: list[Any]) -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), file)
    return file.getvalue()


def read(data: bytes | str, limit: int = LIMIT, after: int = 0) -> Rows:
    return read_rows(io.BytesIO(data.encode() if isinstance(data, str) else data), limit, after)


def values(rows: Rows) -> list[Any]:
    return [row.value for row in rows]


def told(rows: Rows) -> list[tuple[int, str | None]]:
    return [(row.place, sentence(row.fault) if row.fault else None) for row in rows]


def refusal(data: bytes | str, limit: int = LIMIT) -> str:
    with pytest.raises(ValidationError) as caught:
        list(read(data, limit))
    return str(caught.value.messages[0])


CONTAINERS = {
    "JSON Lines": lines,
    "JSON array": lambda rows: json.dumps(rows, ensure_ascii=False, indent=1),
    "CSV": table(","),
    "TSV": table("\t"),
    "CSV with semicolons": table(";"),
    "CSV with bars": table("|"),
}
ENCODE: dict[str, Callable[[str], bytes]] = {
    "UTF-8": str.encode,
    "UTF-8 with BOM": lambda text: codecs.BOM_UTF8 + text.encode(),
    "UTF-16": lambda text: codecs.BOM_UTF16_LE + text.encode("utf-16-le"),
    "UTF-16 ": lambda text: codecs.BOM_UTF16_BE + text.encode("utf-16-be"),
}
PACK: dict[str | None, Callable[[bytes], bytes]] = {
    None: bytes,
    "gzip": gzip.compress,
    "zstd": lambda data: zstandard.ZstdCompressor().compress(data),
}


@pytest.mark.parametrize("packing", PACK)
@pytest.mark.parametrize("encoding", ENCODE)
@pytest.mark.parametrize("container", CONTAINERS)
def test_a_container_is_recognised_and_read(container: str, encoding: str, packing: str | None) -> None:
    rows = read(PACK[packing](ENCODE[encoding](CONTAINERS[container](TABLE))))
    assert (rows.container, rows.encoding, rows.packing) == (container, encoding.strip(), packing)
    assert rows.columns == ["prompt", "answer", "n"]
    assert values(rows) == TABLE


def test_parquet_is_read() -> None:
    nested = [
        {"messages": [{"role": "user", "content": f"q{n}"}], "n": n, "x": None, "y": 0.5, "b": True, "l": [1]}
        for n in range(1200)
    ]
    rows = read(parquet(nested))
    assert (rows.container, rows.encoding, rows.packing, rows.unit) == ("Parquet", None, None, "row")
    assert [row.place for row in rows] == [*range(1, 1201)]
    assert values(read(parquet(nested))) == nested


@pytest.mark.parametrize(
    "data",
    [
        '{"a":1}\n\n  \n{"b":2}',
        '\n{"a":1}\r\n\r\n{"b":2}\r\n',
        "a,b\n\n\n1,2\n",
        'a,b\n"1\n1",2\n3,4\n',
    ],
)
def test_a_place_is_the_line_in_the_file(data: str) -> None:
    expected = {0: [1, 4], 1: [2, 4], 2: [4], 3: [2, 4]}
    cases = [
        '{"a":1}\n\n  \n{"b":2}',
        '\n{"a":1}\r\n\r\n{"b":2}\r\n',
        "a,b\n\n\n1,2\n",
        'a,b\n"1\n1",2\n3,4\n',
    ]
    rows = read(data)
    assert (rows.unit, [row.place for row in rows]) == ("line", expected[cases.index(data)])


@pytest.mark.parametrize("container", CONTAINERS)
def test_reading_goes_on_behind_a_place(container: str) -> None:
    data = CONTAINERS[container](TABLE * 3)
    rows = [*read(data)]
    assert [*read(data, after=rows[3].place)] == rows[4:]


def test_parquet_goes_on_behind_a_place() -> None:
    data = parquet([{"n": n} for n in range(1200)])
    assert [row.place for row in read(data, after=700)] == [*range(701, 1201)]


@given(st.lists(st.dictionaries(TEXTS, st.one_of(TEXTS, st.integers(-9, 9), st.none())), max_size=5))
def test_any_array_is_read(rows: list[Any]) -> None:
    data = json.dumps(rows)
    found = read("[" + data[1:-1].replace("}, {", "} ,\n{") + "]")
    assert values(found) == json.loads(data)


def test_an_array_longer_than_a_read_is_read_in_pieces() -> None:
    rows = [{"n": n, "text": "é" * (n % 5000)} for n in range(500)]
    found = [*read(json.dumps(rows, ensure_ascii=False))]
    assert [row.value for row in found] == rows
    assert found[7].raw == json.dumps(rows[7], ensure_ascii=False)


ARRAY_FAULTS = [
    ('[{"a": 1}, {"a": 2}', "The array ends too early after row 2."),
    ('[{"a": 1}\n {"a": 2}]', "Line 2: a comma must stand behind row 1 of the array."),
    ('[{"a": 1},\n {"a" 2}]', "Row 2 is not JSON: Expecting ':' delimiter at line 2."),
    ('[{"a": 1},]', "Row 2 is not JSON: Expecting value at line 1."),
    ('[{"a": 1}] x', "Line 1: there is text behind the end of the array."),
    ('[{"a": 1}, {"a": "' + "x" * 300_000, "Row 2 is longer than the limit of 100000 characters, or is not"),
    ('[{"a": 1},\n{"a":\n1}\n, {"a": x}\n\n\n\n\n]', "Row 3 is not JSON: Expecting value at line 4."),
    ("[" + "\n" * 70_000 + '{"a":\n"1}', "Row 1 is not JSON: Unterminated string"),
    ("[" * 100_000, "Row 1 is not JSON: it is nested deeper than 64 levels at line 1."),
    ('[{"a": ' + "1" * 5000 + "}]", "Row 1 is not JSON: Exceeds the limit"),
]


@pytest.mark.parametrize(("data", "reason"), ARRAY_FAULTS, ids=range(len(ARRAY_FAULTS)))
def test_a_broken_array_is_said_with_its_place(data: str, reason: str) -> None:
    assert refusal(data).startswith(reason)


def test_a_bad_element_of_an_array_is_one_bad_row() -> None:
    data = '[{"a": 1}, {"a": NaN}, {"a": 1, "a": 2}, {"a": "\\u0000"}, {"a": "\\ud800"}, 5, {"a": 2}]'
    assert told(read(data)) == [
        (1, None),
        (2, "a: A number must be finite."),
        (3, "a: The key stands twice in its object."),
        (4, "a: Text must not contain the character NUL."),
        (5, "a: Text must not contain a lone surrogate."),
        (6, None),
        (7, None),
    ]


def test_a_bad_line_is_one_bad_row() -> None:
    data = b'{"a": 1}\n{"a": "\xe9t\xe9"}\n{"a": "\0"}\n{"a": "\\ud800"}\n{"a": ' + b"1" * 200 + b"}\n{}\n"
    assert told(read(data, 100)) == [
        (1, None),
        (2, "The text is not UTF-8: byte 7 cannot be decoded."),
        (3, "The text is not JSON: Invalid control character at at column 8."),
        (4, "a: Text must not contain a lone surrogate."),
        (5, "The line is larger than the limit of 100 bytes."),
        (6, None),
    ]


def test_a_bad_record_is_one_bad_row() -> None:
    data = 'a,b\n1,2\n1\n1,2,3\n"x"y,2\n\0,2\n3,4\n'
    assert told(read(data)) == [
        (2, None),
        (3, "The record has 1 fields, the header 2."),
        (4, "The record has 3 fields, the header 2."),
        (5, "The record is not CSV: ',' expected after '\"'."),
        (6, "a: Text must not contain the character NUL."),
        (7, None),
    ]


def test_a_record_of_several_lines_that_has_too_much_is_said_with_them() -> None:
    data = 'a,b\n1,"x\ny\nz"\n1,"x\ny",3\n1,2\n'
    assert told(read(data)) == [
        (2, None),
        (5, "The record of lines 5 to 6 has 3 fields, the header 2."),
        (7, None),
    ]


def test_the_raw_row_is_there_and_bounded() -> None:
    data = lines([{"a": "é" * 50_000}, {"a": 1}]) + "{\n"
    assert [(len(row.raw), row.raw[:9]) for row in read(data)] == [
        (MAX_RAW, '{"a": "éé'),
        (8, '{"a": 1}'),
        (1, "{"),
    ]
    assert [row.raw for row in read('a,b\n"1\n1",2\n')] == ['"1\n1",2']
    assert [row.raw for row in read(parquet([{"a": 1}]))] == ['{"a":1}']


STRAY = b"a,b\n" + b"x,y\n" * 5 + b'"x,y\n' + b"x,y\n" * 300
OPEN = "Line 7: a quote in the record that begins here is not closed as CSV wants it until"
LATIN = "prompt,answer\né,1\n".encode("latin-1")
FAULTS: list[tuple[bytes, str]] = [
    (b"", "The file is empty: it holds no rows."),
    (b" \r\n\n", "The file is empty: it holds no rows."),
    (b"\xef\xbb\xbf", "The file is empty: it holds no rows."),
    (gzip.compress(b""), "The file is empty: it holds no rows."),
    (b"\x89PNG\r\n\x1a\n" + bytes(99), "The file has no rows of text: it is a PNG picture."),
    (
        b"PK\x03\x04" + bytes(99),
        "The file has no rows of text: it is a zip archive or an Excel workbook. Unpack",
    ),
    (
        gzip.compress(gzip.compress(b"{}")),
        "The file has no rows of text: it is packed twice. Unpack it once.",
    ),
    ("{}\n".encode("utf-16-le"), "The file is no text, or UTF-16 without a byte order mark."),
    (random.Random(0).randbytes(5_000), "This is no text file: save it as JSON Lines, CSV or Parquet."),
    (b"MZ\0\x03" + b"a,b\n1,2\n" * 100, "This is no text file: save it as JSON Lines, CSV or Parquet."),
    ("{}\n".encode("utf-32"), "The text is UTF-32. UTF-8 and UTF-16 are read."),
    (b"once upon a time\nthere was", "The file is none that is read: line 1 begins with 'once upon a time'."),
    (LATIN, "The text is not UTF-8: byte 1 of line 2 cannot be decoded."),
    ('[\n{"a": "é"}]'.encode("latin-1"), "The text is not UTF-8: byte 8 of line 2 cannot be decoded."),
    (b"[" + b" \n" * 40_000 + b'{"a": "\xff"}]', "The text is not UTF-8: byte 8 of line 40001 cannot"),
    (
        codecs.BOM_UTF16_LE + b"{\0\n\0a\0\0\xd8a\0",
        "The text is not UTF-16: byte 3 of line 2 cannot be decoded.",
    ),
    (codecs.BOM_UTF16_LE + "{}".encode("utf-16-le")[:-1], "The text is not UTF-16: byte 3 of line 1 cannot"),
    (gzip.compress(lines(TABLE * 9999).encode())[:-20], "The gzip data ends too early after line "),
    (gzip.compress(b"{}")[:9], "The gzip data ends too early at its beginning."),
    (
        ",".join(f"c{n}" for n in range(10_000)).encode(),
        "Line 1: 10000 columns are more than the limit of 1000.",
    ),
    (b"a,b,a\n1,2,3\n", 'Line 1: the column "a" stands twice.'),
    (b'a,"b"x\n1,2\n', "Line 1: The record is not CSV: ',' expected after '\"'."),
    (b'a,b\n1,"' + b"x\n" * 80_000, "Line 2: the record is longer than the limit of 100000 bytes."),
    (STRAY, f"{OPEN} line 307: unexpected end of data. Where the next record begins cannot be told."),
    (STRAY + b'"x",y\n', f"{OPEN} line 308: ',' expected after '\"'. Where the next record begins"),
    (
        b'a,b\n1,"' + b"x\n" * 80_000,
        "Line 2: the record is longer than the limit of 100000 bytes. A quote in it is open in line 50000.",
    ),
    (b"a,b\n" + b"x" * 200_000, "Line 2: the record is longer than the limit of 100000 bytes."),
    (b"PAR1" + bytes(50) + b"PAR1", "The Parquet data cannot be read: "),
    (parquet(TABLE)[:-30], "The Parquet data cannot be read: "),
    (parquet([{"a": b"x"}]), 'The column "a" has the type binary, which'),
    (parquet([{f"c{n}": 1 for n in range(1001)}]), "1001 columns are more than the limit of 1000."),
]


@pytest.mark.parametrize(("data", "reason"), FAULTS, ids=range(len(FAULTS)))
def test_a_file_that_cannot_be_read_is_said_in_a_sentence(data: bytes, reason: str) -> None:
    assert refusal(data).startswith(reason)


def test_a_nested_parquet_type_without_like_in_json_is_said() -> None:
    file = io.BytesIO()
    maps = pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int64()))
    pq.write_table(pa.table({"a": ["x"], "m": pa.StructArray.from_arrays([maps], ["inner"])}), file)
    assert refusal(file.getvalue()).startswith('The column "m" has the type struct<inner: map<string, int64')


def test_without_pyarrow_parquet_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    assert refusal(b"PAR1").startswith("Parquet files need the package pyarrow: install it")


def test_any_bytes_are_rows_or_a_sentence() -> None:
    said = []

    @settings(deadline=None)  # some of them begin as Parquet does
    @given(
        st.one_of(st.binary(), st.binary().map(lambda b: b"[{" + b), st.binary().map(lambda b: b"a,b\n" + b))
    )
    def check(data: bytes) -> None:
        try:
            list(read(data))
        except ValidationError as error:
            said.append(str(error.messages[0]))

    check()
    assert [text for text in said if not text.endswith(".")] == []
