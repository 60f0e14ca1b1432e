"""A vendor's answers kept and judged: every figure known beforehand, all sides on the same assets."""

import csv
import io
import json
import random
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import database, tasks, taxonomy, vendor
from core.assets import label_columns
from core.errors import InputError
from core.evaluate import evaluation
from core.evaluate.agreement import interval
from core.evaluate.comparison import judgement
from core.evaluate.evidence import Rules
from core.evaluate.kept import keep_assumptions, keep_rules
from core.money.economics import Assumptions
from core.taxonomy import diff, versions
from core.vendor import scorecard, sets
from tests.evaluate.conftest import insert_assets, make_client

LABELS = ("Sale", "Offer", "Brand")


@pytest.fixture
def judged(client):
    """300 test assets; the student is wrong on every 20th. Asset i (1 … in order of id) has the truth LABELS[(its group) % 3]."""
    insert_assets(client, "calibration", 60, 25, start=100)
    insert_assets(client, "test", 300, 20, start=1000)
    evaluation.evaluate(client.db, client.student_id)
    return client


def truths(client) -> dict[str, str]:
    query = """select a.external_id, c.label from labels l join assets a on a.id = l.asset_id
               join categories c on c.id = l.category_id where a.split = 'test' and l.run_id = 1 order by a.id"""
    return dict(client.db.execute(query).fetchall())


def answer_file(path: Path, answers: dict[str, str], **columns) -> Path:
    with path.open("w", newline="", encoding="utf-8") as out:
        table = csv.writer(out)
        table.writerow(["asset_id", "label", *columns])
        table.writerows([id, label, *columns.values()] for id, label in answers.items())
    return path


def other(label: str) -> str:
    return LABELS[(LABELS.index(label) + 1) % 3]


def wrong_every(client, every: int) -> dict[str, str]:
    return {
        id: other(label) if place % every == 0 else label for place, (id, label) in enumerate(truths(client).items())
    }


def judge(client, answers: dict[str, str], tmp_path, name: str = "Acme", **more) -> scorecard.Scorecard:
    columns = more.pop("columns", {})
    vendor.import_file(client.db, client.task, name, answer_file(tmp_path / "a.csv", answers, **columns), **more)
    return scorecard.scorecard(client.db, vendor.find(client.db, client.task, name))


def test_three_sides_on_the_same_assets(judged, tmp_path):
    card = judge(judged, wrong_every(judged, 10), tmp_path, usd_per_1000=0.5)
    them, student, teacher = card.rows
    assert (card.judged, card.gold) == (300, 0)
    assert (them.who, student.who, teacher.who) == ("Acme", "linear 1", "teacher")
    assert them.agreement.value == pytest.approx(0.9)
    assert (them.agreement.low, them.agreement.high) == pytest.approx(interval(270, 300))
    assert student.agreement.value == evaluation.figures_of(judged.db, 1).agreement.value == pytest.approx(0.95)
    assert teacher.agreement is None and teacher.answered == 1
    (everything, answered) = card.against
    assert everything.pair == answered.pair
    # the vendor errs on every 10th, the student on every 20th: all of the student's errors are the vendor's too
    assert (everything.pair.only_first, everything.pair.only_second) == (15, 0)
    assert card.verdict.rule == "worse" and card.by == "teacher"


def test_missing_and_off_list_answers_count_as_wrong_and_are_left_out_beside(judged, tmp_path):
    answers = dict(list(truths(judged).items())[:280])
    for id in list(answers)[:10]:
        answers[id] = "Something else"
    card = judge(judged, answers, tmp_path)
    them, student = card.rows[:2]
    assert them.answered == pytest.approx(270 / 300)
    assert them.agreement.value == pytest.approx(270 / 300)
    assert (them.agreement_answered.value, them.agreement_answered.n) == (1, 270)
    assert student.agreement_answered.n == 270
    assert card.test["counts"] == {
        "rows": 280, "outside": 0, "again": 0, "problems": 10,
        "exact": 270, "mapped": 0, "off list": 10, "empty": 0, "absent": 20,
    }  # fmt: skip
    assert vendor.read_words(card.test) == "Acme, 300 assets asked: 270 exact, 10 off the list, 20 missing."
    assert {row["vendor"] for row in card.confusions} == {""}
    assert card.verdict.rule == "incomplete" and "30 of 300 assets have no usable answer" in card.verdict.reason


