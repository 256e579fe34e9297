"""Finding what overlaps with an evaluation set: the job, the call and the page."""

from typing import Any

import pytest
from django.test import Client

from apps.audit.models import Act
from apps.curation.models import Tagging
from apps.datasets import overlap
from apps.datasets.overlap import TAG_PREFIX, find_overlaps, tag_overlaps
from apps.datasets.selection import Where
from apps.datasets.tests.factories import make_dataset
from apps.jobs.engines.database import is_waiting, perform_next
from apps.jobs.models import Job
from apps.jobs.tests.factories import claimed, make_job
from apps.traces.models import Trace
from apps.traces.tests.factories import make_trace

JSON = "application/json"
EIGHT = "one two three four five six seven eight"


def store() -> None:
    """Two test questions, and what does and does not overlap with them."""
    for prompt in (f"{EIGHT} nine", "a b c d e f g h i j"):
        make_trace(prompt=prompt, meta={"source": "test"})
    for prompt in (
        "yes: so ONE, two three (four) five six\nseven: eight!",
        "no: one two three four five six seven",
        "no: one two three four five six seven x eight",
        "yes: c d e f g h i j",
        "no",
    ):
        make_trace(prompt=prompt, meta={"source": "train"})


def tagged(name: str = "t") -> list[str]:
    found = Tagging.objects.filter(tag__name=f"{TAG_PREFIX}{name}").order_by("trace_id")
    return [*found.values_list("trace__prompt", flat=True)]


def perform() -> Job:
    while is_waiting():
        perform_next("here")
    return Job.objects.latest("pk")


@pytest.mark.django_db(transaction=True)
def test_what_has_eight_words_in_a_row_in_common_is_tagged() -> None:
    store()
    find_overlaps(Where(source="test"), "t", created_by=None)
    job = perform()
    assert (job.state, job.done, job.total) == ("done", 7, 7)
    assert job.result == {"tag": "overlaps:t", "evaluation": 2, "overlapping": 2}
    assert [prompt[:4] for prompt in tagged()] == ["yes:", "yes:"]
    # Again, with another set: what does not overlap any more loses the tag.
    make_dataset(dataset_name="one", trace_ids=[str(Trace.objects.order_by("pk")[0].pk)])
    find_overlaps(Where(in_dataset="one-v1"), "t", created_by=None)
    assert perform().result == {"tag": "overlaps:t", "evaluation": 1, "overlapping": 1}
    assert len(tagged()) == 1


@pytest.mark.django_db(transaction=True)
def test_it_is_one_act_however_many_pages_it_took(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overlap, "_PAGE", 2)
    store()
    for _ in range(2):
        find_overlaps(Where(source="test"), "t", created_by=None)
        perform()
    find_overlaps(Where(source="train"), "other", created_by=None)
    perform()
    acts = Act.objects.filter(verb__in=["found-overlaps", "curated-trace"]).order_by("pk")
    assert [(act.verb, act.key, act.rows, act.detail) for act in acts] == [
        ("found-overlaps", "overlaps:t", 2, {"evaluation": {"source": "test"}, "tagged_before": 0}),
        ("found-overlaps", "overlaps:t", 2, {"evaluation": {"source": "test"}, "tagged_before": 2}),
        ("found-overlaps", "overlaps:other", 2, {"evaluation": {"source": "train"}, "tagged_before": 0}),
    ]


@pytest.mark.django_db
def test_interrupted_at_its_very_end_it_is_recorded_once() -> None:
    store()
    for _ in range(2):
        job = Job.objects.first() or make_job()
        Job.objects.update(state=Job.State.QUEUED)
        tag_overlaps.perform(claimed(job), evaluation={"source": "test"}, name="t")
    assert Act.objects.filter(verb="found-overlaps").count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_search_means_what_came_in_last_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apps.traces.models.MAX_UNINDEXED", 1)
    store()
    find_overlaps(Where(q="j"), "t", created_by=None)
    assert perform().result == {"tag": "overlaps:t", "evaluation": 2, "overlapping": 0}


