"""What would stop the server, said in one sentence before it starts."""

import errno
import socket
import sys

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured


def check_secret_key() -> None:
    try:
        settings.SECRET_KEY  # noqa: B018 - Django refuses an empty one when it is asked for it
    except ImproperlyConfigured:
        sys.exit(
            "Set TUNIXRT_SECRET_KEY to 32 or more random characters, or TUNIXRT_OPEN=1 for this machine only."
        )


def check_port(host: str, port: int) -> None:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OverflowError:
            sys.exit(f"{port} is no port. Choose one from 1 to 65535 with --port.")
        except OSError as error:
            taken = error.errno == errno.EADDRINUSE
            reason = "is taken. Choose another with --port" if taken else f"cannot be used: {error.strerror}"
            sys.exit(f"Port {port} of {host} {reason}.")