def test_costs_and_times_say_where_they_come_from(judged, tmp_path):
    right = truths(judged)
    card = judge(judged, right, tmp_path, columns={"latency_ms": 120, "price_usd": 0.003})
    them, student, teacher = card.rows
    assert (them.usd.value, them.usd.basis) == (pytest.approx(3.0), "assumed")
    assert (them.ms.value, them.ms.basis, them.ms_p95) == (120, "assumed", 120)
    sheet = judgement(judged.db, 1).economics
    assert (student.usd.value, student.usd.basis) == (sheet.per_1000["student"], "estimated")
    assert teacher.usd.value == sheet.per_1000["teacher"]
    assert (teacher.ms.value, teacher.ms.basis) == (1500.0, "measured")
    assert card.verdict.rule == "too_dear"
    vendor.set_price(judged.db, card.test["id"], 0.0)
    card = scorecard.scorecard(judged.db, vendor.find(judged.db, judged.task))
    assert (card.rows[0].usd.value, card.verdict.rule) == (0.0, "capable")
    assert judge(judged, right, tmp_path, name="Silent").verdict.rule == "no_price"


@pytest.mark.parametrize(
    ("target", "proposed", "words"),
    [
        (0.90, "student", "at over 100 times the cost of the student."),
        (0.95, "cascade", "the cost of the student with the teacher behind it."),
        (0.999, "teacher", "of the cost of the teacher."),
    ],
)
def test_the_cost_is_compared_with_what_is_proposed(client, tmp_path, target, proposed, words):
    keep_rules(client.db, tasks.get(client.db, 2), Rules(target=target))
    keep_assumptions(
        client.db, tasks.get(client.db, 2), Assumptions(machine_usd_hour=10)
    )  # the made-up student is too fast to cost a cent
    insert_assets(client, "calibration", 400, 25, start=100)
    insert_assets(client, "test", 400, 20, start=1000)
    evaluation.evaluate(client.db, 1, target=target)
    card = judge(client, wrong_every(client, 4), tmp_path, usd_per_1000=0.5)
    sheet = judgement(client.db, 1).economics
    assert words in card.verdict.reason
    table = scorecard.table_of(card).set_index("measure")
    behind = "… with the teacher behind it"
    assert (behind in table.index) == (proposed == "cascade")
    if proposed == "cascade":
        student = card.rows[1]
        assert student.usd_behind.value == sheet.per_1000["cascade"] > student.usd.value
        assert "with the teacher behind it: the student handles" in scorecard.sources_of(card)[1]
        assert table.loc[behind].tolist()[::2] == ["–", "–"]


def test_gold_labels_decide_where_people_settled_enough(judged, tmp_path):
    settled = truths(judged)
    for place, (id, label) in enumerate(settled.items()):  # people overrule the teacher on every 4th asset
        decided = other(label) if place % 4 == 0 else label
        judged.db.execute(
            """insert into reviews (task_id, asset_id, reviewer, category_id, created) select 2, a.id, 'ana', c.id, ''
               from assets a, categories c where a.external_id = ? and c.label = ?""",
            [id, decided],
        )
        settled[id] = decided
    judged.db.conn.commit()
    card = judge(judged, settled, tmp_path, usd_per_1000=0.1)
    them, _, teacher = card.rows
    assert (card.by, card.gold) == ("gold", 300)
    assert (them.accuracy.value, teacher.accuracy.value, them.agreement.value) == (1.0, 0.75, 0.75)
    assert {(one.other, one.by) for one in card.against} == {
        ("linear 1", "teacher"),
        ("linear 1", "gold"),
        ("teacher", "gold"),
    }
    assert card.verdict.rule == "capable" and "by people's labels" in card.verdict.reason
    worse = judge(judged, wrong_every(judged, 1), tmp_path, name="Contrary")
    assert worse.verdict.rule == "worse" and worse.rows[0].agreement.value == 0


