import io
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from apps.datasets.models import Dataset
from apps.datasets.tests.factories import make_dataset
from apps.traces.tests.factories import make_traces

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command("generate_manifest", *arguments, stdout=out, stderr=io.StringIO())
    return out.getvalue()


def test_a_manifest_is_written_and_kept(tmp_path: Path) -> None:
    make_traces(1)
    key = make_dataset().key
    arguments = [key, "--model-id", "google/gemma-2b-it", "--output-dir", "./out"]
    out = run(*arguments, "--num-epochs", "5")
    run(*arguments, "--num-epochs", "5", "--output", str(tmp_path / "config.yaml"))
    assert (tmp_path / "config.yaml").read_text() == out
    assert [manifest.num_epochs for manifest in Dataset.objects.get().manifests.all()] == [5, 5]


def test_a_manifest_out_of_range_is_refused() -> None:
    with pytest.raises(CommandError, match="num_epochs: "):
        run("x-v1", "--model-id", "m", "--output-dir", "o", "--num-epochs", "0")
