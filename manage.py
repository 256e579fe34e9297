#!/usr/bin/env python
import os
import signal
import sys

from django.conf import settings
from django.core.management import execute_from_command_line
from django.db import OperationalError


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tunixrt.settings")
    if sys.argv[1:2] == [
        "runserver"
    ]:  # Django's server is for development, and so is its start without settings
        os.environ.setdefault("TUNIXRT_DEBUG", "1")
    # A command needs one connection and not a pool of them, and hears at once why it cannot have it.
    settings.DATABASES["default"]["OPTIONS"].pop("pool", None)
    try:
        execute_from_command_line(sys.argv)
    except BrokenPipeError:  # the reader of a pipe, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt:  # Ctrl-C, also before the command can see to it itself
        sys.exit(128 + signal.SIGINT)
    except OperationalError as error:
        reason = " ".join(str(error).split())
        sys.exit(f"The database cannot be used: {reason}. Check DATABASE_URL and that its server runs.")


if __name__ == "__main__":
    main()
