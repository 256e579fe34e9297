"""The Tunix panel: its form, the manifest it makes and the file it sends."""

import re
from typing import Any

import pytest
from django.test import Client

from apps.datasets.models import Dataset
from apps.datasets.tests.factories import make_dataset
from apps.traces.tests.factories import make_trace, make_traces
from apps.tunix.availability import MESSAGE
from apps.tunix.models import BATCH_SIZE, MAX_SEQ_LENGTH, NUM_EPOCHS, Manifest
from apps.tunix.tests.factories import make_manifest

HTMX = {"HX-Request": "true"}
NOBODY = "550e8400-e29b-41d4-a716-446655440000"
TEST_IDS = {
    *("section", "status", "runtime-required", "dataset-key", "model-id", "output-dir"),
    *("export-btn", "manifest-btn"),
}
RESULT_TEST_IDS = {"manifest-result", "manifest-yaml"}


@pytest.fixture
def dataset(api: Client) -> Dataset:
    make_traces(2)
    return make_dataset()


def _values(**overrides: Any) -> dict[str, Any]:
    return {
        "dataset_key": "letters-v1",
        "model_id": "google/gemma-2b-it",
        "output_dir": "./output/tunix_run",
        "learning_rate": "2e-05",
        "num_epochs": "3",
        "batch_size": "8",
        "max_seq_length": "2048",
        **overrides,
    }


def _test_ids(text: str) -> set[str]:
    return {*re.findall(r'data-testid="tunix:([^"]+)"', text)}


def _input(text: str, name: str) -> str:
    """The tag of this field."""
    return str(next(tag for tag in re.findall(r"<input[^>]+>", text) if f'name="{name}"' in tag))


def _texts(response: Any, test_id: str) -> str:
    found = re.search(rf'data-testid="{test_id}"[^>]*>(.*?)</', response.content.decode(), re.DOTALL)
    assert found is not None, test_id
    return found[1].strip()


def test_the_panel_has_the_test_ids_texts_and_defaults_of_the_seed(api: Client) -> None:
    response = api.get("/tunix")
    text = response.content.decode()
    assert _test_ids(text) == TEST_IDS
    assert _texts(response, "tunix:status") == MESSAGE
    assert _texts(response, "tunix:runtime-required") == "Runtime Required: No (Artifact-based)"
    assert "google-tunix is not installed here" in text
    expected = {"dataset_key": "", "model_id": "google/gemma-2b-it", "output_dir": "./output/tunix_run"}
    expected |= {"learning_rate": "2e-05", "num_epochs": "3", "batch_size": "8", "max_seq_length": "2048"}
    assert response.context["form"].initial == {}
    assert {field.name: str(field.value() or "") for field in response.context["form"]} == expected


def test_the_ranges_of_the_model_are_in_the_markup(api: Client) -> None:
    text = api.get("/tunix").content.decode()
    for name, (low, high, _) in {
        "num_epochs": NUM_EPOCHS,
        "batch_size": BATCH_SIZE,
        "max_seq_length": MAX_SEQ_LENGTH,
    }.items():
        assert f'min="{low}" max="{high}"' in _input(text, name)
    assert 'min="0.0" max="1.0" step="any"' in _input(text, "learning_rate")
    for name, length in (("dataset_key", 256), ("model_id", 256), ("output_dir", 1024)):
        assert f'maxlength="{length}"' in _input(text, name)


def test_the_newest_keys_complete_the_field(api: Client, dataset: Dataset) -> None:
    make_dataset(dataset_version="v2")
    text = api.get("/tunix?dataset_key=letters-v1").content.decode()
    assert re.findall(r'<option value="([^"]+)">', text) == ["letters-v2", "letters-v1"]
    assert 'list="dataset-keys"' in _input(text, "dataset_key")
    assert 'value="letters-v1"' in _input(text, "dataset_key")


def test_an_empty_place_says_what_comes_first(api: Client) -> None:
    assert "There is no dataset yet" in api.get("/tunix").content.decode()


