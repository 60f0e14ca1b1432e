import pytest

from core import database, tasks
from core.errors import InputError
from core.label import labelling, runs, search
from core.label.teachers import batches, builtin
from tests import small


def test_recorded_labels_become_labels_of_the_run(db, tmp_path):
    client = small.fill(db, tmp_path)
    made = labelling.label(db, client, "recorded:label")
    figures = runs.summary(db, made)
    assert (figures["count"], figures["failed"], figures["spent_usd"]) == (240, 0, 0)
    frame = runs.labelled(db, made)
    names = {row["id"]: row["label"] for row in db["categories"].rows}
    given = {row["id"]: row["label"] for row in small.rows()}
    assert {r.external_id: names[r.category_id] for r in frame.itertuples()} == given


def test_a_second_run_asks_nothing_again(db, tmp_path):
    client = small.fill(db, tmp_path)
    first = labelling.label(db, client, "recorded:label")
    before = list(db.query("select * from labels"))
    assert labelling.label(db, client, "recorded:label") == first
    assert list(db.query("select * from labels")) == before


def test_new_assets_join_the_same_run(db, tmp_path):
    client = small.fill(db, tmp_path / "one", small.rows(60))
    first = labelling.label(db, client, "recorded:label")
    small.fill(db, tmp_path / "two", small.rows(90))
    assert labelling.label(db, client, "recorded:label") == first
    assert runs.summary(db, first)["count"] == 90


def test_an_answer_outside_the_taxonomy_is_a_failure_with_its_reason_and_no_label(db, tmp_path):
    client = small.fill(db, tmp_path)
    db.execute("update recordings set label = 'Sponsoring' where asset_id = (select min(asset_id) from recordings)")
    db.conn.commit()
    made = labelling.label(db, client, "recorded:label")
    assert runs.summary(db, made)["failed"] == 1
    row = next(db.query("select * from labels where error is not null"))
    assert "Sponsoring" in row["error"] and row["category_id"] is None
    assert len(runs.labelled(db, made)) == 239


def test_failures_are_asked_again(db, tmp_path):
    client = small.fill(db, tmp_path)
    db.execute("update recordings set label = 'Sponsoring' where asset_id = 1")
    db.conn.commit()
    made = labelling.label(db, client, "recorded:label")
    db.execute("update recordings set label = 'Sale' where asset_id = 1")
    db.conn.commit()
    labelling.label(db, client, "recorded:label")
    assert runs.summary(db, made)["failed"] == 0 and runs.summary(db, made)["count"] == 240


def test_copies_share_one_answer(db, tmp_path, encoders):
    copies = [
        {"id": f"C{n}", "text": f"Grand opening of our new store today {size}"}
        for n, size in enumerate(["300x250", "728x90"])
    ]
    others = [{"id": r["id"], "text": r["text"]} for r in small.rows(40)]
    client = small.fill(db, tmp_path, copies + others)
    made = labelling.label(db, client, "built-in")
    assert runs.summary(db, made)["count"] == 41
    frame = runs.labelled(db, made, distributions=True).set_index("external_id")
    assert len(frame) == 42
    assert frame.category_id["C0"] == frame.category_id["C1"] and frame.distribution["C0"] == frame.distribution["C1"]


def test_the_built_in_teacher_reads_the_categories(db, tmp_path, encoders):
    client = small.fill(db, tmp_path)
    made = labelling.label(db, client, "built-in")
    frame = runs.labelled(db, made)
    names = {row["id"]: row["label"] for row in db["categories"].rows}
    truth = {row["id"]: row["label"] for row in small.rows()}
    right = [names[r.category_id] == truth[r.external_id] for r in frame.itertuples()]
    assert sum(right) / len(right) > 0.75  # one in four by chance; nothing was learnt


def test_gold_fits_the_built_in_teachers_temperature(db, tmp_path, encoders):
    client = small.fill(db, tmp_path)
    ids = {row["label"]: row["id"] for row in db["categories"].rows}
    gold = [
        {
            "task_id": 2,
            "asset_id": a["id"],
            "reviewer": "Ada",
            "category_id": ids[row["label"]],
            "created": database.now(),
        }
        for a, row in zip(db.query("select id from assets order by id"), small.rows())
    ]
    db["reviews"].insert_all(gold[: builtin.GOLD_NEEDED])
    categories = labelling.taxonomy.load(db, labelling.taxonomy.latest(db, client))
    fitted = builtin.make(db, client, "", categories)
    assert fitted.temperature != builtin.TEMPERATURE and 0.01 < fitted.temperature < 1


class Stop(Exception):
    pass


def test_stopped_in_the_middle_it_keeps_what_it_has_and_carries_on(db, tmp_path, monkeypatch):
    client = small.fill(db, tmp_path)
    monkeypatch.setattr(
        "core.label.teachers.recorded.batches", lambda db, sql, parameters, size: batches(db, sql, parameters, 50)
    )

    def progress(done, total, message=""):
        if done >= 100:
            raise Stop

    with pytest.raises(Stop):
        labelling.label(db, client, "recorded:label", progress=progress)
    assert db.execute("select count(*) from labels").fetchone()[0] == 100
    made = labelling.label(db, client, "recorded:label")
    assert runs.summary(db, made)["count"] == 240