def test_copies_count_once_and_answers_to_them_are_left_aside(client, tmp_path):
    insert_assets(client, "calibration", 60, 25, start=100)
    insert_assets(client, "test", 150, 20, start=1000, copies=2)
    evaluation.evaluate(client.db, 1)
    card = judge(client, wrong_every(client, 1), tmp_path)
    assert card.judged == 150 == card.rows[0].agreement.n == card.against[0].pair.n
    assert card.test["counts"]["outside"] == 150
    assert (card.rows[1].agreement.low, card.rows[1].agreement.high) == pytest.approx(
        interval(round(150 * card.rows[1].agreement.value), 150)
    )


def test_a_label_run_is_judged_as_a_vendor_with_what_was_measured(judged):
    judged.db["label_runs"].insert(
        {"id": 2, "task_id": 2, "taxonomy_id": 1, "teacher": "connection:acme", "started": ""}
    )
    judged.db.execute(
        """insert into labels (run_id, asset_id, category_id, error, cost_usd, latency_ms, created)
           select 2, asset_id, iif(asset_id % 30 = 1, null, category_id), iif(asset_id % 30 = 1, 'refused', null), 0.001, 800, ''
           from labels where run_id = 1 and asset_id > 1000"""
    )
    judged.db.conn.commit()
    vendor.import_run(judged.db, tasks.get(judged.db, 2), "Acme by wire", 2)
    card = scorecard.scorecard(judged.db, vendor.find(judged.db, tasks.get(judged.db, 2)))
    them = card.rows[0]
    assert (them.usd.value, them.usd.basis, them.ms.value, them.ms.basis) == (
        pytest.approx(1.0),
        "measured",
        800,
        "measured",
    )
    assert card.test["counts"]["off list"] == 10 == round(300 * (1 - them.answered))
    assert them.agreement_answered.value == 1


def test_the_teacher_is_not_judged_by_its_own_labels(judged):
    vendor.import_run(judged.db, tasks.get(judged.db, 2), "Mirror", 1)
    with pytest.raises(InputError, match="judged by itself"):
        scorecard.scorecard(judged.db, vendor.find(judged.db, tasks.get(judged.db, 2)))
    with pytest.raises(InputError, match="no label run 9"):
        vendor.import_run(judged.db, tasks.get(judged.db, 2), "Nobody", 9)


def test_only_assets_every_side_has_are_judged(judged, tmp_path):
    right = truths(judged)
    judged.db.execute("delete from predictions where asset_id in (select id from assets where split = 'test' limit 30)")
    judged.db.conn.commit()
    card = judge(judged, right, tmp_path)
    assert (card.judged, card.test["size"]) == (270, 300)
    assert {row.agreement.n for row in card.rows if row.agreement} == {270}


