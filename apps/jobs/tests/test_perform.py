"""A job from its start to its end, performed by the engine in this process."""

import re
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import OperationalError, connection, transaction
from django.db.transaction import TransactionManagementError
from django_tasks_db.models import DBTaskResult
from pytest_django import DjangoCaptureOnCommitCallbacks

from apps.accounts.models import User
from apps.core.errors import sentence
from apps.core.sql import is_in_the_way
from apps.jobs.cancel import cancel_job
from apps.jobs.engines.database import is_waiting, perform_next
from apps.jobs.handlers import Handler
from apps.jobs.models import LOG_MAX_LENGTH, Job
from apps.jobs.perform import perform_job
from apps.jobs.start import start_job
from apps.jobs.tests.factories import claimed, let_die, make_job
from apps.jobs.tests.handlers import break_down, count_rows, lose_database, refuse, store, wait_in_vain
from apps.jobs.work import Cancelled, ClaimLost, Work, claim_job
from apps.traces.models import Trace

pytestmark = pytest.mark.django_db


@pytest.fixture
def perform(transactional_db: None) -> Any:
    """Starts a job, has the engine perform what waits, and returns the job."""

    def perform(handler: Handler, **arguments: Any) -> Job:
        job = start_job(handler, arguments, title="Try", created_by=None)
        while is_waiting():
            perform_next("here")
        job.refresh_from_db()
        return job

    return perform


def prompts(source: str) -> list[int]:
    return sorted(int(prompt) for prompt in Trace.objects.of_source(source).values_list("prompt", flat=True))


@transaction.atomic
def store_and_advance(work: Work, numbers: range, source: str) -> None:
    store(numbers, source)
    work.advance({"next": numbers.stop}, numbers.stop)


def test_a_job_is_performed_with_its_progress_result_and_log(perform: Any) -> None:
    job = perform(count_rows, rows=25, chunk=10, source="counted")
    assert (job.state, job.done, job.total, job.checkpoint) == ("done", 25, 25, {"next": 25})
    assert (job.result, job.reason, job.attempts) == ({"stored": 25}, "", 1)
    assert re.fullmatch(r"\d\d:\d\d:\d\d From row 0\n", job.log)
    assert job.created_at <= job.started_at <= job.finished_at
    assert prompts("counted") == [*range(25)]


