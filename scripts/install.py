"""Make .venv hold what a lock says, and nothing be done when it does already."""

import hashlib
import importlib.util
import subprocess
import sys
from pathlib import Path

from packages import install_packages

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"

# A lock that is part of another, with the same versions: who has the larger one has both.
PARTS = {"requirements-dev.txt": "requirements.txt"}


def install_lock(lock: str) -> None:
    if _is_installed(lock):
        return
    _create()
    print(f"Installing {lock} into .venv ...", flush=True)
    command = [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
    if subprocess.run([*command, "--require-hashes", "--requirement", str(ROOT / lock)]).returncode:
        sys.exit(f"The packages of {lock} could not be installed. pip says above why.")
    for name in filter(None, (lock, PARTS.get(lock))):
        _stamp_file(name).write_text(_stamp(name))


def _stamp_file(lock: str) -> Path:
    return VENV / f"{lock}.stamp"


def _stamp(lock: str) -> str:
    """The lock, and the Python for which it was installed: an upgraded one finds no package of the old."""
    return f"{_version()} {hashlib.sha256((ROOT / lock).read_bytes()).hexdigest()}\n"


def _version() -> str:
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def _is_installed(lock: str) -> bool:
    stamp = _stamp_file(lock)
    return PYTHON.exists() and stamp.exists() and stamp.read_text() == _stamp(lock)


def _create() -> None:
    if _is_venv():
        return
    install_packages(packages_for_venv())
    if subprocess.run([sys.executable, "-m", "venv", "--clear", VENV]).returncode:
        sys.exit(f"{sys.executable} cannot make {VENV}. It says above why.")


def _is_venv() -> bool:
    return PYTHON.exists() and (VENV / "lib" / f"python{_version()}" / "site-packages" / "pip").exists()


def packages_for_venv() -> list[str]:
    """Debian keeps a part of the venv module, ensurepip, in a package of its own."""
    return [] if _is_venv() or importlib.util.find_spec("ensurepip") else ["python3-venv"]


if __name__ == "__main__":
    install_lock(sys.argv[1])
