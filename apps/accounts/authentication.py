"""The API's ways in: a token, the session of a signed-in browser, or an open server's own machine."""

from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from knox.auth import TokenAuthentication
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from apps.accounts.access import is_cross_site, is_open_to
from apps.accounts.models import ApiToken, LocalOperator, User

if TYPE_CHECKING:  # DRF's settings import this module while its views are being imported
    from rest_framework.views import APIView


_UNKNOWN = "This token is unknown, revoked or expired. Make a new one on the page Tokens."


class BearerAuthentication(TokenAuthentication):  # type: ignore[misc]  # knox has no types
    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        # Knox would go through all headers to see that there is none.
        return super().authenticate(request) if "HTTP_AUTHORIZATION" in request.META else None

    def authenticate_credentials(self, token: bytes) -> tuple[User, ApiToken]:
        if not token.isascii():
            raise AuthenticationFailed(_UNKNOWN)
        try:
            user, found = super().authenticate_credentials(token)
        except AuthenticationFailed as error:
            raise AuthenticationFailed(_UNKNOWN) from error
        found.touch()
        return user, found

    def _cleanup_token(self, auth_token: ApiToken) -> bool:
        """Whether it has expired. Knox would delete it, and all others of its owner that have."""
        return auth_token.is_expired


class CookieAuthentication(SessionAuthentication):
    def authenticate(self, request: Request) -> tuple[User, None] | None:
        # To look for the user of no session costs as much as all the rest of finding out who calls.
        return super().authenticate(request) if settings.SESSION_COOKIE_NAME in request.COOKIES else None


class OpenAuthentication(BaseAuthentication):
    def authenticate(self, request: Request) -> tuple[AnonymousUser, None] | None:
        if not is_open_to(request._request):
            return None
        if request.method not in SAFE_METHODS and is_cross_site(request._request):
            raise PermissionDenied("A page of another site may not write here.")
        return LocalOperator(), None


class IsMember(BasePermission):
    """Signed in; a read-only token reads. A view that only reads by POST says so with `is_reading`."""

    message = "This token is read-only. Use a read-write token for this call."

    def has_permission(self, request: Request, view: "APIView") -> bool:
        if not request.user.is_authenticated:
            return False
        if request.method in SAFE_METHODS or getattr(view, "is_reading", False):
            return True
        return not isinstance(request.auth, ApiToken) or request.auth.scope == ApiToken.Scope.READ_WRITE
