"""Parquet files as streams of rows: bytes are UTF-8 text, structs are columns with dotted names, lists of texts are lines."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from core.errors import InputError
from core.tables.cells import cell_text
from core.tables.problems import Problems, clean_cells

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from core.tables.files import Table

MAX_UNPACKED = 4_000_000_000  # bytes of the whole file; it is read in batches
MAX_GROUP = 1_500_000_000  # of one row group, of which a page of each column is held
MAX_COLUMN = 100_000_000  # of one column in a row group, where it packs suspiciously well
MAX_RATIO = 200
BATCH, BATCH_OF_LISTS = 5_000, 100  # rows; a list may name a long text of the column's dictionary again and again
BATCH_BYTES = 20_000_000
INDEX = "__index_level_0__"  # what pandas calls the numbers of its rows


def parquet_rows(table: Table, problems: Problems) -> Iterator[tuple[int, list[str]]]:
    """Yield (row number, cells as text) of a Parquet file, the column names as row 1. Raises InputError."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(table.path) as file:
            _check(file, table)
            texts = [
                leaf.path
                for leaf in map(file.schema.column, range(len(file.schema)))
                if leaf.physical_type == "BYTE_ARRAY"
            ]
        # Texts that repeat are kept once: a small file may hold a long one in every row.
        with pq.ParquetFile(table.path, read_dictionary=[path for path in texts if "." not in path]) as file:
            yield from _rows(file, table, problems)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise InputError(
            "The file cannot be read as Parquet.", "Save it as CSV (UTF-8).", where=table.path.name
        ) from error


def _rows(file: pq.ParquetFile, table: Table, problems: Problems) -> Iterator[tuple[int, list[str]]]:
    schema = file.schema_arrow
    names = [name for name in dict.fromkeys(schema.names) if name != INDEX] or [INDEX]
    paths = [path for name in names for path in _paths(schema.field(schema.names.index(name)))]
    yield 1, [".".join(path) for path in paths]
    row, total, binary = 1, max(file.metadata.num_rows, 1), set()
    for batch in file.iter_batches(batch_size=_batch(file), columns=names):
        columns = [_texts(_column(batch, path)) for path in paths]
        for place, column in enumerate(columns):
            if column is None:
                binary.add(".".join(paths[place]))
                columns[place] = [""] * batch.num_rows
        for cells in zip(*columns):
            row += 1
            cells = list(cells)
            if any("\0" in cell or "\ufffd" in cell for cell in cells):
                cells = clean_cells(cells, row, problems)
            yield row, cells
        table.share = (row - 1) / total
    for name in sorted(binary):
        problems.add(None, name, f"The column {name} holds bytes that are no text; it was left empty.", "Leave it out.")


def _paths(field: pa.Field) -> list[tuple[str, ...]]:
    """The field, or the fields inside a struct, as paths of names."""
    import pyarrow.types as types

    if not types.is_struct(field.type) or not field.type.num_fields:
        return [(field.name,)]
    return [(field.name, *path) for inner in field.type for path in _paths(inner)]


def _column(batch: pa.RecordBatch, path: tuple[str, ...]) -> pa.Array:
    import pyarrow.compute as pc

    column = batch.column(batch.schema.names.index(path[0]))
    for name in path[1:]:
        column = pc.struct_field(column, name)  # where the struct is missing, so is its field
    return column


def _texts(column: pa.Array) -> list[str] | None:
    """A column's values as cells; None where they are bytes and no text."""
    import pyarrow as pa

    types = pa.types
    if types.is_dictionary(column.type):
        values = _texts(column.dictionary)
        return None if values is None else ["" if i is None else values[i] for i in column.indices.to_pylist()]
    if types.is_timestamp(column.type) and column.type.unit == "ns":  # Python's dates end at microseconds
        column = column.cast(pa.timestamp("us", column.type.tz), safe=False)
    if types.is_duration(column.type) and column.type.unit == "ns":
        column = column.cast(pa.duration("us"), safe=False)
    values = column.to_pylist()
    if types.is_binary(column.type) or types.is_large_binary(column.type) or types.is_fixed_size_binary(column.type):
        return None if _is_binary(values) else [cell_text(value) for value in values]
    return [value_text(value) for value in values]


def _is_binary(values: list[bytes | None]) -> bool:
    """Whether most of some bytes are no UTF-8, as pictures are."""
    some = [value for value in values[:200] if value]
    lost = sum("\ufffd" in value[:2_000].decode("utf-8", "replace")[:-1] for value in some)
    return lost * 2 > len(some)


def value_text(value: Any) -> str:
    """One value as a cell: a list of single values as lines, other lists and maps as JSON."""
    if isinstance(value, list) and not any(isinstance(one, list | dict | tuple) for one in value):
        return "\n".join(filter(None, map(cell_text, value)))
    if isinstance(value, list | dict | tuple):
        return json.dumps(value, ensure_ascii=False, default=cell_text)
    return cell_text(value)


def _batch(file: pq.ParquetFile) -> int:
    """Rows read at a time: fewer where they are large, or hold lists."""
    groups = [file.metadata.row_group(i) for i in range(file.metadata.num_row_groups)]
    each = sum(group.total_byte_size for group in groups) / max(file.metadata.num_rows, 1)
    nested = any("." in file.schema.column(i).path for i in range(len(file.schema)))
    return max(1, min(BATCH_OF_LISTS if nested else BATCH, round(BATCH_BYTES / (each + 1))))


def _check(file: pq.ParquetFile, table: Table) -> None:
    """Raise InputError where the file's own directory says that it unpacks to more than can be held."""
    groups = [file.metadata.row_group(i) for i in range(file.metadata.num_row_groups)]
    unpacked = sum(group.total_byte_size for group in groups)
    columns = [group.column(i) for group in groups for i in range(group.num_columns)]
    swollen = any(
        chunk.total_uncompressed_size > MAX_COLUMN
        and chunk.total_uncompressed_size > MAX_RATIO * max(chunk.total_compressed_size, 1)
        for chunk in columns
    )
    if swollen or unpacked > MAX_UNPACKED or max((group.total_byte_size for group in groups), default=0) > MAX_GROUP:
        raise InputError(
            f"The file unpacks from {table.path.stat().st_size / 1e6:,.0f} MB to {unpacked / 1e6:,.0f} MB; it was not opened.",
            "Write it with smaller row groups, or split it into several files.",
            where=table.path.name,
        )