def next_version(client) -> None:
    """Version 2: Sale is called Price cut, Offer is merged into Brand; its labels and a live student, which answers as before."""
    draft = diff.rename(diff.begin(taxonomy.load(client.db, 1)), "Sale", "Price cut")
    draft = diff.merge(draft, ["Offer", "Brand"], "Brand")
    saved = versions.save(client.db, tasks.get(client.db, 2), versions.KeptDraft(1, "by hand", draft))
    means = versions.carried(client.db, saved)
    run_row, student = (
        next(client.db.query(f"select * from {kind} where id = 1")) for kind in ("label_runs", "students")
    )
    client.db["label_runs"].insert(run_row | {"id": 2, "taxonomy_id": saved})
    client.db["students"].insert(student | {"id": 2, "label_run_id": 2, "taxonomy_id": saved, "live": 1})
    labelled = client.db.execute("select asset_id, category_id from labels where run_id = 1").fetchall()
    said = list(client.db.query("select * from predictions where student_id = 1"))
    with client.db.atomic():
        client.db["labels"].insert_all(
            {"run_id": 2, "asset_id": asset, "category_id": means[category], "created": ""}
            for asset, category in labelled
        )
        client.db["predictions"].insert_all(
            row | {"student_id": 2, "category_id": means[row["category_id"]],
                   "teacher_category_id": means[row["teacher_category_id"]]}
            for row in said
        )  # fmt: skip
        client.db.execute(
            "insert into evaluations (student_id, split, figures, created)"
            " select 2, split, figures, created from evaluations where student_id = 1"
        )


def test_a_new_taxonomy_version_does_not_make_a_vendor_worse(judged, tmp_path):
    answers = wrong_every(judged, 10)  # Sale for Brand, Offer for Sale, Brand for Offer
    before = judge(judged, answers, tmp_path)
    assert scorecard.versions_words(before) == ""
    next_version(judged)
    card = scorecard.scorecard(judged.db, vendor.find(judged.db, tasks.get(judged.db, 2)))
    assert card.rows[1].student_id == 2
    # of the 30 errors, those of Brand for Offer are none now that the two are one
    merged = sum(truth == "Offer" and answers[id] == "Brand" for id, truth in truths(judged).items())
    assert merged and card.rows[0].agreement.value == pytest.approx(270 / 300 + merged / 300)
    assert card.rows[0].answered == 1 and card.uncertain == 0
    assert {row["category"] for row in card.categories} == {"Price cut", "Brand"}
    assert scorecard.versions_words(card) == (
        "The set was handed out under version 1 of the taxonomy and is judged under version 2: answers and teacher's labels are "
        "carried over wherever it is certain what became of a category."
    )
    # an earlier student beside it is carried over as well, and the earlier student alone is judged as it was
    both = scorecard.scorecard(judged.db, card.test, [2, 1])
    assert both.rows[1].agreement == both.rows[2].agreement and both.judged_under == 2
    first = scorecard.scorecard(judged.db, card.test, [1])
    assert first.rows[0].agreement == before.rows[0].agreement and first.judged_under == 1


def test_answers_whose_category_was_removed_are_counted_in_words(judged, tmp_path):
    judge(judged, truths(judged), tmp_path)
    next_version(judged)
    judged.db.execute("delete from category_links where before_id = 2")  # nobody can say what became of Sale
    judged.db.conn.commit()
    card = scorecard.scorecard(judged.db, vendor.find(judged.db, tasks.get(judged.db, 2)))
    assert card.uncertain == 100
    assert scorecard.versions_words(card).endswith(
        "100 answers name categories of which that is not certain, and are judged as given."
    )


def test_people_s_labels_are_carried_over_too(judged, tmp_path):
    judged.db.execute(
        """insert into reviews (task_id, asset_id, reviewer, category_id, created) select 2, asset_id, 'ana', category_id, ''
           from labels where run_id = 1 and asset_id > 1000"""
    )
    judged.db.conn.commit()
    judge(judged, truths(judged), tmp_path)
    next_version(judged)
    card = scorecard.scorecard(judged.db, vendor.find(judged.db, tasks.get(judged.db, 2)))
    assert (card.by, card.gold, card.rows[0].accuracy.value) == ("gold", 300, 1)
    assert card.rows[1].accuracy == card.rows[1].agreement


