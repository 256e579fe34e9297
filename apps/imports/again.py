"""Another try at a file whose import came to nothing."""

import os
import shutil
from contextlib import ExitStack

from django.db import transaction

from apps.accounts.models import User
from apps.core.errors import conflict
from apps.imports.choose import rows_of
from apps.imports.models import Import
from apps.imports.receive import describe, no_room
from apps.imports.recognise import COLUMNS


def try_again(found: Import, *, created_by: User | None) -> Import:
    """A new import of the same file, which waits to be told what is what, with the choices of `found`.

    Raises ValidationError (conflict) where it has not failed, or its file is no longer kept.
    """
    if not found.is_fruitless:
        raise conflict(f"{found} is {found.state_in_words.lower()}: only what failed is tried again.")
    fresh = Import(
        file_name=found.file_name,
        size=found.size,
        sha256=found.sha256,
        source=found.source,
        on_error=found.on_error,
        duplicates=found.duplicates,
        created_by=created_by,
    )
    _share_file(found, fresh)
    with ExitStack() as undoing:
        undoing.callback(fresh.path.unlink)
        with rows_of(fresh) as rows:
            describe(fresh, rows)
        if found.format == COLUMNS:
            fresh.format, fresh.mapping, fresh.reason = "", found.mapping, ""
        with transaction.atomic():
            fresh.save(force_insert=True)
        undoing.pop_all()
    return fresh


def _share_file(found: Import, fresh: Import) -> None:
    """Two names of one file, which is there until both are deleted."""
    try:
        os.link(found.path, fresh.path)
    except FileNotFoundError as error:
        raise conflict(f"The file of {found} is not kept any more. Upload it again to try again.") from error
    except OSError:  # a disk without such links
        try:
            shutil.copyfile(found.path, fresh.path)
        except OSError as error:
            fresh.path.unlink(missing_ok=True)
            raise no_room(error) from error