def test_nothing_is_enqueued_before_the_commit(
    user: User, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        job = start_job(refuse, {}, title="x" * 300, created_by=user)
        assert not is_waiting()
    assert is_waiting()
    job.refresh_from_db()
    assert (job.state, job.title, job.created_by, job.act) == (
        "queued",
        "x" * 200,
        user,
        "apps.jobs.tests.handlers.refuse",
    )
    assert job.task_id == str(DBTaskResult.objects.get().pk)


def test_a_refusal_is_the_reason(perform: Any) -> None:
    job = perform(refuse)
    assert (job.state, job.reason) == ("failed", "file: It holds no traces.")


def test_an_unexpected_error_is_a_sentence_and_a_traceback_in_the_log(
    perform: Any, caplog: pytest.LogCaptureFixture
) -> None:
    job = perform(break_down)
    assert job.state == "failed"
    assert job.reason == (
        "It met an unexpected error, RuntimeError: a fault with\ufffd a NUL that nobody expected."
        " The worker's log says where."
    )
    assert job.log.endswith("so far so good\n")
    [logged] = [record for record in caplog.records if record.levelname == "ERROR"]
    assert logged.exc_info is not None
    assert logged.exc_info[0] is RuntimeError


@pytest.mark.parametrize("act", ["apps.jobs.tests.handlers.no_handler", "os.system", "apps.none.of_these"])
def test_what_is_no_handler_is_not_performed(act: str, caplog: pytest.LogCaptureFixture) -> None:
    job = make_job(act=act)
    perform_job.call(str(job.pk))
    job.refresh_from_db()
    assert (job.state, Trace.objects.count()) == ("failed", 0)


def test_a_job_goes_on_at_its_checkpoint() -> None:
    job = make_job(arguments={"rows": 30, "chunk": 10, "source": "resumed"})
    work = claimed(job)
    store_and_advance(work, range(12), "resumed")
    assert work.put_back()
    perform_job.call(str(job.pk))
    job.refresh_from_db()
    assert (job.state, job.done, job.attempts, job.resumed_done) == ("done", 30, 2, 12)
    assert prompts("resumed") == [*range(30)]


def test_a_job_that_waits_is_cancelled_at_once_and_never_begun() -> None:
    job = make_job(arguments={"rows": 1, "chunk": 1, "source": "cancelled"})
    cancel_job(job)
    perform_job.call(str(job.pk))
    job.refresh_from_db()
    assert (job.state, job.started_at, Trace.objects.count()) == ("cancelled", None, 0)
    assert job.finished_at is not None


def test_a_job_that_runs_ends_where_it_advances_and_undoes_that_chunk() -> None:
    work = claimed(make_job())
    store_and_advance(work, range(2), "kept")
    cancel_job(work.job)
    with pytest.raises(Cancelled):
        store_and_advance(work, range(2, 4), "kept")
    assert prompts("kept") == [0, 1]


def test_a_cancelled_handler_leaves_a_cancelled_job() -> None:
    job = make_job(arguments={"rows": 2, "chunk": 1, "source": "cancelled"})
    work = claimed(job)
    cancel_job(job)
    work.put_back()
    perform_job.call(str(job.pk))
    job.refresh_from_db()
    assert (job.state, Trace.objects.count(), job.reason) == ("cancelled", 0, "")


def test_what_has_ended_cannot_be_cancelled() -> None:
    job = make_job(state=Job.State.DONE)
    with pytest.raises(ValidationError) as refusal:
        cancel_job(job)
    assert sentence(refusal.value) == "The job has ended already."


def test_only_one_worker_gets_a_job() -> None:
    job = make_job()
    assert claim_job(job.pk) is not None
    assert claim_job(job.pk) is None


def test_a_worker_that_was_thought_dead_commits_nothing() -> None:
    job = make_job()
    old = claimed(job)
    let_die(job)
    assert Job.objects.dead().held(old.job).update(state=Job.State.QUEUED)
    new = claimed(job)
    with pytest.raises(ClaimLost):
        store_and_advance(old, range(3), "late")
    old.beat()
    assert [old.end(Job.State.DONE), old.put_back()] == [False, False]
    assert prompts("late") == []
    with transaction.atomic():
        new.advance({"next": 1}, 1)
    job.refresh_from_db()
    assert (job.state, job.attempts, job.done) == ("running", 2, 1)


@pytest.mark.django_db(transaction=True)
def test_advance_outside_a_transaction_is_a_fault_of_the_handler() -> None:
    work = claimed(make_job())
    with pytest.raises(TransactionManagementError):
        work.advance(None, 1)


def test_of_a_long_log_the_end_is_kept() -> None:
    work = claimed(make_job())
    for number in range(LOG_MAX_LENGTH):
        work.log(f"line {number} \0 \ud800")
    work.beat()
    work.job.refresh_from_db()
    assert len(work.job.log) == LOG_MAX_LENGTH
    assert work.job.log.endswith(f"line {LOG_MAX_LENGTH - 1} \ufffd ?\n")


def test_others_in_the_way_are_not_the_end_of_a_job() -> None:
    job = make_job(act=wait_in_vain.act)
    with pytest.raises(OperationalError):
        perform_job.call(str(job.pk))
    job.refresh_from_db()
    said = "OperationalError: the words do not matter"
    assert (job.state, job.reason) == ("running", said)
    assert job.log.endswith(f" Interrupted. {said}\n")
    Job.objects.update(state=Job.State.QUEUED)
    assert claimed(job).job.reason == ""


@pytest.mark.parametrize("words", ["database is locked", "deadlock detected", "the row is locked away"])
def test_words_alone_are_no_sign_of_others_in_the_way(words: str) -> None:
    assert not is_in_the_way(OperationalError(words))


@pytest.mark.django_db(transaction=True)
def test_a_lost_database_is_not_the_end_of_a_job() -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no connection to lose")
    job = make_job(act=lose_database.act)
    with pytest.raises(OperationalError):
        perform_job.call(str(job.pk))
    connection.close()
    job.refresh_from_db()
    assert job.state == "running"