def test_a_manifest_is_stored_and_shown(api: Client, dataset: Dataset) -> None:
    answer = api.post("/tunix", _values(learning_rate="0.001", num_epochs="5", batch_size="4"))
    [manifest] = Manifest.objects.all()
    assert (answer.status_code, answer["Location"]) == (303, f"/tunix?manifest={manifest.pk}")
    assert (manifest.dataset, manifest.created_by) == (dataset, None)
    assert manifest.values == {
        "dataset_key": "letters-v1",
        "model_id": "google/gemma-2b-it",
        "output_dir": "./output/tunix_run",
        "learning_rate": 0.001,
        "num_epochs": 5,
        "batch_size": 4,
        "max_seq_length": 2048,
    }
    shown = api.get(answer["Location"])
    text = shown.content.decode()
    assert _test_ids(text) == TEST_IDS | RESULT_TEST_IDS
    assert _texts(shown, "tunix:manifest-yaml").replace("&quot;", '"') == manifest.yaml.strip()
    assert manifest.message in text
    assert f'href="/api/tunix/manifests/{manifest.pk}.yaml"' in text
    assert f'href="/manifests/{manifest.pk}"' in text
    assert 'value="0.001"' in _input(text, "learning_rate")


def test_htmx_gets_the_panel_alone_and_the_address_of_the_result(api: Client, dataset: Dataset) -> None:
    answer = api.post("/tunix", _values(), headers=HTMX)
    [manifest] = Manifest.objects.all()
    text = answer.content.decode()
    assert (answer.status_code, answer["HX-Push-Url"]) == (200, f"/tunix?manifest={manifest.pk}")
    assert text.lstrip().startswith('<div id="tunix-panel"')
    assert "HX-Request" in answer["Vary"]
    assert _test_ids(text) >= RESULT_TEST_IDS


def test_the_author_is_the_account(client: Client, dataset: Dataset, user: Any) -> None:
    client.force_login(user)
    assert client.post("/tunix", _values()).status_code == 303
    assert [manifest.created_by for manifest in Manifest.objects.all()] == [user]


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("dataset_key", "", "This field is required."),
        ("dataset_key", "nothing-v1", "Dataset not found: nothing-v1"),
        ("dataset_key", "../etc/passwd", "Dataset not found: ../etc/passwd"),
        ("dataset_key", "a\0b", "Null characters are not allowed."),
        ("dataset_key", "k" * 257, "Ensure this value has at most 256 characters (it has 257)."),
        ("model_id", " ", "This field is required."),
        ("output_dir", "o" * 1025, "Ensure this value has at most 1024 characters (it has 1025)."),
        ("learning_rate", "0", "A number above 0, at most 1."),
        ("learning_rate", "-0.1", "A number above 0, at most 1."),
        ("learning_rate", "1.01", "A number above 0, at most 1."),
        ("learning_rate", "nan", "A number above 0, at most 1."),
        ("learning_rate", "fast", "A number above 0, at most 1."),
        ("num_epochs", "0", "A whole number between 1 and 100."),
        ("num_epochs", "2.5", "A whole number between 1 and 100."),
        ("batch_size", "513", "A whole number between 1 and 512."),
        ("max_seq_length", "127", "A whole number between 128 and 32,768."),
        ("max_seq_length", "9" * 5000, "A whole number between 128 and 32,768."),
    ],
)
@pytest.mark.parametrize("headers", [{}, HTMX])
def test_what_is_refused_stands_at_its_field_and_is_kept(
    api: Client, dataset: Dataset, headers: dict[str, str], field: str, value: str, message: str
) -> None:
    answer = api.post("/tunix", _values(**{"output_dir": "./kept", field: value}), headers=headers)
    form = answer.context["form"]
    assert (answer.status_code, dict(form.errors)) == (422, {field: [message]})
    assert {bound.name: bound.value() for bound in form} == _values(**{"output_dir": "./kept", field: value})
    text = answer.content.decode()
    assert _test_ids(text) == (
        TEST_IDS if not headers else TEST_IDS - {"section", "status", "runtime-required"}
    ) | {"error"}
    assert 'aria-invalid="true"' in _input(text, field)
    assert text.count(message) == 2  # above the form and at the field
    assert Manifest.objects.count() == 0


def test_all_refusals_are_said_at_once(api: Client) -> None:
    answer = api.post("/tunix", {})
    assert [*answer.context["form"].errors] == [*_values()]


