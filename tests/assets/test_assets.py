"""Assets go in whole or not at all, once, and what the workspace says of them is what the file said."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core import database, tasks, taxonomy
from core.assets import copies, duplicates, imports, previews, profiles
from core.assets.imports import import_assets
from core.errors import Cancelled, InputError
from core.tables import problems as problem_list
from core.tables.columns import Mapping
from core.taxonomy import Category

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def client(db):
    return tasks.of(db, "Acme")


def file(folder, text, name="a.csv"):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def give_taxonomy(db, client, *names):
    taxonomy.save(db, client, [Category(name, name) for name in names], "t.csv")


def all_rows(db, table, columns="*"):
    return db.execute(f"select {columns} from {table} order by 1, 2").fetchall()


def test_banking77_imports_whole_and_the_same_file_twice_adds_nothing(db, client, shared_data):
    path = shared_data / "banking77" / "test.csv"
    assert previews.preview(path).guess == Mapping(text=("text",), label="label")
    first = import_assets(db, client, path)
    assert (first.rows, first.imported, first.unchanged, first.problems) == (3080, 3080, 0, 1)
    (note,) = profiles.problems_of(db, first.import_id)
    assert note.row is None and "copies with different labels" in note.what
    before = all_rows(db, "assets"), all_rows(db, "recordings"), all_rows(db, "imports", "id, imported")
    again = import_assets(db, client, path)
    assert (again.import_id, again.imported, again.unchanged) == (first.import_id, 0, 3080)
    assert (all_rows(db, "assets"), all_rows(db, "recordings"), all_rows(db, "imports", "id, imported")) == before


def test_every_column_goes_where_it_belongs(db, client, tmp_path):
    give_taxonomy(db, client, "Shoes", "Hats")
    path = file(
        tmp_path,
        "asset_id;file_name;headline;body;cta;recorded_label;recorded_confidence;tokens_in;tokens_out;latency_ms;gold_label;split\n"
        "a1;x_300x250.jpg;Run faster;;Shop now;shoes;0,93;1500;12;2250,5;Shoes;validation\n"
        "a2;y.jpg;Warm heads;Hats for all;;Hats;71%;;;;;TEST\n",
    )
    summary = import_assets(db, client, path)
    assert (summary.imported, summary.problems) == (2, 0)
    rows = db.execute("select external_id, text, split, split_given, extra from assets order by id").fetchall()
    assert rows == [
        ("a1", "Run faster\nShop now", "calibration", 1, '{"file_name": "x_300x250.jpg"}'),
        ("a2", "Warm heads\nHats for all", "test", 1, '{"file_name": "y.jpg"}'),
    ]
    recorded = "source, label, confidence, tokens_in, tokens_out, latency_ms"
    assert db.execute(f"select {recorded} from recordings order by asset_id").fetchall() == [
        ("recorded_label", "shoes", 0.93, 1500, 12, 2250.5),
        ("recorded_label", "Hats", 0.71, None, None, None),
    ]
    gold = (
        "select a.external_id, r.reviewer, c.label from reviews r join assets a on a.id = asset_id"
        " join categories c on c.id = category_id"
    )
    assert db.execute(gold).fetchall() == [("a1", "file", "Shoes")]


def test_a_second_file_updates_labels_and_gold_of_assets_that_are_there_and_leaves_their_text(db, client, tmp_path):
    give_taxonomy(db, client, "Shoes", "Hats")
    import_assets(db, client, file(tmp_path, "id,text,label\n1,good,Shoes\n2,fine,Hats\n"))
    second = file(tmp_path, "id,text,label,gold\n1,good,Hats,Hats\n2,changed,Hats,\n3,new,Shoes,\n", "b.csv")
    for _ in range(2):
        summary = import_assets(db, client, second)
    assert (summary.imported, summary.unchanged, summary.problems) == (0, 2, 1)
    what = "Asset 2 is already there with another text; it was left as it is."
    assert [p[1:4] for p in all_rows(db, "import_problems")] == [(3, "id", what)]
    assert db.execute("select label from recordings order by asset_id").fetchall() == [("Hats",), ("Hats",), ("Shoes",)]
    assert db["reviews"].count == 1
    assert [row[0] for row in db.execute("select text from assets order by external_id")] == ["good", "fine", "new"]


def test_without_ids_repeated_texts_are_counted_and_known_again(db, client, tmp_path):
    path = file(tmp_path, "text\nsame\nother\nsame\n")
    first = import_assets(db, client, path)
    assert (first.imported, first.duplicates) == (3, 1)
    ids = [row[0] for row in db.execute("select external_id from assets order by id")]
    assert ids[0].removesuffix("-1") == ids[2].removesuffix("-2") and ids[0].startswith("t-0967115f2813a3")
    assert import_assets(db, client, path).unchanged == 3


def test_the_same_id_and_text_twice_in_a_file_is_one_asset(db, client, tmp_path):
    summary = import_assets(db, client, file(tmp_path, "id,text\n1,same\n1,same\n"))
    assert (summary.rows, summary.imported, summary.unchanged, summary.problems) == (2, 1, 1, 0)


def test_clients_do_not_see_each_other(db, client, tmp_path):
    path = file(tmp_path, "id,text\n1,the very same text of an asset\n")
    other = tasks.of(db, "Other")
    import_assets(db, client, path)
    assert import_assets(db, other, path).imported == 1
    assert db.execute("select count(distinct group_id) from assets").fetchone() == (2,)


def test_copies_are_grouped_under_the_first_also_across_imports(db, client, tmp_path):
    text = "Discover the new summer collection of shoes for men, women and kids, with free delivery until Sunday, save a third"
    import_assets(db, client, file(tmp_path, f"id,text\na,{json.dumps(text)}\nb,unlike all others\n"))
    second = file(tmp_path, f'id,text\nc,{json.dumps(text.upper())}\nd,"{text} now"\ne,quite new\n', "b.csv")
    assert import_assets(db, client, second).duplicates == 2
    groups = dict(db.execute("select a.external_id, g.external_id from assets a join assets g on g.id = a.group_id"))
    assert groups == {"a": "a", "b": "b", "c": "a", "d": "a", "e": "e"}


def test_given_splits_keep_copies_apart_and_the_resemblance_is_reported(db, client, tmp_path):
    path = file(
        tmp_path,
        "id,text,split\n1,one and the same,train\n2,one and the same,test\n3,One and the same!,train\n4,else,test\n",
    )
    summary = import_assets(db, client, path)
    assert db.execute("select external_id, group_id from assets order by id").fetchall() == [
        ("1", 1),
        ("2", 2),
        ("3", 1),
        ("4", 4),
    ]
    assert [p[3] for p in all_rows(db, "import_problems")] == [
        "3 assets resemble assets of another split, which flatters the agreement; splits were kept as given."
    ]
    again = file(tmp_path, "id,text,split\n9,one and the same,calibration\n1,one and the same,test\n", "b.csv")
    assert import_assets(db, client, again).problems == 2
    assert db.execute("select split, group_id = id from assets where external_id = '9'").fetchone() == (
        "calibration",
        1,
    )
    assert summary.duplicates == 1


def test_labels_need_no_taxonomy_and_gold_waits_for_one(db, client, tmp_path):
    path = file(tmp_path, "id,text,label,gold\n1,a,Shoes,Shoes\n2,b,Hats,\n")
    summary = import_assets(db, client, path)
    assert (summary.problems, db["recordings"].count, db["reviews"].count) == (1, 2, 0)
    assert all_rows(db, "import_problems")[0][3].startswith("Gold labels were left out: there is no taxonomy yet")
    give_taxonomy(db, client, "Shoes", "Hats")
    assert import_assets(db, client, path).problems == 0
    assert db["reviews"].count == 1


def test_a_chosen_mapping_wins_and_a_missing_column_is_named(db, client, tmp_path):
    path = file(tmp_path, "id,text,note\n1,first,second\n")
    import_assets(db, client, path, Mapping(text=("note", "text")))
    assert db.execute("select text, extra from assets").fetchone() == ("second\nfirst", '{"id": "1"}')
    with pytest.raises(InputError, match=r"a\.csv: The file has no column price\. Choose from: id, text, note\."):
        import_assets(db, client, path, Mapping(text=("price",)))


def test_problems_past_the_cap_are_counted_and_the_download_is_safe_to_open(db, client, tmp_path, monkeypatch):
    monkeypatch.setattr(problem_list, "KEPT_PROBLEMS", 2)
    give_taxonomy(db, client, "Shoes")
    path = file(tmp_path, "id,text,=label\n" + "".join(f"{i},text {i},=cmd|{i}\n" for i in range(5)))
    summary = import_assets(db, client, path, Mapping(text=("text",), id="id", label="=label"))
    table = list(csv.reader(io.StringIO(profiles.problems_csv(db, summary.import_id))))
    assert summary.problems == 5
    assert table[0] == ["row", "column", "what", "todo", "kind"]
    assert table[1][:2] == ["2", "'=label"] and "=cmd|0" in table[1][2]
    assert table[3][2] == "3 more are not listed." and len(table) == 4


class Watch:
    """A progress that does something at each report."""

    def __init__(self, act):
        self.act = act

    def __call__(self, done, total, message="", spent_usd=0.0):
        assert 0 <= done <= total or total == 0
        self.act(message)

    def check(self):
        return None


def test_cancelling_leaves_nothing_and_a_second_run_does_it_all(db, client, tmp_path, workspace):
    path = file(tmp_path, "id,text\n" + "".join(f"{i},text number {i}\n" for i in range(50)))

    def stop(message):
        if message.startswith("Step 2"):
            raise Cancelled

    with pytest.raises(Cancelled):
        import_assets(db, client, path, progress=Watch(stop))
    assert (db["assets"].count, db["imports"].count, list((workspace / "tmp").glob("*.db"))) == (0, 0, [])
    assert import_assets(db, client, path).imported == 50


def test_others_can_write_while_an_import_reads_and_groups(db, client, tmp_path, workspace):
    path = file(tmp_path, "id,text\n1,a\n2,b\n")
    other = sqlite3.connect(workspace / "understudy.db", timeout=0.1)
    messages = []

    def write(message):
        messages.append(message)
        with other:
            other.execute("insert or replace into settings values (0, 0, 'beat', ?)", [str(len(messages))])

    import_assets(db, client, path, progress=Watch(write))
    assert [m[:6] for m in dict.fromkeys(messages)] == ["Step 1", "Step 2", "Step 3"]


KILLED = """
import os, signal, sys
from pathlib import Path
from core import database, tasks
from core.assets import imports
path, point = Path(sys.argv[1]), sys.argv[2]
db = database.connect()
client = tasks.of(db, "Acme")
def die(text):
    if point in text: os.kill(os.getpid(), signal.SIGKILL)
