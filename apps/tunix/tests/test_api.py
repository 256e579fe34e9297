"""Tunix over HTTP: what each call refuses, caps and says in its headers; the manifest records."""

from typing import Any
from uuid import UUID

import pytest
import yaml
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from apps.datasets.models import Dataset
from apps.datasets.tests.factories import make_dataset, make_recipe
from apps.traces.tests.factories import make_trace, make_traces
from apps.tunix.models import Manifest

JSON = "application/json"
NOBODY = "550e8400-e29b-41d4-a716-446655440000"


@pytest.fixture
def dataset(api: Client) -> Dataset:
    make_traces(5)
    return make_dataset()


def _export(api: Client, body: Any) -> Any:
    return api.post("/api/tunix/sft/export", body, JSON)


def _lines(response: Any) -> list[bytes]:
    lines: list[bytes] = response.getvalue().splitlines(keepends=True)
    return lines


def _counts(response: Any) -> tuple[str, str, str]:
    names = ("X-Tunix-Record-Count", "X-Tunix-Total-Count", "X-Tunix-Truncated")
    count, total, is_truncated = (response.headers[name] for name in names)
    return count, total, is_truncated


# --- Export ------------------------------------------------------------------------------------


def test_an_export_is_that_of_the_dataset_in_format_tunix_sft(api: Client, dataset: Dataset) -> None:
    whole = api.get(f"/api/datasets/{dataset.key}/export.jsonl?format=tunix_sft")
    response = _export(api, {"dataset_key": dataset.key})
    assert response.getvalue() == whole.getvalue()
    for name in ("Content-Type", "Content-Length", "Content-Disposition", "ETag"):
        assert response.headers[name] == whole.headers[name]


@pytest.mark.parametrize(
    ("limit", "counts"),
    [
        ({}, ("5", "5", "false")),
        ({"limit": None}, ("5", "5", "false")),
        ({"limit": 10_000}, ("5", "5", "false")),
        ({"limit": 5}, ("5", "5", "false")),
        ({"limit": 4}, ("4", "5", "true")),
        ({"limit": 1}, ("1", "5", "true")),
    ],
)
@pytest.mark.parametrize("way", ["dataset_key", "trace_ids"])
def test_the_limit_caps_and_the_headers_say_so(
    api: Client, dataset: Dataset, way: str, limit: dict[str, Any], counts: tuple[str, str, str]
) -> None:
    ids = [*map(str, dataset.trace_ids())]
    source = {"dataset_key": dataset.key} if way == "dataset_key" else {"trace_ids": ids}
    whole = _lines(_export(api, {**source, "limit": None}))
    response = _export(api, {**source, **limit})
    lines = _lines(response)
    assert (_counts(response), lines) == (counts, whole[: int(counts[0])])
    assert response.headers["Content-Length"] == str(sum(map(len, lines)))


def test_the_limit_is_100_and_null_lifts_it(api: Client) -> None:
    ids = [str(trace.id) for trace in make_traces(101)]
    key = make_dataset().key
    for source in ({"dataset_key": key}, {"trace_ids": ids}):
        for limit, counts in (({}, ("100", "101", "true")), ({"limit": None}, ("101", "101", "false"))):
            response = _export(api, {**source, **limit})
            assert (_counts(response), len(_lines(response))) == (counts, int(counts[0]))


def test_an_export_of_ids_has_a_name_of_its_own(api: Client) -> None:
    response = _export(api, {"trace_ids": [str(make_trace().id)]})
    assert response.headers["Content-Disposition"] == 'attachment; filename="traces.jsonl"'
    assert (len(_lines(response)), response.headers["X-Tunix-Escaped"]) == (1, "0")


def test_only_the_tokens_that_are_sent_are_counted(api: Client) -> None:
    ids = [str(make_trace(prompt=prompt).id) for prompt in ("<bos>", "x", "<bos><eos>")]
    key = make_dataset(trace_ids=ids).key
    for source in ({"dataset_key": key}, {"trace_ids": ids}):
        for limit, escaped in ((1, "1"), (2, "1"), (3, "3")):
            response = _export(api, {**source, "limit": limit})
            assert response.headers["X-Tunix-Escaped"] == escaped
            _lines(response)


def test_both_sources_are_refused(api: Client, dataset: Dataset) -> None:
    response = _export(api, {"dataset_key": dataset.key, "trace_ids": [NOBODY]})
    assert response.status_code == 400
    assert response.json()["detail"] == "Either dataset_key or trace_ids must be provided, not both"


