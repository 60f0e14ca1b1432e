"""Held-out sets put before vendors, and the blind pack that goes out with one: assets without labels, in no telling order.

    set_id = held_out(db, task, size=500)
    Path("pack.zip").write_bytes(pack(db, set_id))

A set is fixed once made: every vendor asked about it answers the same assets, and assets imported later do not change it.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Iterable

import pandas as pd
from sqlite_utils import Database

from core import taxonomy
from core.chance import chance
from core.database import now
from core.errors import InputError
from core.escape import Cells
from core.tasks import Task, get
from core.words import counted

DATED = (1980, 1, 1, 0, 0, 0)  # of the files in a pack: the same set packs to the same bytes

VERSION = """taxonomy.csv holds version {version} of the taxonomy.

The answers are read by this version. Where a later one is in use when they are judged, they are carried over to it
wherever it is certain what became of a category.
"""
INSTRUCTIONS = """What is asked

assets.csv holds {assets:,} advertising assets: an id and the text. {asked} taxonomy.csv
({categories}; where a category has a parent, description or examples, they say what belongs in it).

What to send back

answers.csv, filled in, or a table with the same columns (CSV, Excel, JSON lines or Parquet). One row an asset:

asset_id      as in assets.csv, unchanged
label         {label}
confidence    how sure the answer is, 0 to 1; may stay empty
latency_ms    milliseconds this one asset took from request to answer; may stay empty
price_usd     what this one asset costs at your list price, in US dollars; may stay empty where you quote a price per 1,000

How it is judged

An asset without an answer and an answer that {wrong} taxonomy.csv both count as wrong; the share of answered assets is
stated as well.{right} Spelling is forgiven where only one category can be meant. The order of the assets means nothing. An
apostrophe at the beginning of a cell only keeps spreadsheets from running it as a formula.
"""


ONE = {
    "asked": "Sort each into exactly one category of",
    "label": 'one category, written exactly as in the column "category" of taxonomy.csv',
    "wrong": "is no category of",
    "right": "",
}
SEVERAL = {
    "asked": "Give each all categories that fit, none where none does, of",
    "label": 'the categories that fit, parted by semicolons, each written exactly as in the column "category" of\n'
    "              taxonomy.csv; [] where none fits",
    "wrong": "names what is no category of",
    "right": " An answer is right where it names exactly the categories that the asset\nhas; how many single ones are right is "
    "stated beside that.",
}


def held_out(db: Database, task: Task, size: int | None = None) -> int:
    """The id of a set of the client's test assets that a teacher has labelled: all of them, or `size` drawn by a hash of their ids.

    Of copies of one creative the first stands for all: the others cost the vendor's time and prove nothing. The same assets are
    the same set. Raises InputError where nothing is held out yet.
    """
    run, assets = _labelled(db, task)
    ids = sorted(map(int, _drawn(assets, size)["id"]))
    content = hashlib.sha256(repr((run["taxonomy_id"], ids)).encode()).hexdigest()
    with db.atomic():
        db.execute(
            "insert or ignore into vendor_sets (task_id, taxonomy_id, size, content_hash, created) values (?, ?, ?, ?, ?)",
            [task.id, run["taxonomy_id"], len(ids), content, now()],
        )
        set_id = db.execute(
            "select id from vendor_sets where task_id = ? and content_hash = ?", [task.id, content]
        ).fetchone()[0]
        db.conn.executemany("insert or ignore into vendor_set_assets values (?, ?)", [(set_id, asset) for asset in ids])
    return set_id


def count(db: Database, task: Task) -> int:
    """How many assets all of them are. InputError where nothing is held out yet."""
    return len(_labelled(db, task)[1])


def _labelled(db: Database, task: Task) -> tuple[dict, pd.DataFrame]:
    """The label run vendors are held against, and the test assets it has labelled, one a creative: columns id, external_id."""
    run = reference(db, task)
    assets = pd.read_sql_query(
        """select min(a.id) as id, a.external_id from assets a where a.client_id = ? and a.split = 'test' and exists
           (select 1 from assets b join labels l on l.run_id = ? and l.asset_id = b.id and l.category_id is not null
            and l.chance is null and not (b.external_id like 'served-%' and length(b.external_id) = 39)
            where b.client_id = a.client_id and b.group_id = a.group_id) group by a.group_id order by id""",
        db.conn,
        params=[task.client_id, run["id"]],
    )
    if assets.empty:
        raise InputError(
            "No labelled asset of this client is kept for the test yet.",
            "Train a student first, which keeps some, or mark them as test in the file's split column.",
        )
    return run, assets


def sets(db: Database, task: Task) -> list[dict]:
    """The client's sets, newest first: id, taxonomy_id, size, created."""
    query = "select id, taxonomy_id, size, created from vendor_sets where task_id = ? order by id desc"
    return list(db.query(query, [task.id]))


