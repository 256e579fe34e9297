from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Any


@cache
def has_ungar() -> bool:
    return find_spec("ungar") is not None


def ungar_version() -> str | None:
    try:
        return version("ungar") if has_ungar() else None
    except PackageNotFoundError:  # importable from a folder, not installed
        return None


def ungar_status() -> dict[str, Any]:
    return {"available": has_ungar(), "version": ungar_version()}
