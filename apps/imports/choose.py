"""What is to be done with a file: how its rows are read and stored."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, BinaryIO, Self

from django.conf import settings
from django.core.exceptions import ValidationError
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from apps.formats.reasoning import Cut
from apps.formats.trace import SOURCE_MAX_LENGTH
from apps.imports.load import Duplicates, OnError
from apps.imports.mapping import Mapping
from apps.imports.models import Import
from apps.imports.prepare import Plan
from apps.imports.read import Rows, read_rows
from apps.imports.recognise import AUTO, FORMATS, Recipe, mapped, recognise, with_cut

FORMAT_NAMES = [AUTO, *FORMATS]


class Terms(BaseModel):
    """Either a `format` or a `mapping`; "auto" takes the format that the first rows have."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    format: Annotated[str, Field(json_schema_extra={"enum": FORMAT_NAMES})] = AUTO
    mapping: Mapping | None = None
    cut: Annotated[Cut | None, Field(description="how a text is cut into steps")] = None
    source: Annotated[
        str | None,
        Field(min_length=1, max_length=SOURCE_MAX_LENGTH, description="becomes meta.source of every trace"),
    ] = None
    on_error: OnError = "stop"
    duplicates: Duplicates = "skip"

    @field_validator("format")
    @classmethod
    def check_format(cls, name: str) -> str:
        if name not in FORMAT_NAMES:
            raise ValueError(f"There is no format of this name. Choose one of {', '.join(FORMAT_NAMES)}")
        return name

    @model_validator(mode="after")
    def check_one_way(self) -> Self:
        if self.mapping and (self.format != AUTO or self.cut):
            raise ValueError("A mapping says itself how rows are read: leave out format and cut")
        return self

    def recipe_for(self, rows: Rows) -> Recipe:
        """Raises ValidationError where the format is not recognised, or does not go with `cut`."""
        if self.mapping:
            return mapped(self.mapping)
        recipe = recognise(rows.head, rows.unit) if self.format == AUTO else FORMATS[self.format]
        return with_cut(recipe, self.cut) if self.cut else recipe

    def plan_for(self, rows: Rows, *, is_dry_run: bool = False) -> Plan:
        """Raises ValidationError as `recipe_for` does."""
        recipe = self.recipe_for(rows)
        return Plan(format=recipe.name, mapping=recipe.mapping, source=self.source, is_dry_run=is_dry_run)


@contextmanager
def opened(found: Import) -> Iterator[BinaryIO]:
    """The file of an upload. Raises ValidationError."""
    try:
        file = found.path.open("rb")
    except FileNotFoundError as error:
        raise ValidationError(
            "The uploaded file is no longer there. Where several machines do imports, they need the same "
            "data folder."
        ) from error
    with file:
        yield file


@contextmanager
def rows_of(found: Import) -> Iterator[Rows]:
    """Those of an upload. Raises ValidationError."""
    with opened(found) as file:
        yield read_rows(file, 4 * settings.TRACE_MAX_BYTES)


def plan_of(found: Import, after: int) -> Plan:
    """By the recipe that was recognised or chosen."""
    source = found.source or None
    return Plan(format=found.format, mapping=found.mapping, source=source, after=after)


def set_recipe(found: Import, recipe: Recipe) -> None:
    found.format = recipe.name
    found.mapping = recipe.mapping and recipe.mapping.model_dump(exclude_defaults=True)
