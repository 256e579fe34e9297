from datetime import timedelta
from typing import Any

from django.core.management.base import CommandError, CommandParser

from apps.accounts.models import ApiToken, User
from apps.accounts.tokens import create_token
from apps.core.commands import ActCommand, positive

SERVICE_ACCOUNT = "api"


class Command(ActCommand):
    help = "Create an API token and print it. It is stored hashed: this is the only time it is shown."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="what the token is for")
        parser.add_argument(
            "--user",
            help=f'whose token it is (default: the account "{SERVICE_ACCOUNT}", made when missing, no staff)',
        )
        parser.add_argument("--read-only", action="store_true", help="the token may read only")
        parser.add_argument("--expires", type=positive, metavar="DAYS", help="days until it expires")

    def act(self, **options: Any) -> None:
        scope = ApiToken.Scope.READ_ONLY if options["read_only"] else ApiToken.Scope.READ_WRITE
        days = options["expires"]
        lifetime = None if days is None else timedelta(days=days)
        _, token = create_token(_owner(options["user"]), options["name"], scope, lifetime)
        self.stdout.write(token)


def _owner(name: str | None) -> User:
    if name is None:
        # create_user leaves the account without a usable password: it cannot sign in.
        found = User.objects.filter(username=SERVICE_ACCOUNT).first()
        return found or User.objects.create_user(SERVICE_ACCOUNT)
    try:
        return User.objects.get(username=name)
    except User.DoesNotExist as error:
        raise CommandError(f"No such user: {name}. Create one with manage.py createsuperuser.") from error
