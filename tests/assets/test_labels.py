"""Label columns of an assets file: what is no category is counted by its value, offered what is near, and taken when accepted."""

from __future__ import annotations

from collections import Counter

import pytest

from core import tasks, taxonomy
from core.assets import label_columns
from core.assets.imports import import_assets, unknown_labels
from core.assets.profiles import profile
from core.errors import InputError
from core.label import labelling
from core.tables.columns import Mapping
from core.tasks import Task
from core.taxonomy.matching import Matcher


def bring(db, tmp_path, categories: str, assets: str, **how):
    client = tasks.of(db, "Acme")
    (tmp_path / "t.csv").write_text(categories, encoding="utf-8")
    (tmp_path / "a.csv").write_text(assets, encoding="utf-8")
    taxonomy.save(db, client, taxonomy.read(tmp_path / "t.csv").categories, "t.csv")
    return client, import_assets(db, client, tmp_path / "a.csv", **how)


def labelled(db, client: Task) -> dict[str, str]:
    made = labelling.label(db, client, "recorded:label")
    query = """select a.external_id, c.label from labels l join assets a on a.id = l.asset_id join categories c
               on c.id = l.category_id where l.run_id = ?"""
    return dict(db.execute(query, [made]).fetchall())


STREAMS = "id,text,label\n" + "".join(
    f"{i},stream number {i} now,{name}\n"
    for i, name in enumerate(["Disney+", "Disney", "Disney", "Canal+", "Aviation", "disney+"])
)


def test_a_near_label_is_counted_and_offered_and_taken_only_when_accepted(db, tmp_path):
    client, found = bring(db, tmp_path, "name\nDisney+\nCanal+\n", STREAMS)
    assert [(one.value, one.assets, one.near) for one in found.unknown] == [
        ("Disney", 2, ("Disney+",)),
        ("Aviation", 1, ()),
    ]
    assert found.unknown[0].sentence == "2 labels “Disney” are no category; near: Disney+."
    assert (found.rows, found.imported, found.problems) == (6, 6, 3), "each row is listed as well"
    assert unknown_labels(db, found.import_id) == list(found.unknown)
    assert labelled(db, client) == {"0": "Disney+", "3": "Canal+", "5": "Disney+"}
    again = import_assets(db, client, tmp_path / "a.csv", accepted=label_columns.nearest(list(found.unknown)))
    assert (again.imported, again.unchanged, again.problems, again.remarks) == (0, 6, 1, 1), (
        "accepted: nobody has to do more"
    )
    query = "select what from import_problems where import_id = ? and row is null"
    told = [what for (what,) in db.execute(query, [again.import_id])]
    assert told == ["2 labels “Disney” were taken as Disney+, as accepted."]
    assert [one.value for one in unknown_labels(db, again.import_id)] == ["Aviation"]
    assert labelled(db, client) == {"0": "Disney+", "1": "Disney+", "2": "Disney+", "3": "Canal+", "5": "Disney+"}


def test_stars_are_read_as_codes_or_names_by_the_whole_column(db, tmp_path):
    stars = "id,name\n0,1\n1,2\n2,3\n3,4\n4,5\n"
    rows = "id,text,label\n" + "".join(f"a{i},review number {i} words,{i % 5}\n" for i in range(20))
    client, found = bring(db, tmp_path, stars, rows)
    assert (found.problems, found.unknown) == (0, ())
    assert labelled(db, client) == {f"a{i}": str(i % 5 + 1) for i in range(20)}


def test_a_tie_between_codes_and_names_is_asked(db, tmp_path):
    stars, rows = "id,name\n0,1\n1,2\n2,3\n", "id,text,label\na,first words,1\nb,second words,2\n"
    with pytest.raises(InputError, match=r"a\.csv: .*1 is the name of 1 and the code of 2"):
        bring(db, tmp_path, stars, rows)
    for way, expected in (("names", {"a": "1", "b": "2"}), ("codes", {"a": "2", "b": "3"})):
        client, _ = bring(db, tmp_path, stars, rows, mapping=Mapping(("text",), id="id", label="label", labels_are=way))
        assert labelled(db, client) == expected
        db.execute("delete from labels")
        db.conn.commit()


def test_codes_that_a_spreadsheet_shortened_are_their_categories(db, tmp_path):
    rows = "id,text,label\n0,shoe one,1\n1,hat two,2.0\n2,bag three,10\n3,shoe four,001\n4,shoe five,Shoes\n"
    client, found = bring(db, tmp_path, "code,name\n001,Shoes\n002,Hats\n010,Bags\n", rows)
    assert [(one.value, one.near) for one in found.unknown] == [("Shoes", ("Shoes",))], "one way for the whole column"
    assert labelled(db, client) == {"0": "Shoes", "1": "Hats", "2": "Bags", "3": "Shoes"}


def test_labels_brought_before_the_taxonomy_are_read_one_way_too(db, tmp_path):
    client = tasks.of(db, "Acme")
    (tmp_path / "a.csv").write_text("id,text,label\n1,first words,0\n2,second words,1\n3,third words,0\n")
    import_assets(db, client, tmp_path / "a.csv")
    (tmp_path / "t.csv").write_text("id,name\n0,1\n1,2\n")
    taxonomy.save(db, client, taxonomy.read(tmp_path / "t.csv").categories, "t.csv")
    assert labelled(db, client) == {"1": "1", "2": "2", "3": "1"}


def test_a_map_of_labels_comes_from_a_file_and_its_faults_are_told(db, tmp_path):
    path = tmp_path / "map.csv"
    path.write_text("value,category\nDisney,disney+\nMickey,Disney+\n")
    client, found = bring(db, tmp_path, "name\nDisney+\nCanal+\n", STREAMS, accepted=label_columns.read_map(path))
    assert [one.value for one in found.unknown] == ["Aviation"]
    with pytest.raises(InputError, match="“Disney”, given for “Mickey”, is no category"):
        import_assets(db, client, tmp_path / "a.csv", accepted={"Mickey": "Disney"})
    path.write_text("value\nDisney\n")
    with pytest.raises(InputError, match="one column"):
        label_columns.read_map(path)


def test_a_mark_for_nothing_is_empty_and_never_asked_about(db, tmp_path):
    rows = STREAMS + "7,stream number seven now,--\n8,stream number eight now,(not set)\n9,stream nine now,N/A\n"
    client, found = bring(db, tmp_path, "name\nDisney+\nCanal+\nN/A\n", rows)
    assert [one.value for one in found.unknown] == ["Disney", "Aviation"]
    assert labelled(db, client)["9"] == "N/A", "a category may be called so"
    matcher = Matcher(taxonomy.load(db, taxonomy.latest(db, client)))
    counts = Counter({"--": 2, " ": 1, "Disney": 1})
    assert [one.value for one in label_columns.unknown_of(counts, "label", matcher)] == ["Disney"]


def test_labels_are_counted_as_the_categories_they_are_taken_as(db, tmp_path):
    client, _ = bring(db, tmp_path, "name\nDisney+\nCanal+\n", STREAMS, accepted={"Disney": "Disney+"})
    assert profile(db, client)["labels"]["label"] == {"count": 5, "distinct": 2, "top": [("Disney+", 4), ("Canal+", 1)]}