def test_page_and_pack_say_which_version_of_the_taxonomy_goes_out(judged):
    def said() -> tuple[str, str]:
        data = sets.pack(judged.db, sets.held_out(judged.db, tasks.get(judged.db, 2)))
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            return vendor.version_words(judged.db, tasks.get(judged.db, 2)), packed.read(
                "version.txt"
            ).decode().partition("\n")[0]

    assert said() == (
        "The pack holds version 1 of the taxonomy.",
        "taxonomy.csv holds version 1 of the taxonomy.",
    )
    next_version(judged)
    judged.db.execute("update students set live = 0")  # the new version is saved, its student not yet live
    judged.db.execute("update students set live = 1 where id = 1")
    judged.db.conn.commit()
    page, pack = said()
    assert page.startswith("The pack holds version 1 of the taxonomy, that of the student")
    assert page.endswith("Version 2 goes out once a student of version 2 is live.")
    assert pack == "taxonomy.csv holds version 1 of the taxonomy."
    judged.db.execute("update students set live = 0")
    judged.db.execute("update students set live = 1 where id = 2")
    judged.db.conn.commit()
    assert said() == (
        "The pack holds version 2 of the taxonomy.",
        "taxonomy.csv holds version 2 of the taxonomy.",
    )


def test_one_of_a_kind_is_said_in_the_singular():
    none = dict.fromkeys(("exact", "mapped", "off list", "empty", "absent", "again", "outside"), 0)
    one = {"name": "Acme", "size": 1, "counts": none | {"mapped": 1, "outside": 1}}
    assert vendor.read_words(one) == (
        "Acme, 1 asset asked: 0 exact, 1 mapped to the one category it nearly names, 1 row for no asset of this set."
    )
    more = {"name": "Acme", "size": 2000, "counts": none | {"exact": 1998, "mapped": 2, "outside": 3}}
    assert vendor.read_words(more) == (
        "Acme, 2,000 assets asked: 1,998 exact, 2 mapped to the one category they nearly name, 3 rows for no asset of this set."
    )


def test_a_name_again_replaces_and_is_found_in_any_case(judged, tmp_path):
    judge(judged, wrong_every(judged, 3), tmp_path, name="Acme AI")
    judge(judged, truths(judged), tmp_path, name="ACME  ai")
    (only,) = vendor.tests(judged.db, tasks.get(judged.db, 2))
    assert only["name"] == "ACME ai" and vendor.find(judged.db, tasks.get(judged.db, 2), "acme AI")["id"] == only["id"]
    assert judged.db.execute("select count(*) from vendor_answers").fetchone()[0] == 300
    vendor.remove(judged.db, only["id"])
    assert not vendor.tests(judged.db, tasks.get(judged.db, 2))
    with pytest.raises(InputError, match="No vendor's answers"):
        vendor.find(judged.db, tasks.get(judged.db, 2))


@pytest.mark.parametrize(
    ("name", "more", "what"),
    [(" ", {}, "needs a name"), ("x" * 81, {}, "needs a name"), ("Acme", {"usd_per_1000": -1}, "price")],
)
def test_what_cannot_be_kept_is_said_and_leaves_nothing(judged, tmp_path, name, more, what):
    path = answer_file(tmp_path / "a.csv", truths(judged))
    with pytest.raises(InputError, match=what):
        vendor.import_file(judged.db, tasks.get(judged.db, 2), name, path, **more)
    assert not vendor.tests(judged.db, tasks.get(judged.db, 2))


def test_it_needs_a_judged_student_of_the_client(judged, tmp_path):
    card = judge(judged, truths(judged), tmp_path)
    with pytest.raises(InputError, match="no judged student 7"):
        scorecard.scorecard(judged.db, card.test, [7])
    judged.db.execute("delete from evaluations")
    judged.db.conn.commit()
    with pytest.raises(InputError, match="no judged student to set"):
        scorecard.scorecard(judged.db, card.test)


