"""The pages of manifests."""

import re
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client

from apps.accounts.models import User
from apps.datasets.models import Dataset
from apps.datasets.tests.factories import make_dataset, make_recipe
from apps.traces.tests.factories import make_trace
from apps.tunix.compare import compare_yaml
from apps.tunix.models import Manifest
from apps.tunix.tests.factories import make_manifest

HTMX = {"HX-Request": "true"}
NOBODY = "550e8400-e29b-41d4-a716-446655440000"


@pytest.fixture
def dataset(api: Client) -> Dataset:
    make_trace()
    return make_dataset()


def replace_dataset(api: Client) -> None:
    """The key now names a build of one trace more."""
    make_trace()
    recipe = make_recipe(replace=True)
    assert api.post("/api/datasets/build", recipe, "application/json").status_code == 201


def _listed(api: Client, **query: str) -> list[Manifest]:
    answer = api.get("/manifests", query)
    assert answer.status_code == 200
    found: list[Manifest] = answer.context["browsed"].manifests
    return found


# --- List --------------------------------------------------------------------------------------


def test_an_empty_list_teaches_its_first_step(api: Client) -> None:
    text = api.get("/manifests").content.decode()
    assert "There are no manifests yet" in text
    assert 'href="/tunix"' in text


def test_the_list_says_what_each_was_made_with(api: Client, dataset: Dataset, user: User) -> None:
    manifest = make_manifest(
        *(),
        output_dir="./here",
        learning_rate=3e-6,
        num_epochs=7,
        batch_size=16,
        max_seq_length=4096,
        created_by=user,
    )
    text = api.get("/manifests").content.decode()
    row = re.search(r"<tbody>(.*?)</tbody>", text, re.DOTALL)
    assert row is not None
    cells = [
        re.sub(r"<[^>]+>", "", cell).strip() for cell in re.findall(r"<td[^>]*>(.*?)</td>", row[1], re.DOTALL)
    ]
    assert cells == [
        *("", "letters-v1", "google/gemma-2b-it", "3e-06", "7", "16", "4,096", "./here", "reader", "now"),
    ]
    assert f'href="/manifests/{manifest.pk}"' in row[1]


def test_the_newest_comes_first_in_pages_of_fifty(api: Client, dataset: Dataset) -> None:
    made = [make_manifest(output_dir=f"./{n}").pk for n in range(60)][::-1]
    first = api.get("/manifests").context["browsed"]
    rest = api.get(f"/manifests?after={first.after}").context["browsed"]
    assert [manifest.pk for manifest in first.manifests] == made[:50]
    assert [manifest.pk for manifest in rest.manifests] == made[50:]
    assert (first.before, rest.after, str(first.count)) == (None, None, "60")
    again = api.get(f"/manifests?before={rest.before}").context["browsed"]
    assert again.manifests == first.manifests


def test_filters_narrow_the_list(api: Client, dataset: Dataset) -> None:
    make_dataset(dataset_version="v2")
    gemma, qwen = make_manifest(), make_manifest(model_id="Qwen/Qwen2.5-0.5B")
    other = make_manifest("letters-v2")
    assert _listed(api, dataset_key="letters-v1") == [qwen, gemma]
    assert _listed(api, model="GEMMA") == [other, gemma]
    assert _listed(api, model="%") == []
    assert _listed(api, model="gemma", dataset_key="letters-v2") == [other]
    assert _listed(api, dataset_key="letters") == []
    text = api.get("/manifests?model=zzz").content.decode()
    assert "No manifest matches" in text


