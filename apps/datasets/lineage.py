from dataclasses import dataclass

from apps.datasets.models import Dataset

LISTED = 20


@dataclass(frozen=True)
class Lineage:
    """Where a build stands among the others. Of `versions`, newest first, the one before it is `previous`."""

    parent: Dataset | None
    children: list[Dataset]
    builds: list[Dataset]
    versions: list[Dataset]
    previous: Dataset | None


def trace_lineage(dataset: Dataset) -> Lineage:
    """Up to LISTED of each kind, at one query each."""
    all_current = Dataset.objects.current().defer("histograms").newest_first()
    versions = all_current.of_name(dataset.name).except_for(dataset)
    parent = dataset.parent_dataset_id
    return Lineage(
        all_current.of_key(parent).except_for(dataset).first() if parent else None,
        [*all_current.children_of(dataset.key).except_for(dataset)[:LISTED]],
        [*Dataset.objects.of_key(dataset.key).except_for(dataset).newest_first()[:LISTED]],
        [*versions[:LISTED]],
        versions.older_than(dataset.pk).first(),
    )
