"""What reports and databases write for nothing is nothing, and is said once."""

from __future__ import annotations

from core import tasks, taxonomy
from core.assets import imports


def test_marks_for_nothing_are_empty_in_every_role_and_said_once_with_their_count(tmp_path, db):
    path = tmp_path / "a.csv"
    path.write_text(
        "id,headline,body,label,confidence,split\n"
        "1,Red shoes, --,Shoes,n/a,(not set)\n2,--,Blue hats,NULL,NaN,train\n--,Green bags,-,N/A,,\n4,(not set),\\N,Shoes,,\n"
    )
    client = tasks.of(db, "Acme")
    (tmp_path / "t.csv").write_text("name\nShoes\nHats\n")
    taxonomy.save(db, client, taxonomy.read(tmp_path / "t.csv").categories, "t.csv")
    summary = imports.import_assets(db, client, path)
    assert (summary.rows, summary.imported) == (4, 3)
    assert [row[0] for row in db.execute("select text from assets order by id")] == [
        "Red shoes",
        "Blue hats",
        "Green bags",
    ]
    assert db.execute("select label, confidence from recordings").fetchall() == [("Shoes", None)]
    listed = [row[0] for row in db.execute("select what from import_problems where import_id = ?", [summary.import_id])]
    said = [what for what in listed if "a mark for nothing" in what]
    assert len(said) == 1 and said[0].startswith("11 cells hold")


def test_a_category_may_be_called_so(tmp_path, db):
    client = tasks.of(db, "Acme")
    (tmp_path / "t.csv").write_text("name\nShoes\nn/a\n")
    taxonomy.save(db, client, taxonomy.read(tmp_path / "t.csv").categories, "t.csv")
    path = tmp_path / "a.csv"
    path.write_text("id,text,label\n1,Red shoes,Shoes\n2,Thank you,N/A\n")
    assert imports.import_assets(db, client, path).problems == 0
    assert sorted(row[0] for row in db.execute("select label from recordings")) == ["N/A", "Shoes"]
