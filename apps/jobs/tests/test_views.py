from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.accounts.models import User
from apps.core.keyset import PAGE_SIZE
from apps.jobs.models import Job, Worker
from apps.jobs.tests.factories import LONG_AGO, claimed, make_job, make_worker

HOSTILE = "<script>alert(1)</script>{{ 7 }}"


def test_an_empty_list_says_what_will_be_there(api: Client) -> None:
    page = api.get("/jobs").text
    assert "Nothing has been done in the background yet" in page
    assert "No worker is running" in page


def test_a_worker_that_lives_is_no_news_and_one_that_died_is(api: Client) -> None:
    make_worker()
    assert "No worker is running" not in api.get("/jobs").text
    Worker.objects.update(seen_at=timezone.now() - LONG_AGO)
    assert "No worker is running" in api.get("/jobs").text


@pytest.mark.parametrize(("state", "titles"), [("", ["b", "a"]), ("failed", ["b"]), ("lazy", ["b", "a"])])
def test_the_list_is_filtered_by_state(api: Client, state: str, titles: list[str]) -> None:
    make_job(title="a")
    make_job(title="b", state=Job.State.FAILED)
    response = api.get("/jobs", {"state": state})
    assert [job.title for job in response.context["jobs"]] == titles


def test_a_state_without_jobs_shows_the_way_back(api: Client) -> None:
    make_job()
    assert "No job is in this state." in api.get("/jobs?state=failed").text


def test_a_long_list_has_pages(api: Client) -> None:
    jobs = [make_job(title=str(number)) for number in range(PAGE_SIZE + 1)]
    first = api.get("/jobs")
    assert [*first.context["jobs"]] == jobs[:0:-1]
    second = api.get("/jobs", {"after": first.context["window"].after})
    assert [*second.context["jobs"]] == jobs[:1]
    refused = api.get("/jobs?after=nonsense")
    assert (refused.status_code, "This is no cursor of this list." in refused.text) == (422, True)


def count_queries(api: Client) -> int:
    with CaptureQueriesContext(connection) as asked:
        assert api.get("/jobs").status_code == 200
    return len(asked)


def test_the_number_of_queries_is_constant(api: Client, user: User) -> None:
    make_job(created_by=user)
    at_one = count_queries(api)
    for _ in range(2):
        make_job(created_by=user)
    at_three = count_queries(api)
    for _ in range(97):
        make_job(created_by=user)
    assert [at_three, count_queries(api)] == [at_one, at_one]


def test_the_page_of_a_job_that_runs_asks_for_itself_again(api: Client, user: User) -> None:
    work = claimed(make_job(title=HOSTILE, total=200, done=50, created_by=user))
    page = api.get(f"/jobs/{work.job.pk}").text
    assert "<script>alert" not in page
    assert '<progress aria-label="Running" max="200" value="50">' in page
    assert 'hx-trigger="every 1s"' in page
    assert "Cancel</button>" in page
    assert "No worker is running" in page
    fragment = api.get(f"/jobs/{work.job.pk}", headers={"HX-Request": "true"}).text.strip()
    assert fragment.startswith('<section id="jobs-job"')
    assert "jobs-cancel" not in fragment


def test_the_page_of_a_job_that_ended_is_still(api: Client) -> None:
    job = make_job(state=Job.State.FAILED, reason=HOSTILE, log=HOSTILE, result={"x": HOSTILE}, total=0)
    page = api.get(f"/jobs/{job.pk}").text
    assert page.count("&lt;script&gt;alert") == 3
    gone = ("<progress", "hx-trigger", "Cancel</button>", "No worker")
    assert [word for word in gone if word in page] == []
    fragment = api.get(f"/jobs/{job.pk}", headers={"HX-Request": "true"}).text
    assert '<div id="jobs-cancel" hx-swap-oob="true">' in fragment


def test_rate_and_time_left_are_of_the_last_attempt(api: Client) -> None:
    now = timezone.now()
    job = make_job(
        state=Job.State.RUNNING,
        attempts=2,
        done=3_000,
        resumed_done=1_000,
        total=5_000,
        started_at=now - timedelta(hours=2),
        resumed_at=now - timedelta(seconds=20),
    )
    assert job.rate == pytest.approx(100, rel=0.1)
    assert job.seconds_left == pytest.approx(20, rel=0.1)
    page = api.get(f"/jobs/{job.pk}").text
    assert "2 h 0 min" in page
    assert "attempt 2" in page


def test_cancelling_leads_back_to_the_job(api: Client) -> None:
    job = make_job()
    response = api.post(f"/jobs/{job.pk}/cancel")
    assert (response.status_code, response.headers["Location"]) == (303, f"/jobs/{job.pk}")
    assert "Cancelled" in api.get(f"/jobs/{job.pk}").text
    assert api.post(f"/jobs/{job.pk}/cancel").status_code == 303


def test_a_job_that_runs_says_that_it_is_being_cancelled(api: Client) -> None:
    work = claimed(make_job())
    api.post(f"/jobs/{work.job.pk}/cancel")
    page = api.get(f"/jobs/{work.job.pk}").text
    assert "Cancelling" in page
    assert "Cancel</button>" not in page


@pytest.mark.parametrize("id", ["x", "550e8400-e29b-41d4-a716-446655440000"])
def test_what_is_no_job_is_not_found(api: Client, id: str) -> None:
    assert api.get(f"/jobs/{id}").status_code == 404
    assert api.post(f"/jobs/{id}/cancel").status_code == 404


def test_the_navigation_counts_what_is_not_ended(api: Client) -> None:
    make_job(state=Job.State.DONE)
    [jobs] = [place for place in api.get("/jobs").context["places"] if place.name == "Jobs"]
    assert (jobs.is_here, jobs.count) == (True, None)
    make_job()
    [jobs] = [place for place in api.get("/jobs").context["places"] if place.name == "Jobs"]
    assert str(jobs.count) == "1"
