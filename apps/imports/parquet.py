"""Parquet, a batch of rows at a time, by pyarrow where it is installed."""

import importlib
from collections.abc import Iterator
from typing import Any, BinaryIO

from django.core.exceptions import ValidationError

from apps.core.errors import from_json_error, too_large
from apps.core.json import JSONError, check_domain
from apps.imports.rows import MAX_COLUMNS, Row
from apps.imports.unpack import seekable

MAGIC = b"PAR1"
_BATCH_BYTES = 8 << 20
_MAX_BATCH = 500


def read_parquet(stream: BinaryIO, max_bytes: int, after: int = 0) -> Iterator[Row]:
    """Raises ValidationError, also where the package is absent."""
    arrow = _arrow()
    try:
        with seekable(stream) as file:
            # Not pre-buffered: a row group may be the whole file.
            options = {"buffer_size": 1 << 20, "pre_buffer": False}
            parquet = importlib.import_module("pyarrow.parquet").ParquetFile(file, **options)
            _check_columns(arrow, parquet.schema_arrow)
            yield from _rows(parquet, max_bytes, after)
    except (arrow.ArrowException, OSError) as error:
        reason = str(error).split("\n")[0].rstrip(".")[:300]
        raise ValidationError(f"The Parquet data cannot be read: {reason}.") from error


def _arrow() -> Any:
    try:
        # Not at the top: it is an extra, and takes 60 MB of memory that no other import needs.
        return importlib.import_module("pyarrow")
    except ImportError as error:
        raise ValidationError(
            "Parquet files need the package pyarrow: install it with pip install pyarrow, then start again."
        ) from error


def _check_columns(arrow: Any, schema: Any) -> None:
    if len(schema.names) > MAX_COLUMNS:
        raise ValidationError(f"{len(schema.names)} columns are more than the limit of {MAX_COLUMNS}.")
    if len({*schema.names}) < len(schema.names):
        raise ValidationError("Two columns have the same name.")
    for field in schema:
        if not _is_readable(arrow.types, field.type):
            raise ValidationError(
                f'The column "{field.name}" has the type {str(field.type)[:200]}, which has no like in JSON. '
                "Leave it out, or turn it into text."
            )


def _is_readable(types: Any, type: Any) -> bool:
    """Texts, numbers, truth values, and lists and structs of them."""
    if types.is_dictionary(type):
        return _is_readable(types, type.value_type)
    if types.is_list(type) or types.is_large_list(type) or types.is_fixed_size_list(type):
        return _is_readable(types, type.value_type)
    if types.is_struct(type):
        return all(_is_readable(types, type.field(n).type) for n in range(type.num_fields))
    return any(
        is_kind(type)
        for is_kind in (
            types.is_string,
            types.is_large_string,
            types.is_integer,
            types.is_floating,
            types.is_boolean,
            types.is_null,
        )
    )


def _rows(parquet: Any, max_bytes: int, after: int) -> Iterator[Row]:
    groups = [parquet.metadata.row_group(n) for n in range(parquet.num_row_groups)]
    count = max(1, parquet.metadata.num_rows)
    average = max(1, sum(group.total_byte_size for group in groups) // count)
    number = 0
    for batch in parquet.iter_batches(batch_size=max(1, min(_MAX_BATCH, _BATCH_BYTES // average))):
        size = batch.nbytes // max(1, batch.num_rows)
        if number + batch.num_rows <= after:
            number += batch.num_rows
            continue
        for value in batch.to_pylist():
            number += 1
            if number > after:
                yield _row(number, value, size, max_bytes)


def _row(number: int, value: dict[str, Any], size: int, max_bytes: int) -> Row:
    if size > max_bytes:
        return Row(number, None, "", size, too_large("The row", max_bytes))
    try:
        check_domain(value)
    except JSONError as error:
        return Row(number, None, repr(value), size, from_json_error(error))
    return Row(number, value, None, size)
