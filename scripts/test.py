"""Run every test on SQLite and on PostgreSQL, both at once, with what they need made and cleaned up."""

import ctypes
import fcntl
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import IO

from install import PYTHON, ROOT, VENV, install_lock, packages_for_venv
from packages import install_packages
from postgres import running_postgres, stop_left_over

# A file for each run that has not ended; who runs holds a lock on it, which a killed run cannot keep.
RUNS = VENV / "test-runs"
END_SECONDS = 20
INTERRUPTED = 130

_ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

_OWN_VARIABLES = ("TUNIXRT_", "DATABASE_URL", "TRACE_MAX_BYTES", "PYTEST_ADDOPTS")


class Run:
    """One pytest, its output in a file."""

    def __init__(self, name: str, database_url: str, folder: Path, arguments: list[str]) -> None:
        self.name = name
        self.folder = folder / name.lower()
        self.folder.mkdir()
        self.output = self.folder / "output"
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [PYTHON, "-m", "pytest", "-p", "no:cacheprovider", *arguments],
                cwd=ROOT,
                env=_environment(self.folder, database_url),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait(self) -> int:
        status = self.process.wait()
        print(f"\n--- {self.name} ---\n{self._text()}", flush=True)
        return status

    def stop(self) -> None:
        """As Ctrl-C would, so that fixtures end what they started."""
        if self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    @property
    def summary(self) -> str:
        lines = self._text().splitlines()
        return f"{self.name}: {lines[-1] if lines else 'pytest said nothing'}"

    def _text(self) -> str:
        return self.output.read_text(errors="replace").rstrip()


def _environment(folder: Path, database_url: str) -> dict[str, str]:
    """Closed by default, as a server is; nothing of the caller's own settings."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(_OWN_VARIABLES)}
    environment |= {
        "TUNIXRT_DATA_DIR": str(folder / "data"),
        "TUNIXRT_SECRET_KEY": secrets.token_urlsafe(48),
        "TMPDIR": str(folder),
        "DATABASE_URL": database_url,
    }
    return environment


def main(arguments: list[str]) -> int:
    for number in _ENDINGS:
        signal.signal(number, _interrupt)
    install_packages(_lacking())
    install_lock("requirements-dev.txt")
    _sweep()
    try:
        with _run_folder() as folder, running_postgres(folder / "server") as database_url:
            return _run_all(folder, database_url, arguments)
    except KeyboardInterrupt:
        print("\nInterrupted.", file=sys.stderr)
        return INTERRUPTED


def _interrupt(number: int, frame: FrameType | None) -> None:
    """Once: a second signal must not interrupt the cleaning up."""
    for ending in _ENDINGS:
        signal.signal(ending, signal.SIG_IGN)
    raise KeyboardInterrupt


def _lacking() -> list[str]:
    """Debian packages of what the tests use and that is not here."""
    programs = {
        "curl": ["curl"],
        "jq": ["jq"],
        "redis-server": ["redis-server"],
        "chromium": ["chromium", "chromium-browser", "google-chrome"],
    }
    lacking = packages_for_venv()
    lacking += [package for package, names in programs.items() if not any(map(shutil.which, names))]
    try:
        ctypes.CDLL("libatomic.so.1")
    except OSError:
        lacking.append("libatomic1")
    return lacking


def _run_all(folder: Path, database_url: str, arguments: list[str]) -> int:
    print("Testing on SQLite and on PostgreSQL ...", flush=True)
    runs: list[Run] = []
    try:
        for name, url in (("SQLite", ""), ("PostgreSQL", database_url)):
            runs.append(Run(name, url, folder, arguments))
        statuses = [run.wait() for run in runs]
    finally:
        for run in runs:
            run.stop()
    print("", *(run.summary for run in runs), sep="\n", flush=True)
    return int(any(statuses))


@contextmanager
def _run_folder() -> Iterator[Path]:
    """A temporary folder that a later run can find and remove if this one is killed."""
    RUNS.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="tunixrt-test-"))
    folder.chmod(0o755)  # PostgreSQL runs as another account when this runs as root
    record = RUNS / folder.name
    with record.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        print(folder, file=file, flush=True)
        try:
            yield folder
        finally:
            _remove(folder, record)


def _sweep() -> None:
    for record in RUNS.glob("*"):
        with record.open() as file:
            if _is_abandoned(file):
                folder = Path(file.read().strip() or record)
                stop_left_over(folder / "server")
                _remove(folder, record)


def _is_abandoned(record: IO[str]) -> bool:
    try:
        fcntl.flock(record, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _remove(folder: Path, record: Path) -> None:
    """The folder, and first whatever still runs with its data in there: a killed test ends no server."""
    _kill_users(folder)
    shutil.rmtree(folder, ignore_errors=True)
    record.unlink(missing_ok=True)


def _kill_users(folder: Path) -> None:
    wanted = f"TUNIXRT_DATA_DIR={folder}/".encode()
    for environment in Path("/proc").glob("[0-9]*/environ"):
        try:
            if wanted in environment.read_bytes():
                os.kill(int(environment.parent.name), signal.SIGKILL)
        except OSError:  # of another account, or ended meanwhile
            continue
    time.sleep(0.1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
