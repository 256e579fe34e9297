"""Who may come in without an account: nobody, but on an open server the machine that it runs on."""

from functools import lru_cache
from ipaddress import ip_address

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from apps.accounts.models import User

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")


def is_open_to(request: HttpRequest) -> bool:
    """Whether this request comes from the very machine of a server that is open to it.

    A proxy on the same machine must not open the place to the world: what it forwards does not count.
    """
    return (
        settings.OPEN
        and _is_loopback(request.META.get("REMOTE_ADDR", ""))
        and _host_name(request) in LOOPBACK_NAMES
        and not _is_forwarded(request)
    )


def require_staff(user: User | AnonymousUser, act: str) -> None:
    """Raise PermissionDenied (403) unless the caller is staff; `act` completes "Only staff may ..."."""
    if not user.is_staff:
        raise PermissionDenied(f"Only staff may {act}.")


def is_cross_site(request: HttpRequest) -> bool:
    """Whether a page of another origin made the browser send this."""
    if request.META.get("HTTP_SEC_FETCH_SITE", "none") not in ("none", "same-origin"):
        return True
    origin = request.META.get("HTTP_ORIGIN")
    return origin is not None and origin != f"{request.scheme}://{request.get_host()}"


@lru_cache(maxsize=1024)
def _is_loopback(address: str) -> bool:
    try:
        peer = ip_address(address)
    except ValueError:  # a Unix socket has none
        return False
    return (getattr(peer, "ipv4_mapped", None) or peer).is_loopback


def _host_name(request: HttpRequest) -> str:
    host = request.get_host()
    return host if host.endswith("]") else host.rpartition(":")[0] or host


def _is_forwarded(request: HttpRequest) -> bool:
    # In one text: there are many names, the whole environment of the server is among them.
    names = "\n".join(["", *request.META])
    return "HTTP_FORWARDED" in request.META or "\nHTTP_X_FORWARDED_" in names
