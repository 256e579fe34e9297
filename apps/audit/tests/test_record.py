from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from django.http import HttpRequest, HttpResponse
from django.test import Client

from apps.accounts.models import ApiToken, User
from apps.accounts.tokens import create_token
from apps.audit.caller import COMMAND_LINE, Caller, called_by, current_caller
from apps.audit.middleware import CallerMiddleware
from apps.audit.models import Act
from apps.audit.record import Verb, insert_recorded, record_act
from apps.audit.tests.factories import all_told, make_act

pytestmark = pytest.mark.django_db


def test_an_act_says_who_what_and_when() -> None:
    with called_by(Caller(7, "ada", "laptop", "192.0.2.1")):
        record_act(Verb.DELETED_TRACE, "k", rows=3, details={"why": "×"})
    act = Act.objects.get()
    assert (act.actor_id, act.actor_name, act.token_name, act.address) == (7, "ada", "laptop", "192.0.2.1")
    assert (act.verb, act.key, act.rows, act.detail) == ("deleted-trace", "k", 3, {"why": "×"})
    assert act.at.tzinfo is not None


def test_what_is_outside_of_requests_is_the_command_line() -> None:
    record_act(Verb.BUILT_DATASET, "k")
    assert all_told() == [(COMMAND_LINE, "built-dataset", "k", 1)]


def test_an_act_that_is_rolled_back_leaves_none() -> None:
    with transaction.atomic():
        record_act(Verb.MADE_TRACE)
        transaction.set_rollback(True)
    assert all_told() == []


def test_a_row_and_its_act_are_there_or_neither_is() -> None:
    statement = "INSERT INTO django_session (session_key, session_data, expire_date) {} RETURNING session_key"
    values = "VALUES (%s, '', '2026-01-01')"
    found = insert_recorded(statement.format(values), ["a"], Verb.MADE_ACCOUNT, "a")
    assert (tuple(found), len(all_told())) == (("a",), 1)
    nothing = "SELECT CAST(%s AS varchar(40)), '', expire_date FROM django_session WHERE 1 = 0"
    assert insert_recorded(statement.format(nothing), ["b"], Verb.MADE_ACCOUNT, "b") is None
    with pytest.raises(DatabaseError), transaction.atomic():
        insert_recorded(statement.format(values), ["a"], Verb.MADE_ACCOUNT, "a")
    assert len(all_told()) == 1


def test_the_models_change_and_delete_nothing() -> None:
    act = make_act()
    for change in (act.save, act.delete, Act.objects.all().delete, lambda: Act.objects.update(verb="made")):
        with pytest.raises(TypeError):
            change()


@pytest.mark.parametrize("statement", ["UPDATE audit_act SET actor_name = 'eve'", "DELETE FROM audit_act"])
def test_the_database_changes_and_deletes_nothing(statement: str) -> None:
    make_act()
    with pytest.raises(DatabaseError, match="stays as it was recorded"), transaction.atomic():
        connection.cursor().execute(statement)
    assert all_told() == [("ada", "made-trace", "", 1)]


@pytest.mark.django_db(transaction=True)
def test_emptying_the_place_empties_it_and_forbids_again() -> None:
    make_act()
    call_command("flush", interactive=False, verbosity=0)
    assert all_told() == []
    make_act()
    with pytest.raises(DatabaseError):
        connection.cursor().execute("DELETE FROM audit_act")


def test_an_act_outlives_the_account(user: User) -> None:
    with called_by(Caller(user.pk, "reader")):
        record_act(Verb.MADE_TRACE)
    number = user.pk
    user.delete()
    act = Act.objects.get(verb="made-trace")
    assert (act.actor_id, act.actor_name) == (number, "reader")


def test_threads_do_not_mix_their_callers() -> None:
    barrier = Barrier(2)

    def ask(name: str) -> list[str]:
        def respond(request: HttpRequest) -> HttpResponse:
            barrier.wait()
            return HttpResponse(current_caller().name)

        request = HttpRequest()
        request.user = User(username=name)
        said = CallerMiddleware(respond)(request)
        return [said.text, current_caller().name]  # type: ignore[attr-defined]

    with ThreadPoolExecutor(2) as threads:
        for _ in range(3):
            assert [*threads.map(ask, "ab")] == [["a", COMMAND_LINE], ["b", COMMAND_LINE]]


def test_a_caller_is_forgotten_when_the_request_fails() -> None:
    def respond(request: HttpRequest) -> HttpResponse:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        CallerMiddleware(respond)(HttpRequest())
    assert current_caller().name == COMMAND_LINE


def test_signing_in_and_out_by_the_page(user: User) -> None:
    before = len(all_told())
    client = Client(headers={"host": "localhost"})
    client.post("/login", {"username": "reader", "password": "wrong"})
    client.post("/login", {"username": "reader", "password": "a long password"})
    client.post("/logout")
    assert all_told()[before:] == [
        ("nobody", "sign-in-failed", "reader", 1),
        ("reader", "signed-in", "reader", 1),
        ("reader", "signed-out", "reader", 1),
    ]
    assert {*Act.objects.exclude(actor_name=COMMAND_LINE).values_list("address", flat=True)} == {"127.0.0.1"}


def test_a_hostile_name_that_fails_is_recorded() -> None:
    Client(headers={"host": "localhost"}).post("/login", {"username": "x\0" + "y" * 400, "password": "p"})
    assert Act.objects.filter(verb="sign-in-failed").count() <= 1


def test_accounts_and_tokens_by_whoever_makes_them(user: User) -> None:
    before = len(all_told())
    create_token(user, "laptop", ApiToken.Scope.READ_ONLY)
    client = Client(headers={"host": "localhost"})
    client.force_login(user)
    client.post("/tokens", {"name": "page", "scope": "read-only"})
    client.post("/tokens/revoke", {"name": "laptop"})
    user.is_staff = True
    user.save()
    user.delete()
    assert all_told()[before:] == [
        (COMMAND_LINE, "made-token", "laptop", 1),
        ("reader", "signed-in", "reader", 1),
        ("reader", "made-token", "page", 1),
        ("reader", "revoked-token", "laptop", 1),
        (COMMAND_LINE, "changed-account", "reader", 1),
        (COMMAND_LINE, "revoked-token", "page", 1),
        (COMMAND_LINE, "deleted-account", "reader", 1),
    ]
