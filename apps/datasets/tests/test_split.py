"""Datasets to train on and to validate with: no prompt is in both, and each stays where it is."""

from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.http import QueryDict
from django.test import Client

from apps.datasets.describe import chips, recipe_words, where_params
from apps.datasets.forms.where import WhereForm
from apps.datasets.models import Dataset
from apps.datasets.selection import Where
from apps.datasets.tests.factories import make_dataset, make_recipe
from apps.traces.tests.factories import make_trace, make_traces

JSON = "application/json"


def split(part: str, percent: Any = 30) -> dict[str, Any]:
    return {"split": {"part": part, "percent": percent}}


def prompts(dataset: Dataset) -> set[str]:
    return {*dataset.members(0, 1_000).values_list("prompt", flat=True)}


def hashes(dataset: Dataset) -> set[str]:
    return {*dataset.members(0, 1_000).values_list("prompt_hash", flat=True)}


def both(version: str) -> list[Dataset]:
    return [
        make_dataset(dataset_name=part, dataset_version=version, where=split(part))
        for part in ("train", "validation")
    ]


@pytest.mark.django_db
def test_the_parts_are_all_and_share_no_prompt() -> None:
    make_traces(100)
    for text in ("Question 1", " Question  1\n", "Question\u00a01"):
        make_trace(prompt=text, final_answer="another")
    train = make_dataset(where=split("train"))
    validation = make_dataset(dataset_name="v", where=split("validation"))
    assert train.trace_count + validation.trace_count == 103
    assert 15 <= validation.trace_count <= 45
    assert hashes(train) & hashes(validation) == set()


@pytest.mark.django_db
def test_a_rebuild_keeps_each_on_its_side() -> None:
    make_traces(50)
    train, validation = (
        make_dataset(dataset_name=part, where=split(part)) for part in ("train", "validation")
    )
    for n in range(50, 100):
        make_trace(prompt=f"Question {n}")
    later, held = both("v2")
    assert prompts(train) < prompts(later)
    assert prompts(validation) < prompts(held)
    more = make_dataset(dataset_name="more", where=split("validation", 60))
    assert prompts(held) < prompts(more)


def test_over_http_as_on_the_page(api: Client) -> None:
    make_traces(40)
    for part, percent in (("train", 30), ("validation", 30), ("validation", 75)):
        recipe = make_recipe(dataset_version=f"{part}{percent}", where=split(part, percent))
        built = api.post("/api/datasets/build", recipe, JSON)
        assert built.status_code == 201
        found = api.get(f"/api/datasets/{built.json()['dataset_key']}").json()
        assert found["where"] == split(part, percent)
        page = api.get(f"/traces?split={part}&percent={percent}")
        assert page.context["browsed"].count.number == found["trace_count"]
        preview = api.get(f"/datasets/new?split={part}&percent={percent}").context["preview"]
        assert preview.matching.number == found["trace_count"]
        assert api.post("/api/datasets/build", recipe, JSON).status_code == 200


@pytest.mark.parametrize("few", [0, 2_000])
def test_the_list_walks_over_it_in_its_order(api: Client, few: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apps.traces.models.FEW", few)
    make_traces(20)
    found = [trace.pk for trace in api.get("/traces?split=train&percent=50").context["browsed"].traces]
    assert 1 <= len(found) < 20
    assert found == sorted(found, reverse=True)


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ({"part": "test", "percent": 10}, "where.split.part"),
        ({"part": "train", "percent": 0}, "where.split.percent"),
        ({"part": "train", "percent": 100}, "where.split.percent"),
        ({"part": "train", "percent": "10"}, "where.split.percent"),
        ({"part": "train"}, "where.split.percent"),
        ({"percent": 10}, "where.split.part"),
        ("train", "where.split"),
    ],
)
def test_a_refused_split_is_named(api: Client, value: Any, path: str) -> None:
    make_trace()
    answer = api.post("/api/datasets/build", make_recipe(where={"split": value}), JSON)
    assert (answer.status_code, [*answer.json()["errors"]]) == (400, [path])


def test_the_form_reads_it() -> None:
    def read(query: str) -> Any:
        form = WhereForm(QueryDict(query))
        return form.cleaned_data["where"].split if form.is_valid() else [*form.errors]

    assert read("split=train") == Where.model_validate(split("train", 10)).split
    assert read("split=validation&percent=99") == Where.model_validate(split("validation", 99)).split
    assert read("") is None
    assert read("percent=10") == ["split"]
    assert read("split=train&percent=100") == ["percent"]
    assert read("split=test") == ["split"]


@pytest.mark.django_db
def test_it_is_said_in_words_and_goes_as_one() -> None:
    where = Where.model_validate({**split("train", 10), "source": "test"})
    assert where_params(where) == {"source": "test", "split": "train", "percent": "10"}
    said = [(chip.text, chip.others) for chip in chips(where)]
    assert said == [
        ("source = test", "split=train&percent=10"),
        ("part to train on, without 10% of the prompts", "source=test"),
    ]
    make_traces(30)
    dataset = make_dataset(where=split("validation", 50))
    assert recipe_words(dataset)[0] == "part to validate with, 50% of the prompts"


def test_the_page_of_one_part_leads_to_the_other(api: Client) -> None:
    make_traces(30)
    make_dataset(where={**split("train", 50), "source": "test"})
    page = api.get("/datasets/letters-v1")
    query = page.context["other_part"]
    assert f'href="/datasets/new?{query.urlencode().replace("&", "&amp;")}"' in page.text
    form = {**query.dict(), "dataset_version": "v1"}
    assert api.post("/datasets/new", form).status_code == 303
    other = Dataset.objects.named("letters_validation-v1")
    assert Where.model_validate_json(other.where) == Where.model_validate(
        {**split("validation", 50), "source": "test"}
    )
    make_dataset(dataset_name="whole")
    assert "Build the other part" not in api.get("/datasets/whole-v1").text


@pytest.mark.django_db
def test_the_command_takes_it() -> None:
    make_traces(30)
    call_command("build_dataset", "one", "v1", "--split=validation:50")
    call_command("build_dataset", "two", "v1", "--split=train")
    found = [Dataset.objects.named(key).where for key in ("one-v1", "two-v1")]
    assert found == [
        '{"split":{"part":"validation","percent":50}}',
        '{"split":{"part":"train","percent":10}}',
    ]
    for text in ("train:x", "test:10", "train:100"):
        with pytest.raises(CommandError):
            call_command("build_dataset", "three", "v1", f"--split={text}")
