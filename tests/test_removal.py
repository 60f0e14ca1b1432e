"""Imports taken back, assets, students and clients removed: nothing else changes, money stays in the ledger, kills leave all or
nothing."""

from __future__ import annotations

import csv
import os
import shutil
import signal
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from core import database, jobs, removal, tasks, taxonomy
from core.assets import imports
from core.errors import InputError
from core.label import labelling
from core.label.gold import labels as gold_labels
from core.money import ledger
from core.tables.columns import Mapping
from core.tasks import Task
from core.train.registry import all_students, history, set_live
from core.watch import served
from tests import small

NOT_COMPARED = {"removals", "doomed_files", "_sqlite_migrations", "audit_trail", "sqlite_sequence"}


def tables(db, without: set[str] = frozenset()) -> dict[str, list]:
    """Every row of every table, in order."""
    names = set(db.table_names()) - NOT_COMPARED - without
    return {name: sorted(map(repr, db.execute(f'select * from "{name}"').fetchall())) for name in sorted(names)}


def write(folder: Path, name: str, rows: list[dict]) -> Path:
    path = folder / name
    with path.open("w", newline="", encoding="utf-8") as out:
        table = csv.DictWriter(out, ["id", "text", "label", "gold", "campaign", "split"])
        table.writeheader()
        table.writerows(rows)
    return path


def bring(db, client: Task, folder: Path, name: str, rows: list[dict]) -> int:
    columns = {"id": "id", "label": "label", "gold": "gold", "family": "campaign", "split": "split"}
    mapping = Mapping(text=("text",), **columns)
    return imports.import_assets(db, client, write(folder, name, rows), mapping).import_id


def client_with_categories(db, folder: Path) -> Task:
    client = tasks.of(db, "Small")
    file, _ = small.files(folder)
    taxonomy.save(db, client, taxonomy.read(file).categories, file.name)
    return client


TEXTS = [
    "a grand opening of the new store in your neighbourhood this week",
    "a grand opening of the new store in your neighbourhood this week!",
    "sunny beach hotel with flights",
    "join the team, apply for the vacancy today",
    "clearance: save on every deal",
]
some = st.sampled_from(["", *small.WORDS])
row_of = st.builds(
    lambda number, text, label, gold, campaign, split: {
        "id": f"A{number}",
        "text": f"{TEXTS[text]}",
        "label": label,
        "gold": gold,
        "campaign": campaign,
        "split": split,
    },
    st.integers(0, 9),
    st.integers(0, 4),
    some,
    some,
    st.sampled_from(["", *(f"c{n}" for n in range(4))]),
    st.sampled_from(["", "train", "test"]),
)
file_of = st.lists(row_of, min_size=1, max_size=12).map(
    # campaigns that are too few to tell families would be passed over
    lambda rows: rows + [row_filler(n) for n in range(20)]
)


def row_filler(n: int) -> dict:
    return {
        "id": f"F{n}",
        "text": f"filler {n} {TEXTS[n % 5]}",
        "label": "",
        "gold": "",
        "campaign": f"f{n}",
        "split": "",
    }


@pytest.fixture(scope="module")
def empty_client(tmp_path_factory) -> Path:
    """A workspace whose one client has categories and no asset; migrated once, not for each example."""
    home = tmp_path_factory.mktemp("empty-client")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UNDERSTUDY_HOME", str(home))
        with closing(database.connect()) as db:
            client_with_categories(db, home)
    return home


