"""Parquet files as streams of rows: bytes are UTF-8 text, structs are columns with dotted names, lists are JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from core.errors import InputError
from core.ingest.cells import cell_text

if TYPE_CHECKING:
    from core.ingest.files import Table

MAX_UNPACKED = 4_000_000_000  # of the whole file; it is read in batches
MAX_GROUP = 1_500_000_000  # of one row group, of which a page of each column is held
MAX_PAGE = 200_000_000  # of one column in a row group where it packs suspiciously well
MAX_RATIO = 200
BATCH = 1_000
INDEX = "__index_level_0__"  # what pandas calls the numbers of its rows


def parquet_rows(table: Table) -> Iterator[tuple[int, list[str]]]:
    """Yield (row number, cells as text) of a Parquet file, the column names as row 1. Raises InputError."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(table.path) as file:
            _check(file, table)
            schema = file.schema_arrow
            names = [name for name in dict.fromkeys(schema.names) if name != INDEX] or schema.names
            kept = pa.schema([schema.field(schema.names.index(name)) for name in names])
            flat = [path for one in kept for path in _paths(one)]
            yield 1, [".".join(path) for path in flat]
            row, total = 1, max(file.metadata.num_rows, 1)
            for batch in file.iter_batches(batch_size=_batch(file), columns=names):
                columns = [_column(batch, path) for path in flat]
                for values in zip(*columns):
                    row += 1
                    yield row, [value_text(value) for value in values]
                table.share = (row - 1) / total
    except (pa.ArrowException, OSError, ValueError) as error:
        raise InputError(
            "The file cannot be read as Parquet.", "Save it as CSV (UTF-8).", where=table.path.name
        ) from error


def value_text(value: Any) -> str:
    """One value as a cell; lists and maps as JSON."""
    if isinstance(value, list | dict | tuple):
        return json.dumps(value, ensure_ascii=False, default=cell_text)
    return cell_text(value)


def _paths(field: Any) -> list[tuple[str, ...]]:
    import pyarrow.types as types

    if not types.is_struct(field.type):
        return [(field.name,)]
    return [(field.name, *path) for inner in field.type for path in _paths(inner)]


def _column(batch: Any, path: tuple[str, ...]) -> list[Any]:
    import pyarrow as pa
    import pyarrow.compute as pc

    column = batch.column(batch.schema.names.index(path[0]))
    for name in path[1:]:
        column = pc.struct_field(column, name)  # a missing struct gives missing fields
    if pa.types.is_timestamp(column.type) and column.type.unit == "ns":
        column = column.cast(pa.timestamp("us", column.type.tz), safe=False)
    return column.to_pylist()


def _batch(file: Any) -> int:
    """Rows read at a time: fewer where they are large."""
    size = sum(file.metadata.row_group(i).total_byte_size for i in range(file.metadata.num_row_groups))
    return max(1, min(5_000, round(20_000_000 / (size / max(file.metadata.num_rows, 1) + 1))))


def _check(file: Any, table: Table) -> None:
    """Raise InputError where the file's own directory says that it unpacks to more than can be held."""
    packed, groups = (
        table.path.stat().st_size,
        [file.metadata.row_group(i) for i in range(file.metadata.num_row_groups)],
    )
    unpacked = sum(group.total_byte_size for group in groups)
    columns = [group.column(i) for group in groups for i in range(group.num_columns)]
    swollen = any(
        column.total_uncompressed_size > MAX_PAGE
        and column.total_uncompressed_size > MAX_RATIO * max(column.total_compressed_size, 1)
        for column in columns
    )
    largest = max((group.total_byte_size for group in groups), default=0)
    if swollen or unpacked > MAX_UNPACKED or largest > MAX_GROUP:
        raise InputError(
            f"The file unpacks from {packed / 1e6:,.0f} MB to {unpacked / 1e6:,.0f} MB; it was not opened.",
            "Write it with smaller row groups, or split it into several files.",
            where=table.path.name,
        )
