"""A backup of a place that is in use, put back whole: on the same kind of database and on the other."""

import errno
import io
import json
import stat
import subprocess
import tarfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import OperationalError

from tunixrt.backup import write_backup
from tunixrt.restore import restore_backup
from tunixrt.tests.live import LiveServer, live_server, manage, migrated_database

FORMATS = ("trace", "tunix_sft", "training_example")


def run(server: LiveServer, command: str, *arguments: str) -> tuple[int, str]:
    """Exit code, and what was said by it or of its refusal."""
    done = subprocess.run(
        [*manage(command), *arguments], env=server.environment, capture_output=True, text=True, timeout=120
    )
    return done.returncode, done.stdout if done.returncode == 0 else done.stderr


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    with live_server(Path(tmp_path_factory.mktemp("source")), "--no-worker", "--first-run") as started:
        yield started


@pytest.fixture
def place(tmp_path: Path) -> Iterator[LiveServer]:
    """Migrated and empty; nothing serves it yet."""
    with migrated_database(tmp_path / "place") as database_url:
        unused = LiveServer(tmp_path / "place", database_url)
        yield unused
        unused.kill()


@pytest.fixture
def other(tmp_path: Path) -> Iterator[LiveServer]:
    """On SQLite, whatever the tests run on."""
    (tmp_path / "other").mkdir()
    unused = LiveServer(tmp_path / "other", f"sqlite:///{tmp_path / 'other' / 'live.sqlite3'}")
    assert run(unused, "migrate", "--verbosity", "0") == (0, "")
    yield unused
    unused.kill()


def batch(prompt: str, size: int) -> list[dict[str, Any]]:
    steps = [{"i": 0, "type": "t", "content": "27 × 19\n\u2028"}]
    meta = {"source": "backed up", "nested": {"z": [1.5, None, True], "a": "\u202e"}}
    trace = {"trace_version": "1.0", "prompt": prompt, "final_answer": "4", "steps": steps, "meta": meta}
    return [trace] * size


def download(server: LiveServer, key: str, format: str) -> bytes:
    connection = server.connect()
    connection.request("GET", f"/api/datasets/{key}/export.jsonl?format={format}")
    content = connection.getresponse().read()
    connection.close()
    return content


def seen(server: LiveServer) -> dict[str, Any]:
    """What the datasets are, byte by byte."""
    keys = [item["dataset_key"] for item in server.call("GET", "/api/datasets?limit=100")[1]["data"]]
    found: dict[str, Any] = {key: server.call("GET", f"/api/datasets/{key}")[1] for key in sorted(keys)}
    for key in keys:
        found |= {f"{key} {format}": download(server, key, format) for format in FORMATS}
    found["manifests"] = server.call("GET", "/api/tunix/manifests")[1]
    return found


def count_traces(server: LiveServer) -> int:
    count, cursor = 0, ""
    while True:
        page = server.call("GET", f"/api/traces?limit=100{cursor}")[1]
        count += len(page["data"])
        if page["pagination"]["next_cursor"] is None:
            return count
        cursor = f"&cursor={page['pagination']['next_cursor']}"


@pytest.mark.parametrize("ending", ["tar.zst", "tar.gz"])
def test_while_four_write_it_is_of_one_moment(
    server: LiveServer, place: LiveServer, tmp_path: Path, ending: str
) -> None:
    file, ended = tmp_path / f"backup.{ending}", Event()

    def write(writer: int) -> int:
        count = 0
        while not ended.is_set():
            count += server.call("POST", "/api/traces/batch", batch(f"writer {writer}", 50))[0] == 201
            time.sleep(0.1)
        return count

    before, expected = count_traces(server), seen(server)
    with ThreadPoolExecutor(4) as writers:
        wrote = [writers.submit(write, number) for number in range(4)]
        time.sleep(0.3)
        status, said = run(server, "backup", str(file))
        ended.set()
    assert status == 0, said
    assert min(writer.result() for writer in wrote) >= 1
    status, said = run(place, "restore", str(file))
    assert status == 0, said
    place.start("--no-worker")
    assert seen(place) == expected
    restored = count_traces(place)
    assert (restored - before) % 50 == 0, "a batch is there as a whole or not at all"
    assert before <= restored <= count_traces(server)
    # Numbers go on behind those that were restored.
    recipe = {"dataset_name": f"after {ending}", "dataset_version": "v1", "limit": 5}
    assert place.call("POST", "/api/datasets/build", recipe)[0] == 201


def test_the_files_come_along_and_are_served_as_they_are(
    server: LiveServer, place: LiveServer, tmp_path: Path
) -> None:
    download(server, "ungar_hcd-v1", "trace")
    assert run(server, "backup", str(tmp_path / "b.tar.zst"))[0] == 0
    assert run(place, "restore", str(tmp_path / "b.tar.zst"))[0] == 0
    rendered = sorted(path.name for path in (place.folder / "exports").iterdir())
    assert rendered
    assert all((server.folder / "exports" / name).exists() for name in rendered)
    assert [*place.folder.glob(".restore-*")] == []


def test_what_is_here_gives_way_only_when_that_is_said(
    server: LiveServer, other: LiveServer, place: LiveServer, tmp_path: Path
) -> None:
    """And a backup of one kind of database is restored into the other, and back."""
    first, second = str(tmp_path / "first.tar.zst"), str(tmp_path / "second.tar.gz")
    assert run(server, "backup", first)[0] == 0
    assert run(other, "restore", first)[0] == 0
    status, said = run(other, "restore", first)
    assert (status, "With --replace they give way to the backup." in said) == (1, True)
    assert run(other, "restore", first, "--replace")[0] == 0
    assert run(other, "backup", second)[0] == 0
    assert run(place, "restore", second)[0] == 0
    expected = seen(server)
    for restored in (other, place):
        restored.start("--no-worker")
        assert seen(restored) == expected
        verbs = [
            act["verb"] for act in restored.call("GET", "/api/audit?limit=1&actor=command%20line")[1]["data"]
        ]
        assert verbs[0] in ("restored", "backed-up")