@settings(max_examples=20, phases=[Phase.generate], suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(files=st.lists(file_of, min_size=3, max_size=3))
def test_after_undo_every_table_is_as_before_the_import(files, empty_client, monkeypatch):
    with tempfile.TemporaryDirectory() as scratch:
        shutil.copy(empty_client / "understudy.db", scratch)
        monkeypatch.setenv("UNDERSTUDY_HOME", scratch)
        with closing(database.connect()) as db:
            db.execute("pragma synchronous = off")
            before = {}
            for place, rows in enumerate(files):
                state = tables(db)
                number = bring(db, tasks.get(db, 2), Path(scratch), f"{place}.csv", rows)
                before.setdefault(number, state)  # the same file once more is no import of its own
            if len(before) == len(files):
                for number, state in reversed(before.items()):
                    removal.undo_import(db, 1, number)
                    assert tables(db) == state


def labelled(db, client: Task) -> dict[str, str]:
    return dict(
        db.execute(
            "select a.external_id, r.label from recordings r join assets a on a.id = r.asset_id where a.client_id = ?",
            [client.client_id],
        )
    )


def row(id: str, text: str, label: str = "", **more: str) -> dict:
    return {"id": id, "text": text, "label": label, "gold": "", "campaign": "", "split": ""} | more


def test_an_import_between_others_is_taken_back_without_them(db, tmp_path):
    client = client_with_categories(db, tmp_path)
    bring(db, client, tmp_path, "a.csv", [row("A1", TEXTS[2], "Sale"), row("A2", TEXTS[3])])
    b = bring(
        db, client, tmp_path, "b.csv", [row("A1", TEXTS[2], "Travel"), row("A2", TEXTS[3], "Hiring", gold="Hiring")]
    )
    c = bring(db, client, tmp_path, "c.csv", [row("A1", TEXTS[2], "Opening"), row("A3", TEXTS[4], "Sale")])
    assert gold_labels(db, client)
    said = " ".join(removal.of_import(db, client.client_id, b).sentences())
    assert "Back to what stood there before: 2 labels" in said
    removal.undo_import(db, client.client_id, b)
    assert labelled(db, client) == {"A1": "Opening", "A3": "Sale"} and not gold_labels(db, client)
    removal.undo_import(db, client.client_id, c)
    assert labelled(db, client) == {"A1": "Sale"}
    with pytest.raises(InputError, match="no import"):
        removal.undo_import(db, client.client_id, c)


def test_a_label_that_was_bought_stays_with_a_copy_that_stays(db, tmp_path):
    client = client_with_categories(db, tmp_path)
    a = bring(db, client, tmp_path, "a.csv", [row("A1", TEXTS[0], "Opening"), row("A2", TEXTS[2], "Travel")])
    bring(db, client, tmp_path, "b.csv", [row("B1", TEXTS[0]), row("B2", TEXTS[4])])
    number = labelling.label(db, client, "recorded:label")
    db.execute("update labels set cost_usd = 0.5")
    db.conn.commit()
    found = removal.of_import(db, client.client_id, a)
    assert (found.counts["assets"], found.counts["recorded"], found.counts["labels"], found.labels_usd) == (
        2,
        2,
        0,
        1.0,
    )
    assert "1 label of them stays with a copy" in " ".join(found.sentences())
    removal.undo_import(db, client.client_id, a)
    kept = "select a.external_id, l.cost_usd from labels l join assets a on a.id = l.asset_id where l.run_id = ?"
    assert db.execute(kept, [number]).fetchall() == [("B1", 0.5)]
    heads = db.execute("select count(*) from assets where group_id not in (select id from assets)").fetchone()[0]
    assert heads == 0, "groups have a first asset that is there"
    again = bring(db, client, tmp_path, "a.csv", [row("A1", TEXTS[0]), row("A2", TEXTS[2])])
    assert again > a, "a number is not given twice"
    groups = dict(db.execute("select external_id, group_id from assets").fetchall())
    assert groups["A1"] == groups["B1"], "a copy is still found as one"


def test_assets_are_removed_one_by_one_and_copies_are_still_found(db, tmp_path):
    client = client_with_categories(db, tmp_path)
    bring(db, client, tmp_path, "a.csv", [row("A1", TEXTS[0]), row("A2", TEXTS[0]), row("A3", TEXTS[2])])
    removal.remove_assets(db, client.client_id, ["A1"])
    bring(db, client, tmp_path, "b.csv", [row("B1", TEXTS[0])])
    groups = dict(db.execute("select external_id, group_id from assets").fetchall())
    assert set(groups) == {"A2", "A3", "B1"} and groups["A2"] == groups["B1"] != groups["A3"]
    with pytest.raises(InputError, match="no asset A1"):
        removal.remove_assets(db, client.client_id, ["A2", "A1"])
    assert db.execute("select count(*) from assets").fetchone()[0] == 3


def test_nothing_is_removed_while_a_job_is_under_way(judged_small, db):
    jobs.start(db, "train", {"task_id": 2, "run_id": 1, "kind": "linear"}, task=tasks.get(db, 2))
    before = tables(db)
    for remove in (
        lambda: removal.undo_import(db, 1, 1),
        lambda: removal.remove_assets(db, 1, ["A1"]),
        lambda: removal.remove_student(db, tasks.get(db, 2), 1, even_live=True),
        lambda: removal.remove_client(db, 1),
    ):
        with pytest.raises(InputError, match=r"Job \d+ of this client is under way"):
            remove()
    assert tables(db) == before


def test_undoing_says_what_hangs_on_the_import_and_leaves_the_student_at_work(judged_small, db, workspace):
    set_live(db, 1)
    said = " ".join(removal.of_import(db, 1, 1).sentences())
    assert "700 assets and 700 labels that came with files." in said and "linear 1, which is live, learned from" in said
    removal.undo_import(db, 1, 1)
    assert not db.execute("select count(*) from assets").fetchone()[0]
    assert [row["live"] for row in all_students(db, tasks.get(db, 2))] == [1]
    assert (workspace / "students/1/config.json").exists()


def test_the_live_student_goes_only_where_that_was_meant(judged_small, db, workspace):
    set_live(db, 1)
    first = next(db.query("select * from students where id = 1"))
    for id in (2, 3):
        shutil.copytree(workspace / "students/1", workspace / f"students/{id}")
        db["students"].insert(first | {"id": id, "live": 0, "parent_id": id - 1, "path": f"students/{id}"})
        set_live(db, id)
    set_live(db, 1)
    removal.remove_student(db, tasks.get(db, 2), 2)
    assert not (workspace / "students/2").exists() and [one["student_id"] for one in history(db, tasks.get(db, 2))] == [
        1,
        3,
        1,
    ]
    assert db.execute("select parent_id from students where id = 3").fetchone()[0] == 1
    with pytest.raises(InputError, match="linear 1 is live"):
        removal.remove_student(db, tasks.get(db, 2), 1)
    removal.remove_student(db, tasks.get(db, 2), 3)
    removal.remove_student(db, tasks.get(db, 2), 1, even_live=True)
    assert not all_students(db, tasks.get(db, 2)) and not history(db, tasks.get(db, 2))
    params = {"task_id": 2, "run_id": 1, "kind": "linear", "target": 0.9}
    trained = jobs.run_here(db, "train", params, tasks.get(db, 2))
    assert [row["id"] for row in all_students(db, tasks.get(db, 2))] == [4], (
        trained.result,
        "a service must not take it for student 3",
    )


def spend(db, client: Task, run_id: int | None) -> None:
    db["calls"].insert(
        {
            "client_id": client.client_id,
            "run_id": run_id,
            "purpose": "label",
            "connection": "GPT",
            "model": "gpt",
            "state": "settled",
            "reserved_usd": 2.0,
            "cost_usd": 1.25,
            "started": database.now(),
        }
    )


def test_a_client_goes_with_all_that_is_its_own_and_its_bills_stay(judged_small, db, workspace, tmp_path):
    other = small.fill(db, tmp_path / "other", small.rows(30, seed=5), client="Other")
    labelling.label(db, other, "recorded:label")
    spend(db, tasks.get(db, 2), 1)
    spend(db, other, None)
    own = {name: of for name, of in tables(db).items() if name not in ("calls", "clients")}
    for client in (1, other.client_id):
        served.answers(client).close()
    total = sum(row["spent_usd"] for row in ledger.by_client_and_month(db))
    found = removal.remove_client(db, 1)
    assert found.counts["assets"] == 700 and found.counts["students"] == 1
    assert [row["name"] for row in db.query("select name from clients")] == ["Other"]
    assert db.execute("select count(*) from assets").fetchone()[0] == 30
    assert all(set(left) <= set(own[name]) for name, left in tables(db, {"calls", "clients"}).items()), (
        "others' rows are as before"
    )
    assert not list((workspace / "students").iterdir())
    assert {path.name for path in (workspace / "served").iterdir()} == {f"client-{other.client_id}.sqlite"}
    months = {row["client"]: row["spent_usd"] for row in ledger.by_client_and_month(db)}
    assert sum(months.values()) == total == 2.5
    assert any(name.startswith("Small (deleted 20") for name in months)
    assert tasks.of(db, "Small").client_id == other.client_id + 1, "a number is not given twice"
    assert not db.execute("pragma foreign_key_check").fetchall()


def test_a_client_is_renamed_and_two_never_have_one_name(db):
    client = tasks.of(db, "Northwind")
    tasks.of(db, "Acme")
    assert removal.rename_client(db, client.client_id, "  North   wind ") == "North wind"
    assert removal.rename_client(db, client.client_id, "NORTH WIND") == "NORTH WIND", "its own name in other letters"
    for name, match in (("acme", "called acme already"), ("", "needs a name")):
        with pytest.raises(InputError, match=match):
            removal.rename_client(db, client.client_id, name)


def ends_by_itself(remove, statements: int) -> bool:
    """Whether a process of its own gets to the end of `remove`; it is killed at that many statements to the database."""
    child = os.fork()
    if child == 0:
        database._migrated.clear()
        db, left = database.connect(), iter(range(statements - 1))
        db.conn.set_trace_callback(
            lambda _: None if next(left, None) is not None else os.kill(os.getpid(), signal.SIGKILL)
        )
        remove(db)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.mark.parametrize("remove", (lambda db: removal.remove_client(db, 1), lambda db: removal.undo_import(db, 1, 1)))
def test_a_kill_leaves_all_or_nothing(judged_small, workspace, remove):
    with closing(database.connect()) as db:
        before = tables(db)
    files = sorted(map(str, (workspace / "students").rglob("*")))
    statements, nothing = 2, 0
    while not ends_by_itself(remove, statements):
        with closing(sqlite3.connect(workspace / "understudy.db")) as look:  # does not sweep
            gone = not look.execute("select count(*) from assets").fetchone()[0]
        if gone:
            break
        with closing(database.connect()) as db:
            assert tables(db) == before
        assert sorted(map(str, (workspace / "students").rglob("*"))) == files
        nothing, statements = nothing + 1, round(statements * 1.4) + 1
    assert nothing > 3
    database._migrated.clear()  # as in a new process
    with closing(database.connect()) as db:
        assert not db.execute("select count(*) from assets").fetchone()[0]
        assert not db.execute("select count(*) from doomed_files").fetchone()[0]
        assert bool(list((workspace / "students").iterdir())) == bool(db["students"].count)
