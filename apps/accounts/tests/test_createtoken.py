from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import Client
from django.utils import timezone

from apps.accounts.models import ApiToken, User

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> str:
    output = StringIO()
    call_command("createtoken", *arguments, stdout=output)
    return output.getvalue()


def status_with(token: str, method: str = "GET") -> int:
    client = Client(headers={"host": "localhost", "authorization": f"Bearer {token}"})
    return client.generic(method, "/api/traces", "{}", content_type="application/json").status_code


def test_the_token_is_all_that_is_printed() -> None:
    output = run("script")
    [token] = output.splitlines()
    assert status_with(token) == 200
    assert status_with(token, "POST") == 400  # may write, but this is no trace


def test_without_a_user_it_belongs_to_an_account_that_cannot_sign_in() -> None:
    run("one")
    run("two")
    owner = User.objects.get()
    assert (owner.username, owner.has_usable_password(), owner.is_staff) == ("api", False, False)
    assert [*ApiToken.objects.order_by("name").values_list("name", "user")] == [
        ("one", owner.pk),
        ("two", owner.pk),
    ]


def test_it_may_belong_to_a_user(user: User) -> None:
    run("script", "--user", "reader")
    assert ApiToken.objects.get().user == user


def test_it_may_be_read_only() -> None:
    token = run("script", "--read-only").strip()
    assert (status_with(token), status_with(token, "POST")) == (200, 403)


def test_it_may_expire() -> None:
    run("script", "--expires", "7")
    expiry = ApiToken.objects.get().expiry
    assert expiry is not None
    assert abs(expiry - timezone.now() - timedelta(days=7)) < timedelta(minutes=1)


def test_without_a_term_it_does_not_expire() -> None:
    run("script")
    assert ApiToken.objects.get().expiry is None


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["new", "--user", "nobody"], "No such user: nobody. Create one with manage.py createsuperuser."),
        (["old"], 'api has a token named "old" already. Choose another name or revoke that one.'),
        (["n" * 65], "name: Ensure this value has at most 64 characters (it has 65)."),
        ([""], "name: This field cannot be blank."),
        (["new", "--expires", "0"], "Error: argument --expires: 0 is no whole number from 1 to 100000"),
        ([], "Error: the following arguments are required: name"),
    ],
)
def test_refusals_are_sentences(arguments: list[str], sentence: str) -> None:
    run("old")
    with pytest.raises(CommandError) as refusal:
        run(*arguments)
    assert str(refusal.value) == sentence
    assert ApiToken.objects.count() == 1
