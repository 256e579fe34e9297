from typing import Any

from django.core.management.commands import flush

from apps.audit.append_only import emptying


class Command(flush.Command):
    """Django's, which asks before it empties the whole database: the record of acts goes with the rest."""

    def handle(self, **options: Any) -> None:
        with emptying():
            super().handle(**options)