def test_a_page_of_what_is_found_goes_on(
    api: Client, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [make_manifest().pk for _ in range(60)][::-1]
    make_manifest(model_id="other")
    for few in (1, 1_000):
        monkeypatch.setattr("apps.tunix.browse.FEW", few)
        first = api.get("/manifests?model=gemma").context["browsed"]
        rest = api.get(f"/manifests?model=gemma&after={first.after}").context["browsed"]
        assert [manifest.pk for manifest in [*first.manifests, *rest.manifests]] == made
        assert (str(first.count), str(rest.count)) == ("60", "60")


def test_a_manifest_of_an_earlier_build_has_the_key_too(api: Client, dataset: Dataset) -> None:
    earlier = make_manifest()
    make_trace()
    api.post(
        "/api/datasets/build",
        {"dataset_name": "letters", "dataset_version": "v1", "limit": None, "replace": True},
        "application/json",
    )
    later = make_manifest()
    assert earlier.dataset_id != later.dataset_id
    assert _listed(api, dataset_key="letters-v1") == [later, earlier]


def test_htmx_gets_the_table_alone_and_the_clean_address(api: Client, dataset: Dataset) -> None:
    make_manifest()
    answer = api.get("/manifests?model=gem&dataset_key=", headers=HTMX)
    assert answer.content.decode().lstrip().startswith('<section id="tunix-list"')
    assert answer["HX-Push-Url"] == "/manifests?model=gem"
    typed = {**HTMX, "HX-Current-URL": "http://localhost/manifests?model=ge"}
    assert api.get("/manifests?model=gem", headers=typed)["HX-Replace-Url"] == "/manifests?model=gem"
    assert api.get("/manifests?model=", headers=HTMX)["HX-Push-Url"] == "/manifests"


@pytest.mark.parametrize(
    "query",
    [{"after": "x"}, {"before": "<script>"}, {"after": "1_2"}, {"model": "a\0"}, {"model": "m" * 257}],
)
@pytest.mark.parametrize("headers", [{}, HTMX])
def test_a_list_that_cannot_be_is_refused(
    api: Client, query: dict[str, str], headers: dict[str, str]
) -> None:
    answer = api.get("/manifests", query, headers=headers)
    assert answer.status_code == 422
    assert 'role="alert"' in answer.content.decode()


@pytest.mark.parametrize("count", [1, 3, 100])
def test_the_list_asks_as_much_for_many_as_for_one(
    api: Client, dataset: Dataset, user: User, count: int, django_assert_num_queries: Any
) -> None:
    for _ in range(count):
        make_manifest(created_by=user)
    # four counts of the navigation, the keys, the page, its rows and their number; the builds of the key
    for query, queries in (("", 8), ("?model=gemma", 8), ("?model=gemma&dataset_key=letters-v1", 9)):
        api.get(f"/manifests{query}")
        with django_assert_num_queries(queries):
            api.get(f"/manifests{query}")
    with django_assert_num_queries(3):
        api.get("/manifests", headers=HTMX)


# --- One ---------------------------------------------------------------------------------------


def test_a_manifest_says_all(api: Client, dataset: Dataset, user: User) -> None:
    manifest = make_manifest(learning_rate=1e-5, created_by=user)
    text = api.get(f"/manifests/{manifest.pk}").content.decode()
    facts = [
        (name, " ".join(re.sub(r"<[^>]+>", "", value).split()))
        for name, value in re.findall(r"<dt>(.*?)</dt>\s*<dd[^>]*>(.*?)</dd>", text, re.DOTALL)
    ]
    assert facts == [
        ("Dataset", "letters-v1"),
        ("Traces", "1"),
        ("Build", str(dataset.build_id)),
        ("Model ID", "google/gemma-2b-it"),
        ("Output directory", "./output/run_001"),
        ("Learning rate", "1e-05"),
        ("Epochs", "3"),
        ("Batch size", "8"),
        ("Max sequence length", "2048"),
        ("Generated", f"{manifest.created_at:%Y-%m-%d %H:%M:%S} UTC by reader"),
        ("sha256", manifest.sha256),
    ]
    for url in (
        f"/datasets/letters-v1?build={dataset.build_id}",
        f"/tunix?from={manifest.pk}",
        f"/api/tunix/manifests/{manifest.pk}.yaml",
    ):
        assert f'href="{url}"' in text
    assert "earlier build" not in text
    assert "The only manifest of this dataset" in text


def test_a_manifest_of_a_superseded_build_says_so(api: Client, dataset: Dataset) -> None:
    manifest = make_manifest()
    replace_dataset(api)
    text = api.get(f"/manifests/{manifest.pk}").content.decode()
    assert "This manifest is of an earlier build" in text
    assert f'href="/datasets/letters-v1?build={dataset.build_id}"' in text


def test_a_manifest_offers_others_of_its_dataset(api: Client, dataset: Dataset) -> None:
    make_dataset(dataset_version="v2")
    manifest, older, newer = make_manifest(), make_manifest(), make_manifest()
    make_manifest("letters-v2")
    assert api.get(f"/manifests/{manifest.pk}").context["others"] == [newer, older]


@pytest.mark.parametrize("id", [NOBODY, "x", "%3Cscript%3E", "a%00b"])
def test_an_unknown_manifest_has_no_page(api: Client, id: str) -> None:
    assert api.get(f"/manifests/{id}").status_code == 404


@pytest.mark.parametrize("count", [1, 3, 100])
def test_a_manifest_asks_as_much_beside_many(
    api: Client, dataset: Dataset, count: int, django_assert_num_queries: Any
) -> None:
    manifest, *_ = [make_manifest() for _ in range(count)]
    api.get(f"/manifests/{manifest.pk}")
    with django_assert_num_queries(7):  # four counts of the navigation, this one, its builds, the others
        api.get(f"/manifests/{manifest.pk}")


# --- Two ---------------------------------------------------------------------------------------


def _compare(api: Client, **query: Any) -> Any:
    return api.get(f"/manifests/compare?{urlencode(query, doseq=True)}")


def test_two_manifests_beside_each_other(
    api: Client, dataset: Dataset, django_assert_num_queries: Any
) -> None:
    base, other = make_manifest(), make_manifest(num_epochs=5, output_dir="./output/run_002")
    with django_assert_num_queries(5):
        answer = _compare(api, base=base.pk, other=other.pk)
    fields = {
        field.label: (field.base, field.other, field.is_different) for field in answer.context["fields"]
    }
    build = str(dataset.build_id)
    assert fields == {
        "Dataset key": ("letters-v1", "letters-v1", False),
        "Build of the dataset": (build, build, False),
        "Model ID": ("google/gemma-2b-it", "google/gemma-2b-it", False),
        "Output directory": ("./output/run_001", "./output/run_002", True),
        "Learning rate": ("2e-05", "2e-05", False),
        "Epochs": ("3", "5", True),
        "Batch size": ("8", "8", False),
        "Max sequence length": ("2048", "2048", False),
    }
    assert answer.content.decode().count("differs") == 2


def test_the_difference_of_the_yaml_makes_one_of_the_other(api: Client, dataset: Dataset) -> None:
    base = make_manifest()
    other = make_manifest(num_epochs=5, output_dir="a\u2028b\nc")
    lines = compare_yaml(base, other)
    assert "".join(f"{line.text}\n" for line in lines if line.sign != "+") == base.yaml
    assert "".join(f"{line.text}\n" for line in lines if line.sign != "-") == other.yaml
    assert [line.text for line in lines if line.sign == "-"] == [
        "  num_epochs: 3",
        "  output_dir: ./output/run_001",
    ]


def test_two_that_are_the_same_say_so(api: Client, dataset: Dataset) -> None:
    base, other = make_manifest(), make_manifest()
    text = _compare(api, base=base.pk, other=other.pk).content.decode()
    assert "The YAML of both is the same." in text


def test_two_that_are_ticked_lead_there_the_older_as_base(api: Client, dataset: Dataset) -> None:
    older, newer = make_manifest(), make_manifest()
    answer = _compare(api, manifest=[newer.pk, older.pk])
    assert (answer.status_code, answer["Location"]) == (
        303,
        f"/manifests/compare?base={older.pk}&other={newer.pk}",
    )


@pytest.mark.parametrize("count", [1, 3])
def test_another_number_of_ticks_is_refused(api: Client, dataset: Dataset, count: int) -> None:
    answer = _compare(api, manifest=[make_manifest().pk for _ in range(count)])
    assert answer.status_code == 422
    assert f"Two manifests can be compared, not {count}." in answer.content.decode()


def test_without_ids_it_says_how_to_begin(api: Client) -> None:
    answer = _compare(api)
    assert answer.status_code == 200
    assert "Tick two manifests" in answer.content.decode()


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (NOBODY, f"Manifest not found: {NOBODY}"),
        ("x", "Enter a valid UUID."),
        ("", "This field is required."),
    ],
)
def test_an_unknown_one_is_named_at_its_field(
    api: Client, dataset: Dataset, other: str, message: str
) -> None:
    answer = _compare(api, base=make_manifest().pk, other=other)
    assert (answer.status_code, dict(answer.context["form"].errors)) == (422, {"other": [message]})
    assert message in answer.content.decode()
