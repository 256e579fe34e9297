"""What every answer tells the browser about itself, and that no page would need to be allowed more."""

from html.parser import HTMLParser
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from apps.accounts.models import User
from apps.accounts.tokens import create_token
from apps.datasets.models import Tombstone
from apps.datasets.tests.factories import make_dataset
from apps.imports.tests.factories import lines, make_upload, row
from apps.traces.score import score_trace
from apps.traces.tests.factories import make_trace
from apps.tunix.manifest import Training, generate_manifest

pytestmark = pytest.mark.django_db

# Not below the prefixes of JSON, which runs nothing.
JSON = (
    *("/api/traces", "/api/datasets", "/api/imports", "/api/jobs"),
    *("/api/tunix", "/api/ungar", "/api/health", "/api/audit"),
)
ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}


def routes(patterns: list[Any], prefix: str = "/") -> list[str]:
    found: list[str] = []
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            found += routes(pattern.url_patterns, route)
        elif isinstance(pattern, URLPattern) and not set(route) & set("^$?("):
            found.append(route)
    return found


ROUTES = routes(get_resolver().url_patterns)


@pytest.fixture
def client(db: None) -> Client:
    client = Client(headers={"host": "localhost"})
    client.force_login(User.objects.create_superuser("boss"))
    return client


def make_everything() -> dict[str, str]:
    """One of each, and what to put in place of the parameters of a route, by what stands before them."""
    boss = User.objects.get()
    trace = make_trace()
    score = score_trace(trace, "baseline", created_by=boss)
    dataset = make_dataset()
    manifest = generate_manifest(dataset.key, Training("m", "o"), created_by=boss)
    upload = make_upload(lines(row(1)))
    token, _ = create_token(boss, "laptop")
    tombstone = Tombstone.objects.create(
        key="k", build_id=trace.pk, content_digest="", deleted_at=trace.created_at, deleted_by=boss
    )
    return {
        "/traces/<str:id>": str(trace.pk),
        "/datasets/<str:key>": dataset.key,
        "/imports/<str:id>": str(upload.pk),
        "/admin/imports/import/": str(upload.pk),
        "/manifests/<str:id>": str(manifest.pk),
        "/admin/traces/trace/": str(trace.pk),
        "/admin/traces/score/": str(score.pk),
        "/admin/datasets/dataset/": str(dataset.pk),
        "/admin/datasets/tombstone/": str(tombstone.pk),
        "/admin/tunix/manifest/": str(manifest.pk),
        "/admin/accounts/apitoken/": str(token.pk),
        "/admin/accounts/user/": str(boss.pk),
    }


def fill(route: str, values: dict[str, str]) -> str:
    value = next((value for start, value in values.items() if route.startswith(start)), "1")
    for name in ("<str:id>", "<str:key>", "<path:object_id>", "<id>", "<path:content_type_id>", "<path:url>"):
        route = route.replace(name, value)
    return route.replace("<int:content_type_id>", "1")


class Markup(HTMLParser):
    """Collects what a Content-Security-Policy without unsafe-inline would not let run."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.inline: list[str] = []
        self.elsewhere: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        is_code = tag == "script" and "src" not in given and given.get("type") != "application/json"
        self.inline += [tag] if is_code or tag == "style" else []
        self.inline += [name for name in given if name.startswith(("on", "hx-on")) or name == "style"]
        sources = [given.get("src"), given.get("action"), given.get("href") if tag == "link" else None]
        self.elsewhere += [source for source in sources if source and source.startswith(("http", "//"))]


def test_the_walk_finds_the_pages_and_the_admin() -> None:
    expected = {
        "/",
        "/login",
        "/tokens",
        "/traces",
        "/datasets",
        "/manifests",
        "/tunix",
        "/ungar",
        "/api/docs",
    }
    assert expected | {"/admin/", "/admin/traces/trace/", "/admin/traces/trace/<path:object_id>/change/"} <= {
        *ROUTES
    }


def test_every_page_has_the_headers_and_nothing_that_they_forbid(client: Client) -> None:
    values = make_everything()
    pages = [fill(route, values) for route in ROUTES if not route.startswith(JSON)]
    shown = 0
    for path in [*pages, "/nothing"]:
        response = client.get(path)
        told = {name: response.headers.get(name) for name in ALWAYS}
        assert (path, told) == (path, ALWAYS)
        policy = dict(
            part.strip().partition(" ")[::2]
            for part in response.headers["Content-Security-Policy"].split(";")
        )
        assert (path, policy["script-src"], policy["default-src"]) == (path, "'self'", "'none'")
        assert (path, policy["style-src"]) == (
            path,
            "'self' 'unsafe-inline'" if path == "/api/docs" else "'self'",
        )
        assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
        if response.headers.get("Content-Type", "").startswith("text/html") and path != "/api/docs":
            markup = Markup(response.text)
            assert (path, markup.inline, markup.elsewhere) == (path, [], [])
            shown += response.status_code == 200
    assert shown >= 40


@pytest.mark.parametrize(
    ("path", "status"), [("/api/traces", 200), ("/api/nothing", 404), ("/api/health", 200)]
)
def test_json_is_not_taken_for_anything_else(client: Client, path: str, status: int) -> None:
    response = client.get(path)
    assert (response.status_code, {name: response.headers.get(name) for name in ALWAYS}) == (status, ALWAYS)


def test_cookies_are_not_for_scripts_or_other_sites(user: User) -> None:
    client = Client(headers={"host": "localhost"})
    user.set_password("a long password")
    user.save()
    client.get("/login")
    client.post("/login", {"username": "reader", "password": "a long password"})
    session = client.cookies["sessionid"]
    assert (session["httponly"], session["samesite"]) == (True, "Lax")
    assert client.cookies["csrftoken"]["samesite"] == "Lax"


def test_signing_in_begins_a_new_session_and_signing_out_ends_it(user: User) -> None:
    client = Client(headers={"host": "localhost"})
    client.post("/login", {"username": "reader", "password": "a long password"})
    first = client.cookies["sessionid"].value
    client.post("/logout")
    thief = Client(headers={"host": "localhost"})
    thief.cookies["sessionid"] = first
    assert thief.get("/").status_code == 302
    client.post("/login", {"username": "reader", "password": "a long password"})
    assert client.cookies["sessionid"].value != first