@pytest.mark.parametrize(
    ("teacher", "words"),
    [
        ("recorded:nowhere", "Columns with recorded labels: label"),
        ("oracle", "Choose one of: built-in, recorded"),
        ("built-in:x", "takes no detail"),
    ],
)
def test_an_unknown_teacher_is_answered_in_words(db, tmp_path, teacher, words):
    client = small.fill(db, tmp_path)
    with pytest.raises(InputError, match=words):
        labelling.label(db, client, teacher)


def test_without_taxonomy_or_assets_it_says_what_is_missing(db):
    client = tasks.of(db, "Empty")
    with pytest.raises(InputError, match="no taxonomy"):
        labelling.label(db, client, "built-in")


@pytest.mark.parametrize("teacher", ["recorded:label", "built-in"])
def test_what_is_chosen_or_asked_about_is_taken(db, tmp_path, encoders, teacher):
    client = small.fill(db, tmp_path, small.rows(60))
    made, run_id = labelling.open_run(db, client, teacher)
    first, second = (
        runs.askable(db, run_id).asset_id[[3, 5, 8]].tolist(),
        runs.askable(db, run_id).asset_id[[4]].tolist(),
    )
    runs.select(db, run_id, 1, first)
    assert labelling.label(db, client, teacher, only=second) == run_id
    taken = runs.askable(db, run_id)
    assert sorted(taken.asset_id[taken.taken]) == sorted(first + second)
    assert runs.pending_count(db, made, run_id, client) == 59
    assert runs.pending_count(db, made, run_id, client, first + second) == 3


def test_of_copies_one_can_be_asked_about(db, tmp_path):
    rows = small.rows(20)
    client = small.fill(db, tmp_path, [*rows, *(row | {"id": f"C{row['id']}"} for row in rows[:5])])
    _, run_id = labelling.open_run(db, client, "recorded:label")
    runs.select(db, run_id, 1, runs.askable(db, run_id).asset_id.tolist())
    assert len(runs.askable(db, run_id)) == runs.askable(db, run_id).taken.sum() == 20


def test_a_paused_run_is_not_the_one_in_use_where_there_is_a_whole_one(db, tmp_path):
    client = small.fill(db, tmp_path)
    whole = labelling.label(db, client, "recorded:label")
    row = next(db.query("select * from label_runs where id = ?", [whole]))
    paused = db["label_runs"].insert(row | {"id": None, "teacher": "connection:Big", "state": "stopped"}).last_pk
    db.execute(
        "insert into labels (run_id, asset_id, category_id, created) select ?, asset_id, category_id, '' from labels limit 3",
        [paused],
    )
    assert runs.newest_in_use(db, client) == whole
    assert [one["paused"] for one in runs.runs(db, client)] == [1, 0]
    db.execute("update label_runs set state = 'capped' where id = ?", [whole])
    assert runs.newest_in_use(db, client) == paused, "of paused ones the newest"


def test_copies_with_different_labels_take_the_commonest_valid_one(db, tmp_path):
    def ads(name, *labels):
        return [
            {"id": f"{name}{i}", "text": f"One creative called {name} says so", "label": x}
            for i, x in enumerate(labels)
        ]

    rows = [
        *ads("odd", "Shoes", "Sale", "Sale", "Sale"),
        *ads("most", "Hiring", "Sale", "Sale"),
        *ads("late", "--", "Travel"),
    ]
    client = small.fill(db, tmp_path / "one", [*rows, *ads("tie", "Travel", "Sale"), *ads("other", "Hiring")])
    told = [
        what for (what,) in db.execute("select what from import_problems where row is null and what like '%copies%'")
    ]
    assert told == [
        "2 creatives have copies with different labels: the commonest is taken (most0: Sale 2, Hiring 1; tie0: Travel 1, Sale 1)."
    ]
    assert db.execute(
        "select problem_count + remark_count = (select count(*) from import_problems) from imports"
    ).fetchone()[0]
    made = labelling.label(db, client, "recorded:label")
    names = {row["id"]: row["label"] for row in db["categories"].rows}

    def labels():
        found = {r.external_id: names[r.category_id] for r in runs.labelled(db, made).itertuples()}
        listed = {row["external_id"]: row["label"] for row in search.search(db, client, made, search.Wanted())[0]}
        assert found == listed, "the list of assets says the same"
        return {name: {found[one] for one in found if one.startswith(name)} for name in ("odd", "most", "late", "tie")}

    assert labels() == {"odd": {"Sale"}, "most": {"Sale"}, "late": {"Travel"}, "tie": {"Travel"}}
    small.fill(db, tmp_path / "two", [row | {"id": f"x{row['id']}"} for row in ads("tie", "Sale")])
    assert labelling.label(db, client, "recorded:label") == made
    assert labels()["tie"] == {"Sale"}, "a later copy may outvote the first"
