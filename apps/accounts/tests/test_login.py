from typing import TYPE_CHECKING

import pytest
from django.test import Client

from apps.accounts.models import User

if TYPE_CHECKING:  # only the type stubs have a name for it
    from django.test.client import _MonkeyPatchedWSGIResponse as Answer

pytestmark = pytest.mark.django_db

# What a failed attempt is answered with: as all forms of the pages do, and as Django's admin does.
STATUS = {"/login": 422, "/admin/login/": 200}
PATHS = [*STATUS]
PASSWORD = "a long password"


def sign_in(path: str, name: str, password: str, peer: str = "127.0.0.1") -> "Answer":
    client = Client(headers={"host": "localhost"}, REMOTE_ADDR=peer)
    return client.post(path, {"username": name, "password": password})


def fail(path: str, name: str, times: int) -> list[int]:
    return [sign_in(path, name, "wrong").status_code for _ in range(times)]


def test_a_user_signs_in_and_out(user: User) -> None:
    client = Client(headers={"host": "localhost"})
    response = client.post("/login", {"username": "reader", "password": PASSWORD, "next": "/?a=b"})
    assert (response.status_code, response.headers["Location"]) == (302, "/?a=b")
    assert client.get("/").status_code == 200
    assert client.post("/logout").headers["Location"] == "/login"
    assert client.get("/").status_code == 302


def test_the_login_page_leads_to_no_other_site(user: User) -> None:
    client = Client(headers={"host": "localhost"})
    form = {"username": "reader", "password": PASSWORD, "next": "https://evil.example/"}
    assert client.post("/login", form).headers["Location"] == "/"


def test_the_login_form_needs_its_csrf_token(user: User) -> None:
    client = Client(enforce_csrf_checks=True, headers={"host": "localhost"})
    response = client.post("/login", {"username": "reader", "password": PASSWORD})
    assert (response.status_code, response.headers["Content-Type"]) == (403, "text/html; charset=utf-8")


@pytest.mark.parametrize("path", PATHS)
def test_failed_attempts_in_a_row_end_in_429(staff: User, path: str) -> None:
    assert fail(path, "keeper", 6) == [STATUS[path]] * 4 + [429] * 2


@pytest.mark.parametrize("path", PATHS)
def test_a_locked_user_stays_out_with_the_right_password_too(staff: User, path: str) -> None:
    fail(path, "keeper", 6)
    response = sign_in(path, "keeper", PASSWORD)
    assert response.status_code == 429
    assert "Signing in as this user is locked from your address for 15 minutes." in response.text


def test_the_lock_holds_on_both_pages(staff: User) -> None:
    fail("/login", "keeper", 6)
    assert sign_in("/admin/login/", "keeper", PASSWORD).status_code == 429


@pytest.mark.parametrize("path", PATHS)
def test_another_user_is_not_locked(staff: User, path: str) -> None:
    User.objects.create_superuser("other", password=PASSWORD)
    fail(path, "keeper", 6)
    assert sign_in(path, "other", PASSWORD).status_code == 302


def test_the_user_is_not_locked_elsewhere(staff: User) -> None:
    fail("/login", "keeper", 6)
    assert sign_in("/login", "keeper", PASSWORD, peer="10.0.0.1").status_code == 302


@pytest.mark.parametrize("path", PATHS)
def test_success_resets_the_count(staff: User, path: str) -> None:
    for _ in range(3):
        assert fail(path, "keeper", 4) == [STATUS[path]] * 4
        assert sign_in(path, "keeper", PASSWORD).status_code == 302


def test_a_name_that_is_no_user_is_locked_alike(db: None) -> None:
    assert fail("/login", "nobody", 6)[-1] == 429