def find(db: Database, task: Task, set_id: int | None) -> dict:
    """The client's set with this id; None: the newest, or else all held-out assets. InputError where there is no such set."""
    if set_id is None:
        kept_sets = sets(db, task)
        set_id = kept_sets[0]["id"] if kept_sets else held_out(db, task)
    for row in sets(db, task):
        if row["id"] == set_id:
            return row
    raise InputError(f"This client has no blind pack {set_id}.", "The command `vendor sets` lists them.")


def pack(db: Database, set_id: int) -> bytes:
    """The blind pack of a set, a ZIP: assets.csv (asset_id, text; shuffled), taxonomy.csv, answers.csv (to fill in), instructions.

    Nothing in it tells a label or a split; cells that a spreadsheet would run are defused.
    """
    row = next(db.query("select * from vendor_sets where id = ?", [set_id]))
    assets = db.execute(
        """select a.external_id, a.text from vendor_set_assets s join assets a on a.id = s.asset_id where s.set_id = ?""",
        [set_id],
    ).fetchall()
    assets.sort(key=lambda asset: _order(asset[0], row["content_hash"]))
    categories = [c for c in taxonomy.load(db, row["taxonomy_id"]) if c.assignable]
    files = {
        "assets.csv": _csv(["asset_id", "text"], assets),
        "taxonomy.csv": _csv(
            ["category", "parent", "description", "examples"],
            ((c.label, c.parent or "", c.description, "; ".join(c.examples)) for c in categories),
        ),
        "answers.csv": _csv(
            ["asset_id", "label", "confidence", "latency_ms", "price_usd"], ((id, "", "", "", "") for id, _ in assets)
        ),
        "instructions.txt": INSTRUCTIONS.format(
            assets=len(assets),
            categories=counted(len(categories), "category", "categories"),
            **(SEVERAL if get(db, row["task_id"]).several else ONE),
        ).encode(),
        "version.txt": VERSION.format(version=taxonomy.version_of(db, row["taxonomy_id"])).encode(),
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, data in files.items():
            packed.writestr(zipfile.ZipInfo(name, DATED), data, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def reference(db: Database, task: Task) -> dict:
    """The label run that vendors are held against: the live student's, else the newest student's, else the newest with labels."""
    query = """select r.id, r.taxonomy_id from label_runs r
               left join students s on s.label_run_id = r.id and s.ready = 1
               where r.task_id = ? and exists (select 1 from labels l where l.run_id = r.id and l.category_id is not null)
               order by ifnull(s.live, 0) desc, ifnull(s.id, 0) desc, r.id desc limit 1"""
    row = next(db.query(query, [task.id]), None)
    if row is None:
        raise InputError(
            "This client has no teacher labels to hold a vendor against.", "Get labels on the Teacher page first."
        )
    return row


def _drawn(assets: pd.DataFrame, size: int | None) -> pd.DataFrame:
    if size is None or size >= len(assets):
        return assets
    return (
        assets.assign(order=[_order(external, "") for external in assets["external_id"]])
        .sort_values("order")
        .head(size)
    )


def _order(external_id: str, salt: str) -> float:
    return chance(f"{salt}\x1f{external_id}")


def _csv(head: list[str], rows: Iterable[Iterable[str]]) -> bytes:
    """UTF-8 with a byte-order mark, which spreadsheets need."""
    out = io.StringIO(newline="")
    table = Cells(out)
    table.row(*head)
    table.rows(rows)
    return out.getvalue().encode("utf-8-sig")
