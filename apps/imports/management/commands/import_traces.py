import os
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

from django.conf import settings
from django.core.management.base import CommandError, CommandParser
from tqdm import tqdm

from apps.core.commands import ActCommand
from apps.imports.lines import Line, read_lines
from apps.imports.load import AUTO, FORMATS, Rejection, load_traces

PLAIN_EVERY = 10_000


class Command(ActCommand):
    help = "Import traces from a JSON Lines file, plain or gzip, in one transaction."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", help="the file, or - for standard input")
        parser.add_argument("--format", choices=[AUTO, *FORMATS], default=AUTO)
        parser.add_argument("--source", help="becomes meta.source of every trace, in place of its own")
        parser.add_argument("--dry-run", action="store_true", help="read and check, store nothing")
        parser.add_argument(
            "--on-error",
            choices=["stop", "skip"],
            default="stop",
            help="stop at the first bad line and store nothing (default), or report it and go on",
        )

    def act(self, **options: Any) -> None:
        started = time.monotonic()
        self.is_skipping = options["on_error"] == "skip"
        with _opened(options["file"]) as stream:
            report = load_traces(
                self._watched(read_lines(stream, 4 * settings.TRACE_MAX_BYTES)),
                format=options["format"],
                source=options["source"],
                created_by=None,
                is_dry_run=options["dry_run"],
                reject=self._reject,
            )
        if not report.stored and not report.rejected:
            raise CommandError("The file holds no rows. Nothing was stored.")
        act = "Would store" if options["dry_run"] else "Stored"
        self.stdout.write(
            f"{act} {report.stored} traces (format {report.format}) in {time.monotonic() - started:.1f} s, "
            f"{report.rejected} lines rejected. Ingest id: {report.ingest_id}"
        )

    def _reject(self, rejection: Rejection) -> None:
        text = f"line {rejection.line}: {rejection.reason.rstrip('.')}."
        if not self.is_skipping:
            raise CommandError(f"{text} Nothing was stored.")
        self.stderr.write(text)

    def _watched(self, lines: Iterable[Line]) -> Iterator[Line]:
        """A bar on a terminal; in a pipe a plain line now and then."""
        if self.stderr.isatty():
            yield from tqdm(lines, unit=" lines", file=self.stderr)
            return
        for count, line in enumerate(lines, 1):
            yield line
            if count % PLAIN_EVERY == 0:
                self.stderr.write(f"{count} lines read")


@contextmanager
def _opened(name: str) -> Iterator[BinaryIO]:
    if name == "-":
        yield sys.stdin.buffer
        return
    try:
        with open(name, "rb") as file:
            yield file
    except OSError as error:
        raise CommandError(f"{name} cannot be read: {os.strerror(error.errno or 0)}.") from error
