import stat
from pathlib import Path

import pytest

from apps.core.files import atomic_write


def test_a_file_appears_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "letters.txt"
    with atomic_write(path) as file:
        file.write(b"abc")
        assert not path.exists()
    assert path.read_bytes() == b"abc"
    assert [*path.parent.iterdir()] == [path]


class Interrupted(BaseException):
    """Also what is no Exception, such as Ctrl-C, leaves nothing behind."""


def write_half(path: Path) -> None:
    with atomic_write(path) as file:
        file.write(b"half")
        raise Interrupted


def test_a_failure_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(Interrupted):
        write_half(tmp_path / "letters.txt")
    assert [*tmp_path.iterdir()] == []


def test_a_failure_keeps_the_file_that_was_there(tmp_path: Path) -> None:
    path = tmp_path / "letters.txt"
    path.write_bytes(b"old")
    with pytest.raises(Interrupted):
        write_half(path)
    assert ([*tmp_path.iterdir()], path.read_bytes()) == ([path], b"old")


def test_a_new_file_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "letters.txt"
    path.write_bytes(b"old")
    with path.open("rb") as before:
        with atomic_write(path) as file:
            file.write(b"new")
        assert before.read() == b"old"  # whoever reads goes on reading what was there
    assert path.read_bytes() == b"new"


def test_the_file_gets_the_rights_of_any_new_file_or_fewer(tmp_path: Path) -> None:
    (tmp_path / "any").touch()
    rights = {}
    for name, options in (("open", {}), ("private", {"mode": 0o600})):
        with atomic_write(tmp_path / name, **options):
            pass
        rights[name] = stat.S_IMODE((tmp_path / name).stat().st_mode)
    assert rights == {"open": stat.S_IMODE((tmp_path / "any").stat().st_mode), "private": 0o600}
