"""Whether Google Tunix is installed here, found without importing it: that takes seconds and JAX."""

from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Any

MESSAGE = (
    "Tunix artifacts (JSONL + manifests) can be generated without Tunix runtime. "
    "Compatible with Tunix SFT workflows."
)


@cache
def tunix_version() -> str | None:
    """None where it cannot be imported."""
    if find_spec("tunix") is None:
        return None
    try:
        return version("google-tunix")
    except PackageNotFoundError:  # some other package named tunix
        return None


def tunix_status() -> dict[str, Any]:
    found = tunix_version()
    return {
        "available": found is not None,
        "version": found,
        "runtime_required": False,
        "message": MESSAGE,
    }
