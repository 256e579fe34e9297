import io
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from apps.datasets.models import Dataset
from apps.traces.generate import PILOT
from apps.traces.models import Trace

pytestmark = pytest.mark.django_db


def generate(*arguments: str) -> str:
    out = io.StringIO()
    call_command("generate_traces", *arguments, stdout=out, stderr=io.StringIO())
    return out.getvalue()


def texts() -> list[Any]:
    return [*Trace.objects.order_by("id").values_list("prompt", "final_answer", "steps", "meta")]


def test_a_seed_makes_up_the_same_texts_again() -> None:
    said = generate("50", "--seed", "3")
    first = texts()
    assert (said.startswith("Stored 50 traces in "), len(first), len({*first})) == (True, 50, 50)
    generate("50", "--seed", "3")
    generate("50", "--seed", "4")
    assert texts()[50:100] == first
    assert {*texts()[100:]}.isdisjoint(first)


def test_what_is_made_up_varies() -> None:
    generate("300")
    traces = Trace.objects.order_by("id")
    assert {1, 2, 3, 4, 5, 10} <= {trace.step_count for trace in traces}
    assert any(not trace.prompt.isascii() for trace in traces)
    sources = [trace.source for trace in traces]
    assert 100 < sources.count("math_word_problems") < 200
    assert 15 < sources.count("biology_exam") < 50
    assert "" in sources
    assert PILOT in sources[:6]
    assert PILOT not in sources[6:]


def test_datasets_of_all_and_of_few() -> None:
    said = generate("50", "--datasets", "10")
    assert said.splitlines()[-1].startswith("Built 10 datasets in ")
    built = Dataset.objects.order_by("pk")
    assert [dataset.key for dataset in built[:2]] == ["generated_algebra_0-v1", "generated_algebra_0-v2"]
    assert built[9].key == "generated_biology_0-v2"
    assert built[0].trace_count == 50
    assert all(1 <= dataset.trace_count <= 50 for dataset in built)
    assert not all(dataset.trace_count == 50 for dataset in built)


def test_another_run_takes_the_keys() -> None:
    generate("5", "--datasets", "2")
    generate("5", "--datasets", "2")
    assert Dataset.objects.current().count() == 2
    assert Dataset.objects.current().earliest("pk").trace_count == 10


@pytest.mark.parametrize("arguments", [["0"], ["-1"], ["x"], ["1", "--datasets", "0"]])
def test_a_number_that_is_none_is_refused(arguments: list[str]) -> None:
    with pytest.raises(CommandError, match="is no whole number"):
        generate(*arguments)
    assert not Trace.objects.exists()