def test_again_begins_with_the_values_of_a_manifest(api: Client, dataset: Dataset) -> None:
    manifest = make_manifest(
        model_id="a/b", learning_rate=1e-7, num_epochs=9, batch_size=1, max_seq_length=128
    )
    form = api.get(f"/tunix?from={manifest.pk}").context["form"]
    assert form.initial == manifest.values
    answer = api.post("/tunix", {bound.name: str(bound.value()) for bound in form})
    again = Manifest.objects.get(pk=answer["Location"].removeprefix("/tunix?manifest="))
    assert (again.pk != manifest.pk, again.values, again.yaml) == (True, manifest.values, manifest.yaml)


@pytest.mark.parametrize("name", ["from", "manifest"])
@pytest.mark.parametrize("id", [NOBODY, "x", "<script>"])
def test_an_unknown_manifest_is_not_found(api: Client, name: str, id: str) -> None:
    assert api.get("/tunix", {name: id}).status_code == 404


def test_the_export_is_the_whole_dataset(api: Client) -> None:
    make_traces(101)
    make_dataset()
    answer: Any = api.post("/tunix/export", _values(num_epochs="broken"))
    whole: Any = api.get("/api/datasets/letters-v1/export.jsonl?format=tunix_sft")
    content = answer.getvalue()
    assert (answer.status_code, content.count(b"\n")) == (200, 101)
    assert content == whole.getvalue()
    for name in ("Content-Type", "Content-Length", "Content-Disposition", "ETag", "X-Tunix-Truncated"):
        assert answer[name] == whole[name]
    assert answer["Content-Disposition"] == 'attachment; filename="letters-v1.jsonl"'


@pytest.mark.parametrize(
    ("key", "message"),
    [("", "This field is required."), ("nothing-v1", "Dataset not found: nothing-v1")],
)
def test_an_export_of_nothing_comes_back_with_the_form(api: Client, key: str, message: str) -> None:
    answer = api.post("/tunix/export", _values(dataset_key=key, output_dir="./kept"))
    assert (answer.status_code, dict(answer.context["form"].errors)) == (422, {"dataset_key": [message]})
    assert 'value="./kept"' in _input(answer.content.decode(), "output_dir")
    assert _test_ids(answer.content.decode()) == TEST_IDS | {"error"}


def test_the_address_of_a_refused_export_leads_back(api: Client) -> None:
    answer = api.get("/tunix/export")
    assert (answer.status_code, answer["Location"]) == (303, "/tunix")


def test_text_of_users_is_text(api: Client, dataset: Dataset) -> None:
    hostile = '</pre><script>alert("{{ 7|add:7 }}")</script>'
    answer = api.post("/tunix", _values(model_id=hostile, output_dir="\u202e" + "x" * 1000))
    text = api.get(answer["Location"]).content.decode()
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert" in text
    assert "{{ 7|add:7 }}" in text


def test_a_stranger_is_sent_to_the_login_page(client: Client, db: None) -> None:
    answer = client.post("/tunix", _values(), headers=HTMX)
    assert (answer.status_code, answer["HX-Redirect"]) == (204, "/login?next=%2F")
    assert client.get("/tunix").status_code == 302


def test_a_form_of_another_site_is_refused(dataset: Dataset, settings: Any) -> None:
    settings.OPEN = True
    strict = Client(headers={"host": "localhost"}, enforce_csrf_checks=True)
    assert strict.post("/tunix", _values()).status_code == 403
    assert strict.post("/tunix/export", _values()).status_code == 403


@pytest.mark.parametrize("count", [1, 3, 100])
def test_the_panel_asks_as_much_for_many_as_for_one(
    api: Client, count: int, django_assert_num_queries: Any
) -> None:
    make_trace()
    for number in range(count):
        make_dataset(dataset_version=f"v{number}")
    api.get("/tunix")
    with django_assert_num_queries(5):  # four counts of the navigation and the keys
        api.get("/tunix")
    manifest = make_manifest("letters-v0")
    with django_assert_num_queries(6):
        api.get(f"/tunix?manifest={manifest.pk}")
