import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from apps.datasets.models import Dataset
from apps.datasets.tests.factories import make_dataset
from apps.traces.tests.factories import make_trace, make_traces

pytestmark = pytest.mark.django_db


def run(*arguments: str, **options: Any) -> tuple[str, str]:
    out, err = io.StringIO(), io.StringIO()
    call_command(*arguments, stdout=out, stderr=err, **options)
    return out.getvalue(), err.getvalue()


def test_a_dataset_is_built_from_filters() -> None:
    make_traces(2, meta={"source": "a", "level": 3})
    make_trace(meta={"source": "a", "level": "3"})
    out, _ = run(
        "build_dataset", "mine", "v1", "--filter", "source=a", "--filter", "level=3", "--limit", "all"
    )
    assert out == "mine-v1: built, 2 traces\n"
    assert json.loads(Dataset.objects.get().filters) == {"source": "a", "level": 3}


def test_a_dataset_is_built_from_what_the_list_filters_by() -> None:
    make_traces(2, meta={"source": "a"})
    run("build_dataset", "held", "v1", "--limit", "1")
    options = ["--q", "27", "--source", "a", "--steps", "2..", "--chars", "..99", "--score", "0..99.5"]
    out, _ = run("build_dataset", "mine", "v1", *options, "--in-dataset=-held-v1")
    assert out == "mine-v1: built, 1 traces\n"
    assert json.loads(Dataset.objects.named("mine-v1").where) == {
        "q": "27",
        "source": "a",
        "steps": {"min": 2},
        "chars": {"max": 99},
        "score": {"min": 0.0, "max": 99.5},
        "in_dataset": "-held-v1",
    }
    run("build_dataset", "mine", "v2", "--steps", "2")
    assert json.loads(Dataset.objects.named("mine-v2").where) == {"steps": {"min": 2, "max": 2}}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--steps", "a..b"], "a..b is not of the form MIN..MAX"),
        (["--steps", "1.5.."], "where.steps.min"),
        (["--steps", "3..2"], "min must not be above max"),
        (["--in-dataset", "none-v1"], "Dataset not found: none-v1"),
    ],
)
def test_a_refused_filter_is_named(options: list[str], said: str) -> None:
    make_traces(1)
    with pytest.raises(CommandError, match=said):
        run("build_dataset", "mine", "v1", *options)


def test_the_same_recipe_again_says_so() -> None:
    make_traces(1)
    run("build_dataset", "mine", "v1")
    out, _ = run("build_dataset", "mine", "v1")
    assert out == "mine-v1: exists with this content, 1 traces\n"


def test_random_needs_a_seed() -> None:
    with pytest.raises(CommandError, match="Random selection strategy requires a seed"):
        run("build_dataset", "mine", "v1", "--strategy", "random")


def test_other_content_is_refused_unless_replaced() -> None:
    make_traces(1)
    run("build_dataset", "mine", "v1")
    make_traces(1)
    with pytest.raises(CommandError, match="mine-v1 exists with other content"):
        run("build_dataset", "mine", "v1")
    out, _ = run("build_dataset", "mine", "v1", "--replace")
    assert out == "mine-v1: built, 2 traces\n"


@pytest.mark.parametrize("format", ["trace", "tunix_sft", "training_example"])
def test_an_export_has_the_bytes_of_the_api(api: Client, tmp_path: Path, format: str) -> None:
    make_traces(3, prompt="Zoë: <end_of_turn>?")
    dataset = make_dataset()
    file = tmp_path / "out.jsonl"
    out, _ = run("export_dataset", dataset.key, "--format", format)
    _, err = run("export_dataset", dataset.key, "--format", format, "--output", str(file))
    expected = api.get(f"/api/datasets/{dataset.key}/export.jsonl?format={format}").getvalue()
    assert out.encode() == file.read_bytes() == expected
    escaped = 0 if format == "trace" else 3
    assert err == f"{file}: 3 records, {escaped} control tokens escaped\n"


def test_an_unknown_dataset_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="Dataset not found: none-v1"):
        run("export_dataset", "none-v1", "--output", str(tmp_path / "out.jsonl"))
    assert [path.name for path in tmp_path.glob("out*")] == []
