from typing import Any

from django.core.management.commands import flush

from apps.audit.append_only import emptying


class Command(flush.Command):
    """Django's, that the record of acts goes with the rest."""

    def handle(self, **options: Any) -> None:
        # Here and not within, where everybody who writes would wait for the answer.
        if (
            options["interactive"]
            and input("This deletes ALL data of the place. Type yes to go on: ") != "yes"
        ):
            self.stdout.write("Nothing was deleted.")
            return
        with emptying():
            super().handle(**{**options, "interactive": False})
