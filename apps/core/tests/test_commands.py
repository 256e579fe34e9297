from argparse import ArgumentTypeError
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db.migrations.recorder import MigrationRecorder

from apps.core.commands import ActCommand, check_migrations, positive


@pytest.mark.parametrize(("text", "number"), [("1", 1), ("65535", 65535)])
def test_whole_numbers_above_0_are_positive(text: str, number: int) -> None:
    assert positive(text) == number


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "", "x", "9" * 5_000])
def test_nothing_else_is(text: str) -> None:
    with pytest.raises(ArgumentTypeError) as refusal:
        positive(text)
    assert str(refusal.value) == f"{text} is no whole number from 1 to 100000"


class Refusing(ActCommand):
    def __init__(self, error: ValidationError) -> None:
        super().__init__()
        self.error = error

    def act(self, **options: Any) -> None:
        raise self.error


@pytest.mark.parametrize(
    ("error", "lines"),
    [
        (ValidationError("Dataset not found: a-v1"), "Dataset not found: a-v1"),
        (ValidationError({"limit": ["Too low."]}), "limit: Too low."),
        (ValidationError({"a": ["One.", "Two."], "b": ["Three."]}), "a: One.\na: Two.\nb: Three."),
    ],
)
@pytest.mark.django_db
def test_a_refusal_is_told_in_full(error: ValidationError, lines: str) -> None:
    with pytest.raises(CommandError) as told:
        call_command(Refusing(error))
    assert str(told.value) == lines


@pytest.mark.django_db
def test_a_migrated_database_is_fine() -> None:
    check_migrations()


@pytest.mark.django_db
def test_a_missing_migration_is_a_sentence() -> None:
    MigrationRecorder.Migration.objects.filter(app="tunix").delete()
    with pytest.raises(CommandError) as told:
        check_migrations()
    assert str(told.value) == "The database is not up to date. Run: manage.py migrate"
