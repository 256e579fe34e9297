from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from django.utils import timezone
from knox.crypto import hash_token

from apps.accounts.models import ApiToken, User
from apps.accounts.tokens import create_token
from apps.core.errors import CONFLICT, code_of, messages_by_path, sentence
from apps.datasets.tests.factories import make_dataset
from apps.traces.tests.factories import make_payload, make_trace

pytestmark = pytest.mark.django_db

READ_ONLY = ApiToken.Scope.READ_ONLY


def bearer(token: str) -> Client:
    return Client(enforce_csrf_checks=True, headers={"host": "localhost", "authorization": f"Bearer {token}"})


def post(client: Client, path: str, body: object) -> int:
    return client.post(path, body, content_type="application/json").status_code


def test_a_token_reads_and_writes(user: User) -> None:
    client = bearer(create_token(user, "script")[1])
    assert client.get("/api/traces").status_code == 200
    assert post(client, "/api/traces", make_payload()) == 201


def test_a_token_may_do_what_its_user_may(user: User, staff: User) -> None:
    path = f"/api/traces/{make_trace().pk}"
    assert bearer(create_token(user, "script")[1]).delete(path).status_code == 403
    assert bearer(create_token(staff, "script")[1]).delete(path).status_code == 204


def test_a_read_only_token_reads(user: User) -> None:
    dataset_key = make_dataset_key()
    client = bearer(create_token(user, "reader", READ_ONLY)[1])
    assert client.get(f"/api/datasets/{dataset_key}").status_code == 200


def make_dataset_key() -> str:
    make_trace()
    return make_dataset().key


def test_a_read_only_token_exports(user: User) -> None:
    """The export is asked for by POST and changes nothing."""
    dataset_key = make_dataset_key()
    client = bearer(create_token(user, "reader", READ_ONLY)[1])
    response = client.post(
        "/api/tunix/sft/export", {"dataset_key": dataset_key}, content_type="application/json"
    )
    assert (response.status_code, response.getvalue().count(b"\n")) == (200, 1)


@pytest.mark.parametrize(
    "path",
    [
        "/api/traces",
        "/api/traces/batch",
        "/api/traces/x/score",
        "/api/datasets/build",
        "/api/tunix/sft/manifest",
        "/api/ungar/high-card-duel/generate",
    ],
)
def test_a_read_only_token_does_not_write(user: User, path: str) -> None:
    response = bearer(create_token(user, "reader", READ_ONLY)[1]).post(
        path, {}, content_type="application/json"
    )
    assert response.status_code == 403
    assert response.json() == {"detail": "This token is read-only. Use a read-write token for this call."}


@pytest.mark.parametrize("path", ["/api/traces/x", "/api/datasets/x"])
def test_a_read_only_token_does_not_delete_whoever_it_belongs_to(staff: User, path: str) -> None:
    assert bearer(create_token(staff, "reader", READ_ONLY)[1]).delete(path).status_code == 403


def status_of(token: str) -> int:
    return bearer(token).get("/api/traces").status_code


def test_an_expired_token_is_none(user: User) -> None:
    record, token = create_token(user, "script", lifetime=timedelta(days=1))
    assert status_of(token) == 200
    ApiToken.objects.filter(pk=record.pk).update(expiry=timezone.now() - timedelta(seconds=1))
    assert status_of(token) == 401


def test_an_expired_token_stays_to_be_seen(user: User) -> None:
    expired, _ = create_token(user, "script", lifetime=timedelta(days=1))
    ApiToken.objects.filter(pk=expired.pk).update(expiry=timezone.now() - timedelta(seconds=1))
    assert status_of(create_token(user, "other")[1]) == 200
    assert {*ApiToken.objects.values_list("name", flat=True)} == {"script", "other"}


def test_a_token_expires_only_when_asked_to(user: User) -> None:
    never, _ = create_token(user, "for good")
    assert never.expiry is None
    before = timezone.now()
    record, _ = create_token(user, "for a day", lifetime=timedelta(days=1))
    assert record.expiry is not None
    assert before <= record.expiry - timedelta(days=1) <= timezone.now()


def test_a_revoked_token_is_none(user: User) -> None:
    record, token = create_token(user, "script")
    _, other = create_token(user, "other")
    record.delete()
    assert (status_of(token), status_of(other)) == (401, 200)


def test_the_token_of_an_inactive_user_is_none(user: User) -> None:
    _, token = create_token(user, "script")
    user.is_active = False
    user.save()
    assert status_of(token) == 401


def test_a_token_is_stored_hashed(user: User) -> None:
    record, token = create_token(user, "script")
    [stored] = ApiToken.objects.values_list()
    assert record.digest == hash_token(token)
    assert token not in "\n".join(map(str, stored))
    assert len(token) >= 64


def test_the_last_use_is_written_at_most_once_a_minute(user: User) -> None:
    record, token = create_token(user, "script")
    assert record.last_used_at is None
    status_of(token)
    record.refresh_from_db()
    first = record.last_used_at
    assert first is not None
    for age, is_written in ((timedelta(seconds=55), False), (timedelta(seconds=61), True)):
        used = timezone.now() - age
        ApiToken.objects.filter(pk=record.pk).update(last_used_at=used)
        status_of(token)
        record.refresh_from_db()
        assert record.last_used_at is not None
        assert (record.last_used_at > used) == is_written


GARBAGE = [
    "Bearer",
    "Bearer ",
    "bearer x",
    "Bearer a b",
    "Bearer é",
    "Bearer \u00ff\u00fe",
    "Bearer \x01\x7f",
    "Bearer " + "0" * 64,
    "Bearer " + "x" * 100_000,
    "Bearer null",
    "Bearer ' OR 1=1 --",
    "Basic cmVhZGVyOmEgbG9uZyBwYXNzd29yZA==",
    "Token x",
    "é",
    ",",
]


@pytest.mark.parametrize("header", GARBAGE, ids=range(len(GARBAGE)))
def test_any_other_header_is_401(header: str) -> None:
    response = Client(headers={"host": "localhost"}, HTTP_AUTHORIZATION=header).get("/api/traces")
    assert (response.status_code, response.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert [*response.json()] == ["detail"]


def test_a_token_but_for_its_last_character_is_401(user: User) -> None:
    _, token = create_token(user, "script")
    other = token[:-1] + ("0" if token[-1] != "0" else "1")
    assert [status_of(token), status_of(other), status_of(token[:-1]), status_of(token + "0")] == [
        200,
        401,
        401,
        401,
    ]


def test_the_word_bearer_may_be_in_any_case(user: User) -> None:
    _, token = create_token(user, "script")
    client = Client(headers={"host": "localhost", "authorization": f"bearer {token}"})
    assert client.get("/api/traces").status_code == 200


def test_a_user_has_one_token_of_a_name(user: User, staff: User) -> None:
    create_token(user, "script")
    create_token(staff, "script")
    with pytest.raises(ValidationError) as refusal:
        create_token(user, "script")
    assert code_of(refusal.value) == CONFLICT
    assert sentence(refusal.value) == (
        'reader has a token named "script" already. Choose another name or revoke that one.'
    )


@pytest.mark.parametrize(
    ("name", "scope", "path"),
    [("", READ_ONLY, "name"), ("n" * 65, READ_ONLY, "name"), ("n", "admin", "scope")],
)
def test_a_wrong_name_or_scope_is_refused(user: User, name: str, scope: str, path: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        create_token(user, name, scope)
    assert [*messages_by_path(refusal.value)] == [path]
