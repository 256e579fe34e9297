"""Duplicates from a terminal."""

from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from apps.curation.models import DuplicateSearch
from apps.curation.tests.factories import WORDS, make_alike, make_search, tagged

pytestmark = pytest.mark.django_db(transaction=True)


def run(*arguments: str, **options: Any) -> str:
    output = StringIO()
    call_command("find_duplicates", *arguments, stdout=output, **options)
    return output.getvalue()


def test_duplicates_are_found_here_and_now() -> None:
    make_alike(f"{WORDS} a", f"{WORDS} b", f"{WORDS} a ")
    said = "Of 3 traces 2 are duplicates of one that is kept, in 1 groups. They are tagged duplicate:near\n"
    assert run("near") == said
    assert run("equal", "--threshold=1", "--compared=prompt").startswith("Of 3 traces 1 are")
    assert [len(tagged(search)) for search in DuplicateSearch.objects.order_by("pk")] == [2, 1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["a,b"], "name: A tag is not empty"),
        (["a", "--threshold=0.4"], "threshold: This must be at least 0.5."),
        (["taken"], "name: There is a search taken"),
    ],
)
def test_what_cannot_be_searched_is_refused(arguments: list[str], message: str) -> None:
    make_search("taken")
    with pytest.raises(CommandError, match=message):
        run(*arguments)
    assert DuplicateSearch.objects.count() == 1
