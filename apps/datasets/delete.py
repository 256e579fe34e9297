from django.db import transaction
from django.db.models import ProtectedError
from django.utils import timezone

from apps.accounts.models import User
from apps.audit.record import Verb, record_act
from apps.core.errors import conflict, join_names
from apps.datasets.export import delete_exports
from apps.datasets.models import Dataset, Tombstone


def delete_dataset(dataset: Dataset, *, deleted_by: User | None, force: bool = False) -> None:
    """Delete one build, leaving a tombstone; with `force` also what was made from it.

    Raises ValidationError (conflict) while something uses it.
    """
    with transaction.atomic():
        Tombstone.objects.create(
            key=dataset.key,
            build_id=dataset.build_id,
            content_digest=dataset.content_digest,
            deleted_at=timezone.now(),
            deleted_by=deleted_by,
        )
        rows, details = 1, {"build_id": str(dataset.build_id)}
        try:
            dataset.delete()
        except ProtectedError as error:
            if not force:
                users = join_names(sorted(map(str, error.protected_objects)))
                message = f"{dataset.key} is used by {users}. Delete these first, or say force=true."
                raise conflict(message) from error
            for user in error.protected_objects:
                user.delete()
                rows += 1
            dataset.delete()
        record_act(Verb.DELETED_DATASET, dataset.key, rows=rows, details=details)
        transaction.on_commit(lambda: delete_exports(dataset))
