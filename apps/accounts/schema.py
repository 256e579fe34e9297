"""What OpenAPI says of the API's ways in; drf-spectacular finds these classes once they are imported."""

from typing import Any

from drf_spectacular.authentication import SessionScheme
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "apps.accounts.authentication.BearerAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "An API token, as manage.py createtoken prints it.",
        }


class CookieScheme(SessionScheme):  # type: ignore[no-untyped-call]
    target_class = "apps.accounts.authentication.CookieAuthentication"


class OpenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """No credentials at all are one of the ways in: on the own machine of an open server."""

    target_class = "apps.accounts.authentication.OpenAuthentication"
    name: list[str] = []

    def get_security_requirement(self, auto_schema: AutoSchema) -> dict[str, list[Any]]:
        return {}

    def get_security_definition(self, auto_schema: AutoSchema) -> list[dict[str, Any]]:
        return []
