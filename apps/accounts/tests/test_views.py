"""Signing in and one's own tokens, as pages."""

from datetime import timedelta
from urllib.parse import quote

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django.asserts import assertTemplateUsed
from pytest_django.fixtures import DjangoAssertNumQueries, Settings

from apps.accounts.models import TOKEN_NAME_MAX_LENGTH, ApiToken, User
from apps.accounts.tokens import MAX_DAYS, create_token

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(user: User) -> Client:
    client = Client(headers={"host": "localhost"})
    client.force_login(user)
    return client


def shown_token(text: str) -> str:
    return text.split('<pre id="new-token">')[1].split("<")[0]


def test_the_login_page_shows_nothing_of_what_is_here() -> None:
    response = Client(headers={"host": "localhost"}).get("/login?next=/traces%3Fq%3Da")
    assert response.status_code == 200
    assert '<input type="hidden" name="next" value="/traces?q=a">' in response.text
    assert "<nav" not in response.text


def test_a_failed_attempt_is_said_at_the_form(user: User) -> None:
    form = {"username": "reader", "password": "wrong", "next": "/traces"}
    response = Client(headers={"host": "localhost"}).post("/login", form)
    assert response.status_code == 422
    assert "Username and password do not belong together. Check both; capitals matter." in response.text
    assert 'value="reader"' in response.text
    assert "wrong" not in response.text
    assert '<input type="hidden" name="next" value="/traces">' in response.text


@pytest.mark.parametrize("path", ["/login", "/admin/login/"])
def test_the_locked_page_says_how_long(user: User, path: str) -> None:
    client = Client(headers={"host": "localhost"})
    answers = [client.post(path, {"username": "reader", "password": "wrong"}) for _ in range(6)]
    assert answers[-1].status_code == 429
    assert answers[-1].headers["Retry-After"] == "900"
    assert "locked from your address for 15 minutes. Wait, then try again." in answers[-1].text
    assert "<nav" not in answers[-1].text


def test_signing_out_is_a_post(client: Client) -> None:
    assert client.get("/logout").status_code == 405
    assert client.get("/tokens").status_code == 200
    assert client.post("/logout").headers["Location"] == "/login"
    assert client.get("/tokens").status_code == 302


def test_a_script_is_sent_to_the_login_page_and_from_there_to_the_page_it_was_on() -> None:
    headers = {
        "host": "localhost",
        "HX-Request": "true",
        "HX-Current-URL": "http://localhost/traces?q=a&sort=age",
    }
    response = Client(headers=headers).get("/traces?q=ab")
    assert (response.status_code, response.content) == (204, b"")
    assert response.headers["HX-Redirect"] == "/login?next=%2Ftraces%3Fq%3Da%26sort%3Dage"


def test_a_script_is_not_sent_to_another_site() -> None:
    headers = {"host": "localhost", "HX-Request": "true", "HX-Current-URL": "https://evil.example/x"}
    response = Client(headers=headers).get("/traces")
    assert response.headers["HX-Redirect"] == "/login?next=%2F"


def test_a_token_is_made_shown_once_and_works(client: Client, user: User) -> None:
    response = client.post("/tokens", {"name": "laptop", "scope": "read-only", "days": "7"})
    assert response.status_code == 201
    token = shown_token(response.text)
    curl = f'curl -H "Authorization: Bearer {token}" http://localhost/api/traces'
    assert curl in response.text
    assert "no-store" in response.headers["Cache-Control"]
    record = ApiToken.objects.get()
    assert (record.user, record.name, record.scope) == (user, "laptop", "read-only")
    assert record.expiry is not None
    assert abs(record.expiry - timezone.now() - timedelta(days=7)) < timedelta(minutes=1)
    assert token not in client.get("/tokens").text
    bearer = Client(headers={"host": "localhost", "authorization": f"Bearer {token}"})
    assert bearer.get("/api/traces").status_code == 200