@pytest.mark.django_db(transaction=True)
def test_it_goes_on_where_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overlap, "_PAGE", 2)
    store()
    fourth = str(Trace.objects.order_by("pk")[3].pk)
    job = make_job(checkpoint={"after": fourth, "done": 4, "found": 1})
    work = claimed(job)
    result = tag_overlaps.perform(work, evaluation={"source": "test"}, name="t")
    job.refresh_from_db()
    assert (result["overlapping"], job.done, job.total) == (2, 7, 7)
    assert [prompt[:6] for prompt in tagged()] == ["yes: c"]


def test_the_result_leads_on(api: Client) -> None:
    links = ("/traces?tag=overlaps%3Aa%20b", "/datasets/new?tag=-overlaps%3Aa%20b&amp;limit=all")
    for count, offered in ((0, False), (2, True)):
        job = make_job(state=Job.State.DONE, result={"tag": "overlaps:a b", "overlapping": count})
        page = api.get(f"/jobs/{job.pk}").text
        assert [f'href="{link}"' in page for link in links] == [offered] * 2
        assert ("Nothing was found" in page) is not offered
    assert 'href="/curation/overlap">Find overlaps</a>' in api.get("/traces").text


def test_the_call_answers_with_the_job(api: Client) -> None:
    store()
    answer = api.post("/api/curation/overlap", {"name": "t", "evaluation": {"source": "test"}}, JSON)
    assert (answer.status_code, answer.json()["state"]) == (202, "queued")
    assert Job.objects.get().title == "Find what overlaps with source = test"


@pytest.mark.parametrize(
    ("body", "status", "path"),
    [
        ({"name": "t", "evaluation": {"source": "none"}}, 400, "evaluation"),
        ({"name": "t", "evaluation": {}}, 400, "evaluation"),
        ({"name": "t", "evaluation": {"in_dataset": "no-v1"}}, 404, None),
        ({"name": "a,b", "evaluation": {"source": "test"}}, 400, "name"),
        ({"name": "x" * 56, "evaluation": {"source": "test"}}, 400, "name"),
        ({"name": "", "evaluation": {"source": "test"}}, 400, "name"),
        ({"name": "t"}, 400, "evaluation"),
    ],
)
def test_a_set_that_is_none_or_too_big_is_refused(
    api: Client, body: Any, status: int, path: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overlap, "MAX_EVALUATION", 2)
    store()
    answer = api.post("/api/curation/overlap", body, JSON)
    assert (answer.status_code, [*answer.json().get("errors", [None])]) == (status, [path])
    assert Job.objects.count() == 0


def test_the_page_starts_it(api: Client) -> None:
    store()
    make_dataset(dataset_name="test", where={"source": "test"})
    assert 'href="/curation/overlap?dataset=test-v1"' in api.get("/datasets/test-v1").text
    page = api.get("/curation/overlap?dataset=test-v1")
    assert [field.value() for field in page.context["form"]] == ["test-v1", None, "test-v1"]
    response = api.post("/curation/overlap", {"dataset": "test-v1", "name": "t"})
    assert (response.status_code, response["Location"]) == (303, f"/jobs/{Job.objects.get().pk}")


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({"name": "t"}, "dataset"),
        ({"name": "t", "dataset": "no-v1"}, "dataset"),
        ({"name": "t", "source": "none"}, "dataset"),
        ({"name": "-t", "source": "test"}, "name"),
        ({"name": "", "source": "test"}, "name"),
    ],
)
def test_the_page_says_what_is_wrong(api: Client, form: dict[str, str], field: str) -> None:
    store()
    page = api.post("/curation/overlap", form)
    assert (page.status_code, [*page.context["form"].errors]) == (422, [field])
    assert Job.objects.count() == 0
