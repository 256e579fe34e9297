import os
import re
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from typing import Any, BinaryIO, Literal, get_args

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import CommandError, CommandParser

from apps.core.commands import ActCommand, watched
from apps.core.errors import from_json_error, sentence
from apps.core.json import JSONError, compact_json, parse_json
from apps.core.requests import validate
from apps.core.sql import much_written
from apps.formats.reasoning import CUTS
from apps.imports.apart import is_big, prepared
from apps.imports.choose import Terms
from apps.imports.duplicates import Seen
from apps.imports.load import Duplicates, Loader, OnError, Report, try_traces
from apps.imports.parse import Parsed, Rejection, preview
from apps.imports.prepare import Chunk, Plan, prepare_rows
from apps.imports.read import Rows, read_rows
from apps.imports.recognise import AUTO, FORMATS, Recipe
from apps.imports.record import Measured, new_record, recorded

SHOWN_REJECTIONS = 20
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x0c\x0e-\x1f\x7f-\x9f]")


class Command(ActCommand):
    help = (
        "Import traces from JSON Lines, a JSON array, CSV or TSV, plain, gzip or zstd, or Parquet. "
        "Container and format are recognised from the content. What is stopped or fails leaves nothing."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", help="the file, or - for standard input")
        parser.add_argument("--format", choices=[AUTO, *FORMATS], default=AUTO)
        parser.add_argument("--prompt", metavar="COLUMN", help="own columns: a name, or a path such as a.0.b")
        parser.add_argument("--answer", metavar="COLUMN", help="the answer; without --steps, with its steps")
        parser.add_argument("--steps", metavar="COLUMN", help="the reasoning: a list, or a text to be cut")
        parser.add_argument("--cut", choices=[*CUTS], help="how a text is cut into steps (default auto)")
        parser.add_argument("--mapping", metavar="FILE", help="a mapping as JSON, in place of the columns")
        parser.add_argument("--source", help="becomes meta.source of every trace, in place of its own")
        parser.add_argument("--preview", action="store_true", help="show the first ten rows, store nothing")
        parser.add_argument("--dry-run", action="store_true", help="read and check all, store nothing")
        parser.add_argument("--report", metavar="FILE", help="write the rejected rows there as JSON Lines")
        parser.add_argument(
            "--on-error",
            choices=get_args(OnError),
            default="stop",
            help="stop at the first bad row and store nothing (default), skip bad rows, or read all rows, "
            "report the bad ones, and store nothing if there are any",
        )

        parser.add_argument(
            "--duplicates",
            choices=get_args(Duplicates),
            default="skip",
            help="what is there already, equal in prompt, steps and answer but for white space: skip it and "
            "count it (default), or keep it",
        )

    def act(self, **options: Any) -> None:
        terms = _terms(options)
        _check_report(options["report"], options["file"])
        self.started = time.monotonic()
        with _opened(options["file"]) as stream, _created(options["report"]) as file:
            measured = Measured(stream)
            rows = read_rows(measured.source, 4 * settings.TRACE_MAX_BYTES)
            plan = terms.plan_for(rows, is_dry_run=options["dry_run"])
            if options["preview"]:
                self._show(rows, plan.recipe, terms.source)
                return
            try:
                report = self._load(rows, plan, terms, measured, file, options)
            except ValidationError as error:
                raise CommandError(f"{sentence(error)} Nothing was stored.") from error
            self.stdout.write(self._conclusion(report, rows, plan))

    def _load(
        self,
        rows: Rows,
        plan: Plan,
        terms: Terms,
        measured: Measured,
        file: "_File | None",
        options: dict[str, Any],
    ) -> Report:
        self.told = 0
        loader = Loader(
            on_error=terms.on_error,
            duplicates=terms.duplicates,
            created_by=None,
            reject=lambda rejection: self._reject(rejection, rows.unit, file, terms.on_error),
            seen=Seen() if plan.is_dry_run else None,
        )
        with _chunks(options["file"], rows, plan, measured) as groups:
            told = watched(groups, "rows read", self.stderr, size=_count_rows)
            if plan.is_dry_run:
                report = try_traces(told, loader)
                _check_outcome(report, options)
                return report
            name = "standard input" if options["file"] == "-" else os.path.basename(options["file"])
            with recorded(new_record(name, rows, plan.recipe, terms), measured) as recording:
                recording.load(told, loader)
                _check_outcome(recording.report, options)
        return recording.report

    def _conclusion(self, report: Report, rows: Rows, plan: Plan) -> str:
        act = "Would store" if plan.is_dry_run else "Stored"
        seconds = time.monotonic() - self.started
        twice = f", {report.duplicates} duplicates skipped" if report.duplicates else ""
        return (
            f"{act} {report.stored} traces ({rows.description}; format {plan.recipe.description}) in "
            f"{seconds:.1f} s, {report.rejected} rows rejected{twice}. Ingest id: {report.ingest_id}"
        )

    def _reject(self, rejection: Rejection, unit: str, file: "_File | None", on_error: str) -> None:
        if file:
            file.write(rejection.line())
        text = f"{unit} {rejection.place}: {rejection.sentence.rstrip('.')}."
        if on_error == "stop":
            raise CommandError(f"{text} Nothing was stored.")
        self.told += 1
        if not file or self.told <= SHOWN_REJECTIONS:
            self.stderr.write(text)
        elif self.told == SHOWN_REJECTIONS + 1:
            self.stderr.write("More stand in the report.")

    def _show(self, rows: Rows, recipe: Recipe, source: str | None) -> None:
        self.stdout.write(f"{rows.description}; format {recipe.description}. Nothing is stored.")
        for parsed in preview(rows, recipe, source=source):
            self.stdout.write(f"\n{rows.unit} {parsed.place}")
            self.stdout.write("\n".join(_shown(parsed)))


def _count_rows(chunks: list[Chunk]) -> int:
    return sum(chunk.read for chunk in chunks)


@contextmanager
def _chunks(name: str, rows: Rows, plan: Plan, measured: Measured) -> Iterator[Iterator[list[Chunk]]]:
    """Of a big file by a process of its own, which reads it from its beginning."""
    if not (os.path.isfile(name) and is_big(measured.size, is_packed=rows.is_packed)):
        yield ([chunk] for chunk in prepare_rows(rows, plan))
        return
    rows.close()
    with _open(name, "rb", "read") as file, prepared(file, plan, is_apart=True) as groups, much_written():
        yield groups


def _shown(parsed: Parsed) -> Iterator[str]:
    if parsed.rejection:
        yield f"  refused  {parsed.rejection.sentence}"
    if trace := parsed.payload:
        yield f"  prompt   {_indented(trace.prompt)}"
        for number, content in enumerate(trace.contents, 1):
            yield f"  step {number:<4}{_indented(content)}"
        yield f"  answer   {_indented(trace.final_answer)}"
        yield f"  meta     {compact_json(trace.meta)}"


def _indented(text: str) -> str:
    """What would steer the terminal is shown as a box."""
    return "\n           ".join(_CONTROL.sub("\N{WHITE SQUARE}", text).splitlines())


def _check_outcome(report: Report, options: dict[str, Any]) -> None:
    if not report.read:
        raise CommandError("The file holds no rows. Nothing was stored.")
    if report.rejected and options["on_error"] != "skip":
        told = f" They are in {options['report']}." if options["report"] else ""
        raise CommandError(f"{report.rejected} of {report.read} rows rejected.{told} Nothing was stored.")


def _terms(options: dict[str, Any]) -> Terms:
    """Raises ValidationError."""
    columns = {name: options[name] for name in ("prompt", "answer", "steps") if options[name]}
    if sum([bool(columns), bool(options["mapping"]), options["format"] != AUTO]) > 1:
        raise CommandError("Say the format, or the columns, or a mapping: one of them.")
    names = ("format", "cut", "source", "on_error", "duplicates")
    values = {name: options[name] for name in names if options[name] is not None}
    if options["mapping"]:
        columns = _read_mapping(options["mapping"])
    if columns:
        values["mapping"] = columns | ({"cut": values.pop("cut")} if "cut" in values else {})
    return validate(Terms, values)


def _read_mapping(name: str) -> dict[str, Any]:
    with _open(name, "rb", "read") as file:
        try:
            mapping = parse_json(file.read())
        except JSONError as error:
            raise from_json_error(error, "mapping") from error
    if not isinstance(mapping, dict):
        raise CommandError(f"{name} must hold a JSON object.")
    return mapping


def _check_report(report: str | None, file: str) -> None:
    if report and os.path.exists(report) and os.path.exists(file) and os.path.samefile(report, file):
        raise CommandError("The report would take the place of the file that is read. Name another.")


def _opened(name: str) -> AbstractContextManager[BinaryIO]:
    return nullcontext(sys.stdin.buffer) if name == "-" else _open(name, "rb", "read")


class _File:
    """The report. What was written to it is on the disk, or CommandError says why not."""

    def __init__(self, name: str) -> None:
        self._name, self._file = name, _open(name, "wb", "written")

    def write(self, line: bytes) -> None:
        try:
            self._file.write(line)
            self._file.flush()
        except OSError as error:
            raise CommandError(f"{_cannot(self._name, 'written', error)} Nothing was stored.") from error

    def close(self) -> None:
        with suppress(OSError):  # of what could not be written, which is said already
            self._file.close()


@contextmanager
def _created(name: str | None) -> Iterator[_File | None]:
    if name is None:
        yield None
        return
    file = _File(name)
    try:
        yield file
    finally:
        file.close()


def _open(name: str, mode: Literal["rb", "wb"], verb: str) -> BinaryIO:
    try:
        return open(name, mode)
    except OSError as error:
        raise CommandError(_cannot(name, verb, error)) from error


def _cannot(name: str, verb: str, error: OSError) -> str:
    return f"{name} cannot be {verb}: {os.strerror(error.errno or 0)}."
