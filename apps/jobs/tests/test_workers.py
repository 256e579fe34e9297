"""Real worker processes on a database of their own: killed, ended, racing; and each engine as it is."""

import os
import random
import signal
import time

from redis import Redis

from apps.jobs.tests.conftest import Place
from apps.jobs.tests.handlers import count_rows, refuse

ROWS = 600
KILLS = 5


def test_killed_at_random_moments_every_row_is_there_once(place: Place) -> None:
    place.start_jobs(count_rows, {"rows": ROWS, "chunk": 5, "source": "killed", "pause": 0.01})
    for _ in range(KILLS):
        worker = place.start_worker()
        place.wait_until_it_advances()
        time.sleep(random.uniform(0, 0.2))
        os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()
        assert place.states() == ["running"]
        place.let_time_pass()
    place.start_worker()
    place.wait_until(lambda: place.states() == ["done"])
    assert place.prompts() == [*range(ROWS)]
    assert place.ask("SELECT attempts, done, retries FROM jobs_job") == [(KILLS + 1, ROWS, 0)]


def test_an_ended_worker_puts_its_job_back_at_once(place: Place) -> None:
    place.start_jobs(count_rows, {"rows": ROWS, "chunk": 5, "source": "ended", "pause": 0.02})
    for number in (signal.SIGTERM, signal.SIGINT):
        worker = place.start_worker()
        place.wait_until_it_advances()
        worker.send_signal(number)
        assert worker.wait(10) == 0
        assert place.states() == ["queued"]
        assert place.ask("SELECT count(*) FROM jobs_worker") == [(0,)]
    place.start_worker()
    place.wait_until(lambda: place.states() == ["done"])
    assert place.prompts() == [*range(ROWS)]
    assert place.ask("SELECT attempts FROM jobs_job") == [(3,)]
    assert "Traceback" not in (place.folder / "output").read_text()


def test_two_workers_share_the_jobs_and_do_none_twice(place: Place) -> None:
    jobs = [{"rows": 20, "chunk": 5, "source": f"shared {n}", "pause": 0.01} for n in range(10)]
    place.start_jobs(count_rows, *jobs)
    place.start_worker()
    place.start_worker()
    place.wait_until(lambda: place.states() == ["done"] * 10)
    assert place.ask("SELECT attempts, count(*) FROM jobs_job GROUP BY attempts") == [(1, 10)]
    assert place.prompts() == sorted([*range(20)] * 10)


def test_redis_carries_jobs_and_may_forget_them(redis_place: Place) -> None:
    place = redis_place
    place.start_jobs(refuse, {})
    worker = place.start_worker()
    place.wait_until(lambda: place.states() == ["failed"])
    assert place.ask("SELECT reason FROM jobs_job") == [("file: It holds no traces.",)]
    place.start_jobs(count_rows, {"rows": ROWS, "chunk": 5, "source": "redis", "pause": 0.01})
    place.wait_until_it_advances()
    os.killpg(worker.pid, signal.SIGKILL)
    worker.wait()
    place.let_time_pass()
    worker = place.start_worker()
    place.wait_until_it_advances()
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(10) == 0
    assert place.states() == ["failed", "queued"]
    with Redis.from_url(place.tasks) as redis:
        redis.flushall()
    place.let_time_pass()
    place.start_worker()
    place.wait_until(lambda: place.states() == ["done", "failed"])
    assert place.prompts() == [*range(ROWS)]
    assert place.ask("SELECT count(*) FROM django_tasks_database_dbtaskresult") == [(0,)]
