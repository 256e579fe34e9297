"""A search for duplicates by a real worker process that is killed."""

import os
import random
import signal
import subprocess
import sys
import time

from apps.curation.forget import CANCELLED
from apps.curation.models import DuplicateGroup, DuplicateMember, Tagging
from apps.jobs.tests.conftest import Place

PAIRS = 6_000
KILLS = 3

_PROGRAM = """
import sys
import django
django.setup()
from apps.curation.duplicates import find_duplicates
from apps.traces.ingest import ingest_traces, parse_trace
pairs = int(sys.argv[1])
words = "one two three four five six seven eight nine ten eleven twelve"
def payload(prompt):
    step = {"i": 0, "type": "t", "content": "c"}
    fields = {"trace_version": "1", "prompt": prompt, "final_answer": "a", "steps": [step], "meta": {}}
    return parse_trace(fields)
prompts = [f"{words} {f'{n} ' * 8}{end}" for end in ("", "!") for n in range(pairs)]
ingest_traces([payload(prompt) for prompt in prompts], created_by=None)
find_duplicates("killed", compared="prompt", threshold=0.9, created_by=None)
"""


def start(place: Place) -> None:
    own = {**place.environment, "DJANGO_SETTINGS_MODULE": "tunixrt.settings"}
    subprocess.run([sys.executable, "-c", _PROGRAM, str(PAIRS)], env=own, check=True)


def test_killed_at_random_moments_every_group_is_there_once(place: Place) -> None:
    start(place)
    for _ in range(KILLS):
        worker = place.start_worker()
        place.wait_until(lambda: place.states() == ["running"])
        time.sleep(random.uniform(0, 0.4))
        os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()
        place.let_time_pass()
    place.start_worker()
    place.wait_until(lambda: place.states() == ["done"])
    columns = "state, trace_count, group_count, duplicate_count"
    assert place.ask(f"SELECT {columns} FROM curation_duplicatesearch") == [("done", 2 * PAIRS, PAIRS, PAIRS)]
    sizes = "SELECT count(*) AS size FROM curation_duplicatemember GROUP BY group_id"
    assert place.ask(f"SELECT size, count(*) FROM ({sizes}) AS sizes GROUP BY size") == [(2, PAIRS)]
    tagged = "SELECT count(*), count(DISTINCT trace_id) FROM curation_tagging"
    assert place.ask(tagged) == [(PAIRS, PAIRS)]
    others = "SELECT count(*) FROM curation_duplicatemember AS member JOIN curation_tagging AS tagging"
    assert place.ask(f"{others} ON tagging.trace_id = member.trace_id WHERE member.is_kept") == [(0,)]


def test_killed_and_then_cancelled_it_leaves_nothing(place: Place) -> None:
    start(place)
    worker = place.start_worker()
    place.wait_until_it_advances()
    os.killpg(worker.pid, signal.SIGKILL)
    worker.wait()
    place.let_time_pass()
    place.ask("UPDATE jobs_job SET cancel_requested_at = '2020-01-01 00:00:00+00:00'")
    place.start_worker()
    place.wait_until(lambda: place.states() == ["cancelled", "done"])  # the other one clears away
    assert place.ask("SELECT state, reason FROM curation_duplicatesearch") == [("cancelled", CANCELLED)]
    for model in (DuplicateGroup, DuplicateMember, Tagging):
        assert place.ask(f"SELECT count(*) FROM {model._meta.db_table}") == [(0,)]