def test_told_is_json_and_the_tables_are_words(judged, tmp_path):
    card = judge(judged, wrong_every(judged, 10), tmp_path, usd_per_1000=0.5)
    assert json.loads(json.dumps(scorecard.as_json(card)))["rows"][0]["agreement"]["n"] == 300
    table = scorecard.table_of(card).set_index("measure")
    assert table.loc["agrees with the teacher"].tolist()[::2] == ["90.0 % (86.0 % to 93.2 %)", "–"]
    assert table.loc["1,000 assets cost", "Acme"] == "$0.50, assumed"
    assert not table.index.str.contains("people").any()  # nobody settled a label
    assert scorecard.tests_of(card)["shown"].tolist() == ["the other is better"] * 2
    twin = judge(judged, wrong_every(judged, 10), tmp_path, name="linear 1")
    assert scorecard.table_of(twin).columns.is_unique


@given(
    kinds=st.lists(st.sampled_from(["right", "wrong", "off", "empty", "absent"]), min_size=20, max_size=20),
    seed=st.integers(0, 99),
)
def test_shares_follow_from_the_counts_whatever_the_order(shared_judged, kinds, seed):
    client, folder = shared_judged
    if not {"right", "wrong"} & set(kinds):
        return
    said = {
        "right": lambda label: label,
        "wrong": other,
        "off": lambda label: "Nothing known",
        "empty": lambda label: "",
    }
    rows = [(id, said[kind](label)) for (id, label), kind in zip(truths(client).items(), kinds) if kind != "absent"]
    random.Random(seed).shuffle(rows)
    card = judge(client, dict(rows), folder, set_id=1)
    counts, them = card.test["counts"], card.rows[0]
    assert counts["exact"] == kinds.count("right") + kinds.count("wrong")
    assert (counts["off list"], counts["empty"], counts["absent"]) == tuple(
        kinds.count(k) for k in ("off", "empty", "absent")
    )
    assert them.agreement.value == pytest.approx(kinds.count("right") / 20)
    assert them.agreement.value == pytest.approx(them.answered * them.agreement_answered.value)
    assert them.agreement.low <= them.agreement.value <= them.agreement.high


@pytest.fixture(scope="module")
def shared_judged(tmp_path_factory):
    """20 test assets judged once for all examples."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("scorecard")
        patch.setenv("UNDERSTUDY_HOME", str(folder))
        db = database.connect()
        client = make_client(db, patch)
        insert_assets(client, "calibration", 20, 25, start=100)
        insert_assets(client, "test", 20, 20, start=1000)
        evaluation.evaluate(db, 1)
        sets.held_out(db, tasks.get(db, 2))
        yield client, folder
        db.close()


def test_what_is_near_a_category_counts_only_once_a_person_accepts_it(judged, tmp_path):
    said = truths(judged)
    first, second, third = list(said)[:3]
    answers = said | {first: f"{said[first]}s", second: f"{said[first]}s", third: "Nonsense"}
    card = judge(judged, answers, tmp_path)
    test = vendor.find(judged.db, tasks.get(judged.db, 2))
    near = vendor.unknown(judged.db, test)
    assert [(one.value, one.assets) for one in near] == [(f"{said[first]}s", 2), ("Nonsense", 1)]
    assert near[0].near == (said[first],) and test["counts"]["off list"] == 3
    taken = vendor.accept(judged.db, test, label_columns.nearest(near))
    test = vendor.find(judged.db, tasks.get(judged.db, 2))
    assert taken == 2 and (test["counts"]["off list"], test["counts"]["accepted"]) == (1, 2)
    assert "2 taken for categories as accepted, 1 off the list" in vendor.read_words(test)
    right = 297 + 1 + (said[second] == said[first])
    after = scorecard.scorecard(judged.db, test)
    assert card.rows[0].agreement.value == pytest.approx(297 / 300)
    assert after.rows[0].agreement.value == pytest.approx(right / 300)
    with pytest.raises(InputError, match="is no category"):
        vendor.accept(judged.db, test, {"Nonsense": "Nowhere"})
    assert vendor.accept(judged.db, test, {"Elsewhere": said[first]}) == 0
