from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from pytest_django.fixtures import Settings

from apps.accounts.models import User
from apps.traces.models import Trace
from apps.traces.tests.factories import make_payload, make_trace

pytestmark = pytest.mark.django_db


def get(host: str = "localhost", peer: str = "127.0.0.1", **headers: str) -> int:
    return Client(headers={"host": host, **headers}, REMOTE_ADDR=peer).get("/api/traces").status_code


@pytest.fixture
def is_open(settings: Settings) -> None:
    settings.OPEN = True


@pytest.mark.usefixtures("is_open")
@pytest.mark.parametrize("peer", ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"])
@pytest.mark.parametrize(
    "host", ["localhost", "localhost:8000", "127.0.0.1", "127.0.0.1:8000", "[::1]", "[::1]:80"]
)
def test_an_open_server_is_open_to_its_own_machine(peer: str, host: str) -> None:
    assert get(host, peer) == 200


@pytest.mark.usefixtures("is_open")
@pytest.mark.parametrize(
    "peer", ["10.0.0.1", "192.168.1.2", "::ffff:10.0.0.1", "2001:db8::1", "", "unix:", "localhost"]
)
def test_it_is_closed_to_another_peer(peer: str) -> None:
    assert get(peer=peer) == 401


@pytest.mark.usefixtures("is_open")
@pytest.mark.parametrize(
    "host",
    [
        "traces.example.org",
        "localhost.example.org",
        "127.0.0.1.example.org",
        "localhost.",
        "[::2]",
        "10.0.0.1",
    ],
)
def test_it_is_closed_under_another_name(host: str, settings: Settings) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    assert get(host) == 401


@pytest.mark.usefixtures("is_open")
@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "localhost@evil.example", "[::1]x"]
)
def test_a_name_that_is_not_allowed_is_refused_also_when_open(host: str) -> None:
    assert get(host) == 400


@pytest.mark.usefixtures("is_open")
@pytest.mark.parametrize(
    "header",
    ["Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Anything"],
)
@pytest.mark.parametrize("value", ["127.0.0.1", ""])
def test_a_proxy_does_not_open_it_to_the_world(header: str, value: str) -> None:
    assert get(**{header: value}) == 401


def post(**headers: str) -> int:
    client = Client(headers={"host": "localhost:8000", **headers})
    return client.post("/api/traces", make_payload(), content_type="application/json").status_code


@pytest.mark.usefixtures("is_open")
@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "http://localhost:9000"},
        {"origin": "https://localhost:8000"},
        {"origin": "http://localhost:8000.evil.example"},
        {"origin": "null"},
        {"origin": ""},
        {"origin": "garbage ["},
        {"origin": "http://["},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "cross-site", "origin": "http://localhost:8000"},
    ],
)
def test_a_page_of_another_site_may_not_write(headers: dict[str, str]) -> None:
    assert post(**headers) == 403
    assert not Trace.objects.exists()


@pytest.mark.usefixtures("is_open")
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "http://localhost:8000"},
        {"origin": "http://localhost:8000", "sec-fetch-site": "same-origin"},
        {"sec-fetch-site": "none"},
    ],
)
def test_the_own_pages_and_no_page_may_write(headers: dict[str, str]) -> None:
    assert post(**headers) == 201


@pytest.mark.usefixtures("is_open")
def test_another_site_may_not_delete() -> None:
    trace = make_trace()
    client = Client(headers={"host": "localhost", "sec-fetch-site": "cross-site"})
    assert client.delete(f"/api/traces/{trace.pk}").status_code == 403
    assert Trace.objects.count() == 1


@pytest.mark.usefixtures("is_open")
def test_reading_is_not_writing() -> None:
    assert get(**{"sec-fetch-site": "cross-site", "origin": "null"}) == 200


@pytest.mark.usefixtures("is_open")
def test_the_own_machine_may_do_what_staff_may(settings: Settings) -> None:
    trace = make_trace()
    assert Client(headers={"host": "localhost"}).delete(f"/api/traces/{trace.pk}").status_code == 204


@pytest.mark.usefixtures("is_open")
def test_a_wrong_token_is_refused_also_where_none_is_needed() -> None:
    assert get(Authorization="Bearer wrong") == 401