@pytest.mark.parametrize(
    ("ending", "part"), [("tar.zst", 0.0), ("tar.zst", 0.5), ("tar.zst", 0.98), ("tar.gz", 0.98)]
)
def test_a_file_that_is_cut_off_changes_nothing(
    server: LiveServer, place: LiveServer, tmp_path: Path, ending: str, part: float
) -> None:
    file = tmp_path / f"whole.{ending}"
    assert run(server, "backup", str(file))[0] == 0
    cut = tmp_path / f"cut.{ending}"
    cut.write_bytes(file.read_bytes()[: int(file.stat().st_size * part)])
    status, said = run(place, "restore", str(cut))
    assert (status, said.splitlines()[-1]) in [
        (1, f"CommandError: cut.{ending} is damaged or cut off. Nothing was restored."),
        (1, f"CommandError: cut.{ending} is no backup of tunix-rt."),
    ]
    assert sorted(path.name for path in place.folder.iterdir() if path.name.startswith((".", "exp"))) == []
    assert run(place, "restore", str(file))[0] == 0  # which wants an empty place


def test_a_file_that_was_changed_is_not_taken(server: LiveServer, place: LiveServer, tmp_path: Path) -> None:
    download(server, "ungar_hcd-v1", "trace")
    (server.folder / "imports").mkdir(exist_ok=True)
    (server.folder / "imports" / "half.part").write_text("an upload that goes on")
    whole, changed = tmp_path / "whole.tar.gz", tmp_path / "changed.tar.gz"
    assert run(server, "backup", str(whole))[0] == 0
    assert stat.S_IMODE(whole.stat().st_mode) == 0o600
    names = rewrite(
        whole, changed, lambda name, data: data.upper() if name.endswith("-trace-1.jsonl") else data
    )
    assert [name for name in names if name.startswith("files/imports")] == []
    said = "CommandError: changed.tar.gz is damaged or cut off. Nothing was restored."
    assert run(place, "restore", str(changed))[1].splitlines()[-1] == said


@pytest.mark.django_db(transaction=True)
def test_a_database_that_takes_nothing_is_not_the_fault_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> None:
        raise OperationalError("database is locked")

    write_backup(tmp_path / "b.tar.zst", print)
    monkeypatch.setattr("tunixrt.restore._empty", refuse)
    with pytest.raises(ValidationError, match="The database did not take it: database is locked"):
        restore_backup(tmp_path / "b.tar.zst", replace=True, say=print)


@pytest.mark.django_db(transaction=True)
def test_a_folder_on_another_volume_stays_and_gets_the_files(
    tmp_path: Path, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    exports = data_dir / "exports"
    exports.mkdir()
    (exports / "a.jsonl").write_text("a")
    write_backup(tmp_path / "b.tar.zst", print)
    (exports / "a.jsonl").rename(exports / "b.jsonl")
    monkeypatch.setattr("tunixrt.restore.os.replace", refuse)
    restore_backup(tmp_path / "b.tar.zst", replace=True, say=print)
    assert [(path.name, path.read_text()) for path in exports.iterdir()] == [("a.jsonl", "a")]


def test_the_reason_is_a_sentence(place: LiveServer, tmp_path: Path) -> None:
    missing, folder = tmp_path / "missing.tar.gz", tmp_path / "no" / "b.tar.zst"
    folder.parent.touch()
    assert run(place, "restore", str(missing)) == (
        1,
        f"CommandError: {missing} cannot be restored: No such file or directory. Nothing has changed.\n",
    )
    assert run(place, "backup", "b.zip") == (1, "CommandError: b.zip must end in .tar.zst or .tar.gz.\n")
    status, said = run(place, "backup", str(folder))
    assert (status, said.splitlines()[-1].endswith("Nothing is left of it.")) == (1, True)


def test_one_of_another_version_is_refused(place: LiveServer, tmp_path: Path) -> None:
    file = tmp_path / "b.tar.gz"
    assert run(place, "backup", str(file))[0] == 0
    for name, words in (("newer", "Update first"), ("older", "Restore it there")):
        changed = tmp_path / f"{name}.tar.gz"
        rewrite(file, changed, partial(with_migrations, is_newer=name == "newer"))
        status, said = run(place, "restore", str(changed))
        assert (status, words in said, len(said.splitlines())) == (1, True, 1)


def rewrite(file: Path, target: Path, change: Callable[[str, bytes], bytes]) -> list[str]:
    """The names of the members."""
    names = []
    with tarfile.open(file) as old, tarfile.open(target, "w:gz") as new:
        for member in old:
            content = old.extractfile(member)
            assert content is not None
            data = change(member.name, content.read())
            member.size = len(data)
            new.addfile(member, io.BytesIO(data))
            names.append(member.name)
    return names


def with_migrations(name: str, data: bytes, *, is_newer: bool) -> bytes:
    """With a migration more or less."""
    if name != "backup.json":
        return data
    head = json.loads(data)
    known = head["migrations"]
    head["migrations"] = [*known, "traces.9999_later"] if is_newer else known[:-1]
    return json.dumps(head).encode()
