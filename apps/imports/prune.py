"""Files of imports that are not waited for any more go."""

import time
from pathlib import Path
from uuid import UUID

from django.utils import timezone

from apps.imports.models import FILE_KEPT, Import, import_folder
from apps.jobs.chores import hourly

# So new a file may be one whose record is being stored.
_NEW_SECONDS = 24 * 3600


@hourly
def prune_files() -> bool:
    """Those of imports that came to nothing after a while; and whatever a killed process left behind."""
    found = {id: path for path in import_folder().glob("*") if (id := _id_of(path))}
    wanted = Import.objects.with_keys([*found]).wanting_files(timezone.now() - FILE_KEPT)
    kept = {*wanted.values_list("pk", flat=True)}
    for id, path in found.items():
        if id not in kept and _is_old(path):
            path.unlink(missing_ok=True)
    return False


def _id_of(path: Path) -> UUID | None:
    """None for what is no upload: a report, or a file on its way."""
    try:
        return UUID(path.name)
    except ValueError:
        return None


def _is_old(path: Path) -> bool:
    try:
        return path.stat().st_mtime < time.time() - _NEW_SECONDS
    except FileNotFoundError:
        return False
