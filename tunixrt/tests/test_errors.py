from collections.abc import Callable
from typing import Any, NoReturn

import pytest
from django.db import connection
from django.test import Client

from apps.accounts.models import User

pytestmark = pytest.mark.django_db

JSON = "application/json"
HTML = "text/html; charset=utf-8"


def break_down(execute: Callable[..., Any], *_: Any) -> NoReturn:
    raise RuntimeError("a fault that nobody expected")


@pytest.mark.parametrize(
    ("method", "path", "status", "detail"),
    [
        ("GET", "/api/nothing", 404, "No such path: /api/nothing. See /api/docs."),
        ("GET", "/api/traces/", 404, "No such path: /api/traces/. See /api/docs."),
        ("GET", "/api", 404, "No such path: /api. See /api/docs."),
        ("GET", "/api/%ff%00", 404, None),
        ("GET", "/api/traces/x", 404, "Trace not found: x"),
        ("GET", "/api/datasets/x", 404, "Dataset not found: x"),
        ("GET", "/api/datasets/%F0%9F%98%80%00", 404, None),
        ("PUT", "/api/traces", 405, 'Method "PUT" not allowed.'),
        ("GET", "/api/traces/batch", 405, 'Method "GET" not allowed.'),
        ("DELETE", "/api/health", 405, 'Method "DELETE" not allowed.'),
        ("POST", "/api/traces", 400, "The text is not JSON: Expecting value at line 1 column 1."),
        ("GET", "/api/traces?" + "&".join(f"meta.{n}=1" for n in range(2_000)), 400, None),
        ("GET", "/api/traces?page=2", 400, "page: There is no field of this name."),
    ],
    ids=range(13),
)
def test_refusals_below_api_are_json(
    api: Client, method: str, path: str, status: int, detail: str | None
) -> None:
    response = api.generic(method, path, "x" if method == "POST" else "", content_type=JSON)
    assert (response.status_code, response.headers["Content-Type"]) == (status, JSON)
    found = response.json()["detail"]
    assert isinstance(found, str)
    assert found == (detail or found)


@pytest.mark.parametrize("accept", ["text/html", "application/xml", "*/*", "nonsense"])
def test_refusals_below_api_are_json_whatever_is_asked_for(api: Client, accept: str) -> None:
    response = api.get("/api/nothing", headers={"accept": accept})
    assert (response.status_code, response.headers["Content-Type"]) == (404, JSON)


@pytest.mark.parametrize(
    ("path", "type"), [("/api/traces", JSON), ("/api/", JSON), ("/", HTML), ("/login", HTML)]
)
def test_a_host_that_is_not_allowed_is_400(path: str, type: str) -> None:
    response = Client(headers={"host": "evil.example"}).get(path)
    assert (response.status_code, response.headers["Content-Type"]) == (400, type)


@pytest.mark.parametrize(("path", "type"), [("/api/traces", JSON), ("/login", HTML)])
def test_a_form_from_elsewhere_is_403(user: User, path: str, type: str) -> None:
    client = Client(enforce_csrf_checks=True, headers={"host": "localhost"})
    client.force_login(user)
    response = client.post(path, {}, content_type=JSON)
    assert (response.status_code, response.headers["Content-Type"]) == (403, type)


@pytest.mark.parametrize("path", ["/nothing", "/apix", "/traces/"])
def test_a_missing_page_is_html(api: Client, path: str) -> None:
    response = api.get(path)
    assert (response.status_code, response.headers["Content-Type"]) == (404, HTML)
    assert f"There is nothing at {path}." in response.text


@pytest.mark.parametrize(("path", "type"), [("/api/traces", JSON), ("/api/datasets/x", JSON), ("/", HTML)])
def test_an_unexpected_fault_is_500_and_logged(
    api: Client, caplog: pytest.LogCaptureFixture, path: str, type: str
) -> None:
    api.raise_request_exception = False
    with connection.execute_wrapper(break_down):
        response = api.get(path)
    assert (response.status_code, response.headers["Content-Type"]) == (500, type)
    assert "The server met an error that it did not expect. Its log says more." in response.text
    assert "nobody expected" not in response.text
    [logged] = [record for record in caplog.records if record.levelname == "ERROR"]
    assert logged.exc_info is not None
    assert str(logged.exc_info[1]) == "a fault that nobody expected"
