from argparse import ArgumentTypeError
from typing import Any

from django.core.management.base import CommandParser

from apps.core.commands import ActCommand
from apps.core.forms import given
from apps.core.json import JSONError, parse_json
from apps.core.requests import validate
from apps.curation.models import Review
from apps.datasets.build import build_dataset
from apps.datasets.describe import BOUNDED, PLAIN
from apps.datasets.models import Dataset
from apps.datasets.serializers import BuildRequest
from apps.formats.flags import FLAGS
from apps.formats.search_terms import QUERY_HELP
from apps.formats.split import DEFAULT_PERCENT

ALL = "all"


class Command(ActCommand):
    help = "Freeze a selection of traces as the dataset NAME-VERSION and print its key."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name")
        parser.add_argument("version")
        parser.add_argument(
            "--filter",
            action="append",
            default=[],
            type=_filter,
            metavar="KEY=VALUE",
            help='a top-level key of meta; VALUE is JSON where it can be: 3 is a number, "3" a text',
        )
        parser.add_argument("--q", metavar="TEXT", help=QUERY_HELP)
        parser.add_argument("--source", metavar="NAME")
        for name in BOUNDED:
            parser.add_argument(
                f"--{name}",
                type=_bounds,
                default={},
                metavar="MIN..MAX",
                help=f"bounds of {name}, both included; one may be left out: 3.. or ..8",
            )
        parser.add_argument(
            "--in-dataset", metavar="KEY", help="also any, none, or --in-dataset=-KEY for those not in it"
        )
        parser.add_argument("--tag", metavar="NAME", help="also --tag=-NAME for traces that do not have it")
        parser.add_argument(
            "--review", choices=Review.State.values, metavar="STATE", help="new, approved or rejected"
        )
        parser.add_argument("--flag", choices=[*FLAGS], help="what was found in a trace when it came in")
        parser.add_argument("--ingest-id", metavar="ID", help="what an import brought")
        parser.add_argument(
            "--split",
            type=_split,
            metavar="PART[:PERCENT]",
            help=f"train or validation, by the prompt; PERCENT is for validation ({DEFAULT_PERCENT})",
        )
        parser.add_argument("--limit", type=_limit, default=100, metavar="N", help="a number (100), or all")
        parser.add_argument("--strategy", choices=Dataset.Strategy.values, default=Dataset.Strategy.LATEST)
        parser.add_argument("--seed", type=int, help="needed for random")
        parser.add_argument("--replace", action="store_true", help="take over a key that exists")

    def act(self, **options: Any) -> None:
        request = validate(
            BuildRequest,
            {
                "dataset_name": options["name"],
                "dataset_version": options["version"],
                "filters": dict(options["filter"]),
                "where": given({name: options[name] for name in (*PLAIN, "split", *BOUNDED)}),
                "limit": options["limit"],
                "selection_strategy": options["strategy"],
                "seed": options["seed"],
            },
        )
        dataset, is_new = build_dataset(request.recipe, created_by=None, replace=options["replace"])
        state = "built" if is_new else "exists with this content"
        self.stdout.write(f"{dataset.key}: {state}, {dataset.trace_count} traces")


def _filter(text: str) -> tuple[str, Any]:
    key, _, value = text.partition("=")
    try:
        return key, parse_json(value)
    except JSONError:
        return key, value


def _bounds(text: str) -> dict[str, Any]:
    """ "3..8", "3..", "..8", or "3" for exactly that."""
    low, dots, high = text.partition("..")
    ends = given({"min": low, "max": high if dots else low})
    try:
        return {end: parse_json(value) for end, value in ends.items()}
    except JSONError as error:
        raise ArgumentTypeError(f"{text} is not of the form MIN..MAX") from error


def _split(text: str) -> dict[str, Any]:
    part, _, percent = text.partition(":")
    try:
        return {"part": part, "percent": int(percent) if percent else DEFAULT_PERCENT}
    except ValueError as error:
        raise ArgumentTypeError(f"{text} is not of the form PART:PERCENT") from error


def _limit(text: str) -> int | None:
    return None if text == ALL else int(text)
