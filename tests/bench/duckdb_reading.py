"""DuckDB's CSV sniffer beside the own readers, on the odd files of the tests: the table of docs/reading.md.

    pip install --target /tmp/duckdb duckdb
    PYTHONPATH=/tmp/duckdb python -m tests.bench.duckdb_reading [FILE or FOLDER ...]

DuckDB is no dependency. Files named are read by both, and what each finds is printed below the table.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from core.errors import InputError
from core.tables.columns import KNOWN_ASSET_NAMES
from core.tables.files import Problems, open_table
from tests.tables.odd_files import FILES

Outcome = tuple[list[str], list[list[str]], int] | str  # columns, rows, rows listed; or why it was refused


def own(path: Path) -> Outcome:
    """What the product reads."""
    try:
        table = open_table(path, KNOWN_ASSET_NAMES)
        return table.columns, [cells for _, cells in table.records(Problems())], table.left_out
    except InputError as error:
        return error.what


def duck(path: Path) -> Outcome:
    """What DuckDB's sniffer reads, all of it as text, with the lines it rejects."""
    import duckdb

    connection = duckdb.connect()
    try:
        found = connection.execute("select * from read_csv(?, all_varchar = true, store_rejects = true)", [str(path)])
        columns = [column[0] for column in found.description]
        rows = [["" if cell is None else cell for cell in row] for row in found.fetchall()]
        listed = connection.execute("select count(distinct line) from reject_errors").fetchone()[0]
        return columns, rows, listed
    except duckdb.Error as error:
        return str(error).split("\n", 1)[0][:80]


def beside(found: Outcome, columns: list[str], rows: list[list[str]], listed: int) -> str:
    """An outcome compared with what is right."""
    if isinstance(found, str):
        return f"refused: {found}"
    if found == (columns, rows, listed):
        return "right"
    names = "" if found[0] == columns else "wrong header, "
    right = sum(row in rows for row in found[1])
    return f"{names}{right} of {len(rows)} rows right, {found[2]} listed"


def brief(found: Outcome) -> str:
    """An outcome in a few words."""
    if isinstance(found, str):
        return f"refused: {found}"
    return f"{len(found[1])} rows, {found[2]} listed, {', '.join(found[0])[:60]}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("paths", nargs="*", type=Path)
    args = parser.parse_args()
    print("| file | own readers | DuckDB |\n|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for number, odd in enumerate(FILES):
            path = Path(folder) / f"{number}.{odd.suffix}"
            path.write_bytes(odd.data)
            right = odd.columns, odd.rows, odd.listed
            print(f"| {odd.name} | {beside(own(path), *right)} | {beside(duck(path), *right)} |")
    files = [file for path in args.paths for file in (sorted(path.rglob("*")) if path.is_dir() else [path])]
    for file in files:
        if file.suffix in (".csv", ".tsv", ".txt"):
            print(f"| {file.name} | {brief(own(file))} | {brief(duck(file))} |")


if __name__ == "__main__":
    main()