class Progress:
    def __call__(self, done, total, message="", spent_usd=0.0): die(message)
    def check(self): pass
db.conn.set_trace_callback(die)
imports.import_assets(db, client, path, progress=Progress())
"""


@pytest.mark.parametrize("point", ["Step 1", "Step 2", "insert or replace into recordings", "COMMIT"])
def test_kill_9_leaves_nothing_behind_and_the_next_import_does_it_all(db, client, tmp_path, workspace, point):
    path = file(tmp_path, "id,text,label\n" + "".join(f"{i},text number {i},Shoes\n" for i in range(300)))
    env = {**os.environ, "UNDERSTUDY_HOME": str(workspace)}
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(path), point], env=env, cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    counts = [db[table].count for table in ("assets", "recordings", "imports", "import_problems", "asset_bands")]
    assert counts == [0] * 5
    assert len(list((workspace / "tmp").glob("import-*.db"))) == 1
    assert import_assets(db, client, path).imported == 300
    assert list((workspace / "tmp").glob("import-*.db")) == []


def test_a_job_imports_and_answers_with_the_summary(db, client, tmp_path):
    kept = imports.keep_upload("../../etc/Ads März (1).csv", b"id,wording\n1,Hello there\n")
    assert kept.parent.parent.name == "uploads" and kept.name == "Ads_März_1_.csv"
    assert kept.read_bytes().startswith(b"id")
    params = {
        "task_id": client.id,
        "path": str(kept),
        "filename": "Ads März (1).csv",
        "mapping": {"text": ["wording"], "id": "id"},
    }
    result = imports.import_job(db, json.loads(json.dumps(params)), Watch(lambda message: None))
    assert result == {
        "import_id": 1,
        "rows": 1,
        "imported": 1,
        "unchanged": 0,
        "duplicates": 0,
        "problems": 0,
        "relabelled": 0,
        "remarks": 0,
        "aside": 0,
    }
    assert all_rows(db, "imports", "filename, 1") == [("Ads März (1).csv", 1)]


def test_the_profile_tells_what_is_there(db, client, tmp_path):
    assert profiles.profile(db, client)["assets"] == 0
    give_taxonomy(db, client, "Shoes", "Hats")
    path = file(
        tmp_path,
        "id,text,label,gold,market,split\n1,one two three,Shoes,Hats,DE,train\n2,One two three!,Shoes,,,train\n3,four,Hats,,,\n",
    )
    import_assets(db, client, path)
    found = profiles.profile(db, client)
    assert (found["assets"], found["groups"], found["duplicates"], found["gold"]) == (3, 2, 1, 1)
    assert found["words"] == {"p5": 1, "p50": 3, "p95": 3, "max": 3}
    assert found["splits"] == {"train": 2, "": 1}
    assert found["labels"] == {"label": {"count": 3, "distinct": 2, "top": [("Shoes", 2), ("Hats", 1)]}}
    assert (found["extra"], found["columns"]["text"]) == (["market"], ["text"])


quick = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
name = st.sampled_from(["a", "b", "c", "", "d"])
text = st.sampled_from(
    ["Summer sale on shoes", "summer sale on shoes!", "Winter hats", "A long text " * 9, "A long text " * 8 + "b"]
)


@quick
@given(
    rows=st.lists(st.tuples(name, text, st.sampled_from(["train", "test", "", "x"])), min_size=1, max_size=12),
    cut=st.integers(0, 12),
)
def test_however_rows_arrive_no_group_spans_splits_and_ids_stay(db, tmp_path, rows, cut):
    client = tasks.of(db, f"client {database.now()}")
    seen: dict[str, tuple] = {}
    for part in (rows[:cut], rows[cut:], rows):
        if part:
            lines = io.StringIO()
            csv.writer(lines).writerows([["id", "text", "split"], *part])
            import_assets(db, client, file(tmp_path, lines.getvalue()))
        query = "select external_id, id, text, group_id, split from assets where client_id = ? order by id"
        now = {row[0]: row[1:] for row in db.execute(query, [client.client_id])}
        assert {k: now[k][:3] for k in seen} == {k: v[:3] for k, v in seen.items()}
        by_group: dict[int, set] = {}
        for asset_id, _, group_id, split in now.values():
            by_group.setdefault(group_id, set()).add(split)
            assert group_id <= asset_id
        assert all(len(splits) == 1 for splits in by_group.values())
        seen = now


@quick
@given(
    data=st.binary(max_size=200), head=st.sampled_from([b"", b"id,text,label\n", b"text\n", b"\xff\xfe", b'{"text": "'])
)
def test_whatever_the_bytes_an_import_succeeds_or_says_what_is_wrong(db, client, tmp_path, data, head):
    path = tmp_path / ("a.jsonl" if head.startswith(b"{") else "a.csv")
    path.write_bytes(head + data)
    try:
        summary = import_assets(db, client, path)
        assert summary.rows >= summary.imported + summary.unchanged
    except InputError as error:
        assert error.what and error.todo


def test_the_texts_of_known_assets_are_not_hashed_again(db, client, tmp_path, monkeypatch):
    import_assets(
        db, client, file(tmp_path, "id,text\n" + "".join(f"{i},some words {i} of a text\n" for i in range(200)))
    )
    hashed = []
    monkeypatch.setattr(
        duplicates, "signatures", lambda forms, real=duplicates.signatures: hashed.extend(forms) or real(forms)
    )
    import_assets(db, client, file(tmp_path, "id,text\nnew,nothing like the others\n", "b.csv"))
    assert "nothing like the others" in hashed and len(hashed) <= 1 + copies.SAMPLE


def test_a_header_alone_is_told_when_the_file_is_read(tmp_path):
    path = tmp_path / "bare.csv"
    path.write_text("id,headline,label\n\n")
    with pytest.raises(InputError, match="header but no rows"):
        previews.preview(path)


def test_what_needs_nobody_is_remarked_and_no_problem_and_every_row_is_accounted_for(db, client, tmp_path):
    lines = ["Ad report,,", "1 to 31 March 2026,,", "Ad ID,Headline,Clicks"]
    lines += [f"a{n},Offer number {n} for everybody,{n}" for n in range(6)]
    path = file(tmp_path, "\n".join([*lines, "a7,,4", "Total,--,25"]) + "\n")
    found = import_assets(db, client, path)
    listed = profiles.problems_of(db, found.import_id)
    assert [(one.row, one.kind) for one in listed if one.row] == [(10, "problem"), (11, "remark")]
    assert (found.problems, found.remarks) == (1, 2), "the row without a text; the title lines and the total"
    assert found.rows == found.imported + sum(one.row is not None for one in listed) == 8
    assert (found.imported, found.aside) == (6, 1)
    again = import_assets(db, client, path)
    assert (again.import_id, again.problems, again.remarks) == (found.import_id, 1, 2)
    kept = db.execute("select row_count, aside, problem_count, remark_count from imports").fetchall()
    assert kept == [(8, 1, 1, 2)]
