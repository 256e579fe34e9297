"""Pages that refuse, and that to whoever may not look around they show nothing of what is here."""

from collections.abc import Callable
from typing import Any, NoReturn

import pytest
from django.conf import settings as project
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection
from django.http import Http404, HttpRequest, HttpResponse
from django.test import Client
from django.urls import path
from pytest_django.fixtures import Settings

from apps.accounts.models import User
from apps.core.errors import conflict, not_found, too_large
from tunixrt import urls
from tunixrt.urls import handler400, handler403, handler404, handler500

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]

pytestmark = pytest.mark.django_db

RAISED: dict[str, Exception] = {
    "said-404": Http404("Trace not found: x"),
    "bare-404": Http404(),
    "said-403": PermissionDenied("Only staff may delete <b>traces</b>."),
    "bare-403": PermissionDenied(),
    "act-404": not_found("Dataset", "x"),
    "act-409": conflict("x-v1 is used by manifest y."),
    "act-413": too_large("The trace", 5),
    "act-400": ValidationError({"limit": ["Too high."]}),
    "fault": RuntimeError("a secret that nobody expected"),
}


def raise_it(request: HttpRequest, name: str) -> NoReturn:
    raise RAISED[name]


def count_fields(request: HttpRequest) -> HttpResponse:
    return HttpResponse(str(len(request.POST)))


urlpatterns = [path("raise/<str:name>", raise_it), path("form", count_fields), *urls.urlpatterns]


@pytest.fixture
def raising(api: Client, settings: Settings) -> Client:
    settings.ROOT_URLCONF = __name__
    api.raise_request_exception = False
    return api


@pytest.mark.parametrize(
    ("name", "status", "title", "detail"),
    [
        ("said-404", 404, "Not found", "Trace not found: x"),
        ("bare-404", 404, "Not found", "There is nothing at /raise/bare-404."),
        ("said-403", 403, "Not allowed", "Only staff may delete &lt;b&gt;traces&lt;/b&gt;."),
        ("bare-403", 403, "Not allowed", "Your account may not do this."),
        ("act-404", 404, "Not found", "Dataset not found: x"),
        ("act-409", 409, "Not possible now", "x-v1 is used by manifest y."),
        ("act-413", 413, "Too large", "The trace is larger than the limit of 5 bytes."),
        ("act-400", 400, "Bad request", "limit: Too high."),
        ("fault", 500, "Server error", "The server met an error that it did not expect. Its log says more."),
    ],
)
def test_a_refusal_says_what_happened_and_where_to_go_on(
    raising: Client, name: str, status: int, title: str, detail: str
) -> None:
    response = raising.get(f"/raise/{name}")
    assert response.status_code == status
    assert f"<title>{title} - tunix-rt</title>" in response.text
    assert f"<h1>{title}</h1>" in response.text
    assert f"data-reason>{detail}</p>" in response.text
    assert '<a href="/">Overview</a>' in response.text
    assert "secret" not in response.text


def test_forbidden_offers_to_sign_in_as_someone_else(raising: Client) -> None:
    text = raising.get("/raise/said-403").text
    assert '<a href="/login?next=%2Fraise%2Fsaid-403">Sign in as someone else</a>' in text


def refuse_queries(execute: Callable[..., Any], *_: Any) -> NoReturn:
    raise AssertionError("the database was asked")


def test_a_fault_asks_the_database_nothing_whatever_the_cookies_are(raising: Client) -> None:
    """A session that cannot be read, a message that waits in it: neither is looked at for this page."""
    raising.cookies["sessionid"] = "x" * 32
    raising.cookies["messages"] = "broken"
    with connection.execute_wrapper(refuse_queries):
        response = raising.get("/raise/fault")
    assert (response.status_code, "<nav" in response.text) == (500, False)


def test_a_wrong_method_is_a_page(api: Client) -> None:
    response = api.delete("/")
    assert (response.status_code, response.headers["Allow"]) == (405, "GET, HEAD")
    assert "DELETE is not possible at /, only GET, HEAD. Go on by a link." in response.text


@pytest.mark.parametrize("is_open", [False, True])
def test_a_host_that_is_not_allowed_is_a_page(settings: Settings, is_open: bool) -> None:
    settings.OPEN = is_open
    response = Client(headers={"host": "evil.example"}).get("/traces")
    assert response.status_code == 400
    assert "only under those in TUNIXRT_ALLOWED_HOSTS." in response.text
    assert "<nav" not in response.text


@pytest.mark.parametrize("url", ["/nothing", "/raise/x/y"])
def test_a_stranger_sees_nothing_of_what_is_here(url: str) -> None:
    response = Client(headers={"host": "localhost"}).get(url)
    assert response.status_code == 404
    assert "<nav" not in response.text
    assert '">Sign in</a>' in response.text


def test_a_stale_form_says_to_load_it_again(user: User) -> None:
    client = Client(enforce_csrf_checks=True, headers={"host": "localhost"})
    client.force_login(user)
    response = client.post("/tokens/revoke", {"name": "x"})
    assert response.status_code == 403
    assert (
        "This form is no longer valid. Go back, load the page again and send it once more." in response.text
    )


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x"])
def test_a_form_above_the_limit_is_413(raising: Client, kind: str) -> None:
    limit = project.DATA_UPLOAD_MAX_MEMORY_SIZE
    text = "x" * limit
    head = '--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n'
    body = f"{head}{text}\r\n--x--\r\n" if "multipart" in kind else f"a={text}"
    response = raising.post("/form", body, content_type=kind)
    assert response.status_code == 413
    assert f"A form may have up to {limit:,} bytes in 12,000 fields." in response.text
    assert "Nothing was stored. Go back and send less at a time." in response.text


def test_a_form_of_too_many_fields_is_413(raising: Client) -> None:
    assert raising.post("/form", {f"f{n}": "" for n in range(12_001)}).status_code == 413


def test_the_largest_trace_and_a_bulk_selection_can_be_posted(raising: Client) -> None:
    """Percent-encoded every byte of a trace takes three."""
    fields = {f"steps-{n}-{name}": "" for n in range(1_000) for name in ("i", "type", "content", "ORDER")}
    body = "&".join(f"{name}=" for name in fields) + "&text=" + "%C3%A9" * (project.TRACE_MAX_BYTES // 2)
    response = raising.post("/form", body, content_type="application/x-www-form-urlencoded")
    assert (response.status_code, response.text) == (200, "4001")
    assert raising.post("/form", {f"t{n}": "x" * 36 for n in range(10_000)}).text == "10000"


@pytest.mark.parametrize(("url", "kind"), [("/traces", "text/html"), ("/api/traces", "application/json")])
def test_an_endless_query_is_refused(api: Client, url: str, kind: str) -> None:
    response = api.get(f"{url}?" + "&".join(f"meta.{n}=1" for n in range(501)))
    assert (response.status_code, response.headers["Content-Type"].partition(";")[0]) == (400, kind)
    assert "A query string may have up to 500 parameters." in response.text


def test_as_many_filters_as_a_query_may_have_are_answered(api: Client) -> None:
    query = "&".join(f"meta.{n}=1" for n in range(500))
    assert [api.get(f"{path}?{query}").status_code for path in ("/traces", "/api/traces")] == [200, 200]
