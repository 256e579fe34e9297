from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from apps.accounts.models import ApiToken, User
from apps.accounts.tokens import create_token
from apps.jobs.models import Job
from apps.jobs.tests.factories import claimed, make_job

NOBODY = "550e8400-e29b-41d4-a716-446655440000"


def test_a_job_says_how_far_it_is(api: Client) -> None:
    job = make_job(done=5, total=10)
    answer = api.get(f"/api/jobs/{job.pk}").json()
    created_at = answer.pop("created_at")
    assert created_at.endswith("Z")
    assert answer == {
        "id": str(job.pk),
        "title": "Count",
        "state": "queued",
        "done": 5,
        "total": 10,
        "rate": None,
        "seconds_left": None,
        "reason": None,
        "cancel_requested_at": None,
        "started_at": None,
        "finished_at": None,
        "result": None,
        "log": "",
    }


def test_a_job_that_ended_says_what_came_of_it(api: Client) -> None:
    work = claimed(make_job())
    work.log("all is well")
    assert work.end(Job.State.DONE, result={"stored": 1})
    answer = api.get(f"/api/jobs/{work.job.pk}").json()
    assert (answer["state"], answer["result"]) == ("done", {"stored": 1})
    assert answer["log"].endswith(" all is well\n")
    assert answer["started_at"] <= answer["finished_at"]


def test_the_list_is_newest_first_and_filtered(
    api: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    one, other = make_job(), make_job(state=Job.State.FAILED, reason="No.")
    with django_assert_num_queries(1):
        page = api.get("/api/jobs").json()
    assert [job["id"] for job in page["data"]] == [str(other.pk), str(one.pk)]
    assert {"log", "result"} & page["data"][0].keys() == set()
    failed = api.get("/api/jobs?state=failed").json()
    assert [(job["id"], job["reason"]) for job in failed["data"]] == [(str(other.pk), "No.")]
    assert api.get("/api/jobs?state=lazy").status_code == 400


def test_a_job_is_cancelled(api: Client) -> None:
    waiting, work = make_job(), claimed(make_job())
    answers = [api.post(f"/api/jobs/{job.pk}/cancel").json() for job in (waiting, work.job)]
    assert [answer["state"] for answer in answers] == ["cancelled", "running"]
    assert [answer["cancel_requested_at"] is None for answer in answers] == [False, False]
    again = api.post(f"/api/jobs/{waiting.pk}/cancel")
    assert (again.status_code, again.json()) == (409, {"detail": "The job has ended already."})


@pytest.mark.parametrize(("method", "path"), [("get", ""), ("post", "/cancel")])
@pytest.mark.parametrize("id", ["x", NOBODY])
def test_what_is_no_job_is_not_found(api: Client, method: str, path: str, id: str) -> None:
    response: Any = getattr(api, method)(f"/api/jobs/{id}{path}")
    assert (response.status_code, response.json()) == (404, {"detail": f"Job not found: {id}"})


def test_a_read_only_token_cancels_nothing(user: User) -> None:
    job = make_job()
    _, token = create_token(user, "reader", ApiToken.Scope.READ_ONLY, None)
    client = Client(headers={"Authorization": f"Bearer {token}"})
    assert client.get(f"/api/jobs/{job.pk}").status_code == 200
    assert client.post(f"/api/jobs/{job.pk}/cancel").status_code == 403