def test_a_script_gets_the_table_and_the_form_alone(client: Client) -> None:
    form = {"name": "laptop", "scope": "read-write", "days": ""}
    response = client.post("/tokens", form, headers={"HX-Request": "true"})
    assert response.status_code == 201
    assert response.text.lstrip().startswith('<div id="accounts-tokens">')
    assertTemplateUsed(response, "accounts/_tokens.html")


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("name", "", "This field is required."),
        (
            "name",
            "n" * (TOKEN_NAME_MAX_LENGTH + 1),
            "Ensure this value has at most 64 characters (it has 65).",
        ),
        ("scope", "admin", "Select a valid choice. admin is not one of the available choices."),
        ("days", "0", "Ensure this value is greater than or equal to 1."),
        ("days", str(MAX_DAYS + 1), "Ensure this value is less than or equal to 100000."),
        ("days", "x", "Enter a whole number."),
    ],
)
def test_a_refused_token_is_said_at_its_field(client: Client, field: str, value: str, said: str) -> None:
    form = {"name": "laptop", "scope": "read-only", "days": "3", field: value}
    response = client.post("/tokens", form)
    assert response.status_code == 422
    assert response.context["form"].errors == {field: [said]}
    assert said in response.text
    assert ApiToken.objects.count() == 0


def test_a_name_that_is_taken_is_said_at_the_name(client: Client, user: User) -> None:
    create_token(user, "laptop")
    response = client.post("/tokens", {"name": "laptop", "scope": "read-only", "days": "3"})
    said = 'reader has a token named "laptop" already. Choose another name or revoke that one.'
    assert (response.status_code, response.context["form"].errors) == (422, {"name": [said]})
    assert 'value="laptop"' in response.text


def test_the_limits_of_the_model_are_in_the_markup(client: Client) -> None:
    text = client.get("/tokens").text
    assert f'maxlength="{TOKEN_NAME_MAX_LENGTH}"' in text
    assert f'min="1" max="{MAX_DAYS}"' in text


def test_the_list_shows_the_own_tokens_and_how_they_are_used(client: Client, user: User, staff: User) -> None:
    create_token(staff, "of the keeper")
    create_token(user, "<script>alert(1)</script>")
    old, _ = create_token(user, "old", lifetime=timedelta(days=1))
    ApiToken.objects.filter(pk=old.pk).update(expiry=timezone.now(), last_used_at=timezone.now())
    text = client.get("/tokens").text
    assert "of the keeper" not in text
    assert "&lt;script&gt;alert(1)" in text
    assert "<script>alert" not in text
    assert text.count("never") == 2
    assert text.count("expired") == 1


@pytest.mark.parametrize("count", [1, 3, 100])
def test_the_list_takes_the_same_queries_for_any_number(
    client: Client, user: User, count: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    tokens = [ApiToken(user=user, name=f"{n}", digest=f"{n:0128}", token_key=f"{n}") for n in range(count)]
    ApiToken.objects.bulk_create(tokens)
    with django_assert_num_queries(7):  # session, user, tokens, four counts of the navigation
        assert client.get("/tokens").text.count("/tokens/revoke?name=") == count


@pytest.mark.parametrize("name", ["laptop", "a/b ?#&=ü", "../x"])
def test_a_token_is_revoked_after_a_question(client: Client, user: User, name: str) -> None:
    _, token = create_token(user, name)
    path = f"/tokens/revoke?name={quote(name, safe='')}"
    asked = client.get(path)
    assert asked.status_code == 200
    assert ApiToken.objects.count() == 1
    response = client.post("/tokens/revoke", {"name": name})
    assert (response.status_code, response.headers["Location"]) == (303, "/tokens")
    assert ApiToken.objects.count() == 0
    assert "is revoked." in client.get("/tokens").text
    bearer = Client(headers={"host": "localhost", "authorization": f"Bearer {token}"})
    assert bearer.get("/api/traces").status_code == 401


@pytest.mark.parametrize("name", ["of the keeper", "none", ""])
def test_only_ones_own_token_can_be_revoked(client: Client, staff: User, name: str) -> None:
    create_token(staff, "of the keeper")
    answers = [client.get("/tokens/revoke", {"name": name}), client.post("/tokens/revoke", {"name": name})]
    assert [response.status_code for response in answers] == [404, 404]
    assert all(f"Token not found: {name}" in response.text for response in answers)
    assert ApiToken.objects.count() == 1


def test_without_an_account_the_page_says_whom_tokens_are_for(settings: Settings) -> None:
    settings.OPEN = True
    client = Client(headers={"host": "localhost"})
    text = client.get("/tokens").text
    assert "This server is open on this machine" in text
    assert '<a href="/login?next=/tokens">Sign in</a>' in text
    assert "<form" not in text
    for path in ("/tokens", "/tokens/revoke"):
        response = client.post(path, {"name": "x", "scope": "read-only"})
        assert response.status_code == 403
        assert "A token belongs to an account. Sign in first." in response.text
    assert ApiToken.objects.count() == 0