def api_paths() -> list[str]:
    """Every path below /api as the URLconf has it, with something in place of its parameters."""
    found: list[str] = []

    def collect(patterns: list[Any], prefix: str) -> None:
        for pattern in patterns:
            route = prefix + str(pattern.pattern)
            if isinstance(pattern, URLResolver):
                collect(pattern.url_patterns, route)
            elif isinstance(pattern, URLPattern) and route.startswith("api/"):
                found.append("/" + route.replace("<str:id>", "x").replace("<str:key>", "x"))

    collect(get_resolver().url_patterns, "")
    return found


API_PATHS = [*api_paths(), "/api", "/api/", "/api/nothing", "/api/traces/"]
CLOSED_PATHS = [path for path in API_PATHS if path != "/api/health"]
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


def test_the_walk_over_the_urls_finds_them() -> None:
    assert len(api_paths()) >= 22
    assert {"/api/health", "/api/traces/x/score", "/api/tunix/manifests/x.yaml", "/api/docs"} < {*api_paths()}


@pytest.mark.parametrize("path", CLOSED_PATHS)
def test_every_call_of_a_closed_server_needs_a_user_or_a_token(path: str) -> None:
    client = Client(headers={"host": "localhost"})
    for method in METHODS:
        response = client.generic(method, path, "{}", content_type="application/json")
        told = (method, response.status_code, response.headers.get("WWW-Authenticate"))
        assert told == (method, 401, "Bearer")
        assert response.headers["Content-Type"] == "application/json"


def test_health_is_asked_without_signing_in() -> None:
    assert Client(headers={"host": "localhost"}).get("/api/health").json() == {"status": "healthy"}


def test_a_signed_in_user_reads_and_writes(user: User) -> None:
    client = Client(headers={"host": "localhost"})
    client.force_login(user)
    assert client.get("/api/traces").status_code == 200
    assert client.post("/api/traces", make_payload(), content_type="application/json").status_code == 201


def test_only_staff_deletes(user: User, staff: User) -> None:
    trace = make_trace()
    client = Client(headers={"host": "localhost"})
    client.force_login(user)
    response = client.delete(f"/api/traces/{trace.pk}")
    assert (response.status_code, response.json()) == (403, {"detail": "Only staff may delete traces."})
    client.force_login(staff)
    assert client.delete(f"/api/traces/{trace.pk}").status_code == 204


@pytest.mark.parametrize("is_open", [False, True])
def test_a_session_needs_the_csrf_token_to_write(user: User, settings: Settings, is_open: bool) -> None:
    settings.OPEN = is_open
    client = Client(enforce_csrf_checks=True, headers={"host": "localhost"})
    client.force_login(user)
    response = client.post("/api/traces", make_payload(), content_type="application/json")
    assert (response.status_code, [*response.json()]) == (403, ["detail"])


def test_pages_of_a_closed_server_lead_to_the_login_page() -> None:
    response = Client(headers={"host": "localhost"}).get("/")
    assert (response.status_code, response.headers["Location"]) == (302, "/login?next=/")


@pytest.mark.usefixtures("is_open")
def test_pages_of_an_open_server_are_open_to_its_own_machine() -> None:
    assert Client(headers={"host": "localhost"}).get("/").status_code == 200
    elsewhere = Client(headers={"host": "localhost"}, REMOTE_ADDR="10.0.0.1").get("/")
    assert (elsewhere.status_code, elsewhere.headers["Location"]) == (302, "/login?next=/")


@pytest.mark.parametrize("is_open", [False, True])
@pytest.mark.parametrize("path", ["/admin/", "/admin/accounts/user/", "/admin/traces/trace/"])
def test_the_admin_always_needs_a_login(path: str, is_open: bool, settings: Settings) -> None:
    settings.OPEN = is_open
    response = Client(headers={"host": "localhost"}).get(path)
    assert response.status_code == 302
    assert response.headers["Location"].partition("?")[0] in ("/admin/login/", "/login")


def test_the_admin_is_for_staff_only(user: User, staff: User) -> None:
    client = Client(headers={"host": "localhost"})
    client.force_login(user)
    assert client.get("/admin/").status_code == 302
    client.force_login(staff)
    assert client.get("/admin/").status_code == 200
