from django.db import transaction

from apps.accounts.models import User
from apps.audit.record import Verb, record_act
from apps.core.errors import field_error
from apps.imports.choose import Terms
from apps.imports.models import SavedMapping


def save_mapping(name: str, terms: Terms, *, created_by: User | None) -> None:
    """Nothing without a name. Raises ValidationError where the name says another mapping."""
    if not name or terms.mapping is None:
        return
    mapping = terms.mapping.model_dump(exclude_defaults=True)
    with transaction.atomic():
        saved, is_new = SavedMapping.objects.get_or_create(
            name=name, defaults={"mapping": mapping, "created_by": created_by}
        )
        if is_new:
            record_act(Verb.SAVED_MAPPING, name, details={"mapping": mapping})
    if not is_new and saved.mapping != mapping:
        raise field_error("save_as", "There are other columns under this name. Choose another.")