@pytest.mark.parametrize(
    "body", [{}, {"limit": 1}, {"dataset_key": None}, {"dataset_key": None, "trace_ids": None}]
)
def test_no_source_is_refused(api: Client, body: dict[str, Any]) -> None:
    response = _export(api, body)
    assert response.status_code == 400
    assert response.json()["detail"] == "Either dataset_key or trace_ids must be provided"


def test_null_is_no_second_source(api: Client, dataset: Dataset) -> None:
    assert len(_lines(_export(api, {"dataset_key": dataset.key, "trace_ids": None}))) == 5
    ids = [*map(str, dataset.trace_ids())]
    assert len(_lines(_export(api, {"dataset_key": None, "trace_ids": ids}))) == 5


def test_all_unknown_ids_are_listed_and_nothing_is_skipped(api: Client) -> None:
    missing = [str(UUID(int=n)) for n in range(50)]
    response = _export(api, {"trace_ids": [missing[0], str(make_trace().id), *missing[1:]], "limit": 1})
    assert (response.status_code, response.json()) == (
        404,
        {"detail": f"Trace not found: {', '.join(missing)}"},
    )


@pytest.mark.parametrize(
    ("overrides", "path"),
    [
        ({"dataset_key": 1}, "dataset_key"),
        ({"trace_ids": []}, "trace_ids"),
        ({"trace_ids": "x"}, "trace_ids"),
        ({"trace_ids": [NOBODY, "x"]}, "trace_ids.1"),
        ({"trace_ids": [1]}, "trace_ids.0"),
        ({"trace_ids": [None]}, "trace_ids.0"),
        ({"limit": 0}, "limit"),
        ({"limit": 10_001}, "limit"),
        ({"limit": 3.0}, "limit"),
        ({"limit": True}, "limit"),
        ({"format": "trace"}, "format"),
    ],
)
def test_a_refused_value_of_an_export_is_named(api: Client, overrides: dict[str, Any], path: str) -> None:
    source = {} if "trace_ids" in overrides else {"dataset_key": "letters-v1"}
    response = _export(api, {**source, **overrides})
    assert (response.status_code, [*response.json()["errors"]]) == (400, [path])


@pytest.mark.parametrize("path", ["sft/export", "sft/manifest"])
def test_only_json_is_parsed_and_only_by_post(api: Client, path: str) -> None:
    assert api.post(f"/api/tunix/{path}", "dataset_key=x", "text/plain").status_code == 415
    assert api.get(f"/api/tunix/{path}").status_code == 405
    assert api.post(f"/api/tunix/{path}", "[]", JSON).status_code == 400


# --- Manifests ---------------------------------------------------------------------------------


def _generate(api: Client, **overrides: Any) -> Any:
    body = {"dataset_key": "letters-v1", "model_id": "google/gemma-2b-it", "output_dir": "./o", **overrides}
    return api.post("/api/tunix/sft/manifest", body, JSON)


@pytest.mark.parametrize(
    ("overrides", "path"),
    [
        ({"dataset_key": ""}, "dataset_key"),
        ({"dataset_key": "k" * 257}, "dataset_key"),
        ({"dataset_key": None}, "dataset_key"),
        ({"model_id": ""}, "model_id"),
        ({"model_id": "m" * 257}, "model_id"),
        ({"model_id": None}, "model_id"),
        ({"model_id": "\0"}, "model_id"),
        ({"output_dir": ""}, "output_dir"),
        ({"output_dir": "o" * 1_025}, "output_dir"),
        ({"learning_rate": 0}, "learning_rate"),
        ({"learning_rate": -1e-5}, "learning_rate"),
        ({"learning_rate": 1.0000001}, "learning_rate"),
        ({"learning_rate": "2e-5"}, "learning_rate"),
        ({"learning_rate": None}, "learning_rate"),
        ({"learning_rate": True}, "learning_rate"),
        ({"num_epochs": 0}, "num_epochs"),
        ({"num_epochs": 101}, "num_epochs"),
        ({"num_epochs": 3.0}, "num_epochs"),
        ({"num_epochs": None}, "num_epochs"),
        ({"batch_size": 0}, "batch_size"),
        ({"batch_size": 513}, "batch_size"),
        ({"batch_size": True}, "batch_size"),
        ({"max_seq_length": 127}, "max_seq_length"),
        ({"max_seq_length": 32_769}, "max_seq_length"),
        ({"seed": 1}, "seed"),
    ],
)
def test_a_refused_value_of_a_manifest_is_named(
    api: Client, dataset: Dataset, overrides: dict[str, Any], path: str
) -> None:
    response = _generate(api, **overrides)
    assert (response.status_code, [*response.json()["errors"]]) == (400, [path])
    assert Manifest.objects.count() == 0


def test_a_key_may_have_256_characters(api: Client) -> None:
    key = "k" * 256
    response = _generate(api, dataset_key=key)
    assert (response.status_code, response.json()) == (404, {"detail": f"Dataset not found: {key}"})


@pytest.mark.parametrize(
    "overrides",
    [
        {"model_id": "🂡" * 256, "output_dir": "é" * 1_024},
        {"learning_rate": 1, "num_epochs": 1, "batch_size": 1, "max_seq_length": 128},
        {"learning_rate": 5e-324, "num_epochs": 100, "batch_size": 512, "max_seq_length": 32_768},
    ],
)
def test_the_ends_of_the_ranges_are_accepted(
    api: Client, dataset: Dataset, overrides: dict[str, Any]
) -> None:
    response = _generate(api, **overrides)
    assert response.status_code == 201
    config = yaml.safe_load(response.json()["manifest_yaml"])
    found = {**config["training"], "model_id": config["model"]["model_id"], **config["output"]}
    assert {name: found[name] for name in overrides} == overrides


def test_a_manifest_is_read_again(api: Client, dataset: Dataset) -> None:
    created = _generate(api).json()
    answer = api.get(f"/api/tunix/manifests/{created['id']}").json()
    moment = Manifest.objects.get().created_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    assert {name: answer[name] for name in [*created, "created_at"]} == {**created, "created_at": moment}
    assert answer["build_id"] == str(dataset.build_id)


def test_a_manifest_is_downloaded(api: Client, dataset: Dataset) -> None:
    created = _generate(api, model_id="модель: 🂡").json()
    response = api.get(f"/api/tunix/manifests/{created['id']}.yaml")
    assert (response.status_code, response.headers["Content-Type"]) == (200, "application/yaml")
    assert response.headers["Content-Disposition"] == 'attachment; filename="letters-v1.yaml"'
    assert response.content.decode() == created["manifest_yaml"]


def test_a_manifest_stays_with_its_build_when_the_key_is_replaced(api: Client, dataset: Dataset) -> None:
    created = _generate(api).json()
    path = f"/api/tunix/manifests/{created['id']}"
    before = api.get(path).json()
    make_trace()
    assert api.post("/api/datasets/build", make_recipe(replace=True), JSON).status_code == 201
    assert (api.get(path).json(), before["build_id"]) == (before, str(dataset.build_id))
    newer = api.get(f"/api/tunix/manifests/{_generate(api).json()['id']}").json()
    assert newer["build_id"] == str(Dataset.objects.current().get().build_id)


@pytest.mark.parametrize("id", [NOBODY, "x"])
@pytest.mark.parametrize("suffix", ["", ".yaml"])
def test_a_missing_manifest_is_404(api: Client, id: str, suffix: str) -> None:
    response = api.get(f"/api/tunix/manifests/{id}{suffix}")
    assert (response.status_code, response.json()) == (404, {"detail": f"Manifest not found: {id}"})


def test_the_list_is_newest_first_in_pages(api: Client, dataset: Dataset) -> None:
    ids = [_generate(api).json()["id"] for _ in range(3)][::-1]
    page = api.get("/api/tunix/manifests?limit=2").json()
    assert [item["id"] for item in page["data"]] == ids[:2]
    assert page["data"][0] == api.get(f"/api/tunix/manifests/{ids[0]}").json()
    for after in ("offset=2", f"cursor={page['pagination']['next_cursor']}"):
        rest = api.get(f"/api/tunix/manifests?limit=2&{after}").json()
        assert ([item["id"] for item in rest["data"]], rest["pagination"]["next_cursor"]) == (ids[2:], None)


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "offset=-1", "cursor=x", "dataset=x"])
def test_a_refused_parameter_of_the_list_is_named(api: Client, query: str) -> None:
    response = api.get(f"/api/tunix/manifests?{query}")
    assert (response.status_code, [*response.json()["errors"]]) == (400, [query.partition("=")[0]])


def test_the_list_takes_as_many_queries_for_1_as_for_3(
    api: Client, dataset: Dataset, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for count in (1, 2):
        for _ in range(count):
            _generate(api)
        with django_assert_num_queries(1):
            api.get("/api/tunix/manifests")
