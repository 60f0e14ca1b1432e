"""A task that chooses several, put to use: exported, served and scored with a teacher behind, reviewed, labelled in rounds, and set
beside a vendor."""

from __future__ import annotations

import asyncio
import csv
import json
import subprocess
import sys
from collections import Counter
from dataclasses import replace

import pytest

from core import distil, jobs, review, rounds, tasks, taxonomy, vendor
from core.deploy import export, facets_export, live, scoring, service
from core.deploy.exported import runtime
from core.deploy.fallback import Fallback
from core.errors import InputError
from core.evaluate import learning_curve
from core.label import desk, labelling, prompts, runs
from core.label.gold import labels as gold_labels
from core.label.teachers import Asset, make, worded
from core.money import ledger
from core.review import facets, files, people, queue
from core.taxonomy import tagsets
from core.train import registry, students
from core.train.registry import set_live
from core.vendor import scorecard, sets
from core.wires import connections
from core.wires.wire import OwnPrice, Params
from tests import small
from tests.wires.servers import Server

NEW = "discount off save flights beach hotel"


@pytest.fixture
def task(tagged):
    return tasks.named(tagged, "Northwind")


def spoken_of(text: str) -> list[str]:
    return [tag for tag, words in small.WORDS.items() if any(word in text for word in words)]


def twice(call) -> str:
    """Each text's tags as its words speak of them, the first of them said twice."""
    ids = {name: id for id, name in call.categories.items()}
    said = [[ids[tag] for tag in spoken_of(text)] for text in call.texts]
    answers = [{"mood": one[:1] + one} for one in said]
    return json.dumps(
        answers[0] if len(answers) == 1 else {"answers": [{"text": n} | a for n, a in enumerate(answers, 1)]}
    )


def connected(db, task, server: Server) -> str:
    params = Params(price=OwnPrice(1.0, 4.0), concurrency=4, timeout_s=20.0, logprobs=False)
    connections.save(db, task.client_id, "A", "openai", "m", base_url=server.url, params=params)
    return "connection:A"


def held_out(db) -> list[str]:
    frame = runs.labelled(db, 1)
    return frame.text[frame.split == "test"].tolist()


# --- exported -------------------------------------------------------------------------------------------------------


def test_an_export_gives_the_tags_that_the_student_gives(tagged, task, tmp_path):
    told = export.export(tagged, task=task, student=1, to=tmp_path / "out")
    parity = told["parity"]
    assert parity["n"] > 100 and (parity["fp32"], parity["served"], parity["handled"]) == (1.0, 1.0, 1.0)
    texts = [row["text"] for row in small.tag_rows(200, seed=5)] + ["", "x", "Ünïcode"]
    student = students.load(registry.folder_of(tagged, 1))
    answers = student.answer(texts)
    exported = runtime.Student(tmp_path / "out").predict(texts)
    assert [one["label"] for one in exported] == students.said(answers, student.labels)
    assert [list(one["tags"]) for one in exported] == [
        [student.labels[at] for at, given in enumerate(row) if given] for row in answers.given
    ]
    assert [one["confidence"] for one in exported] == pytest.approx(answers.confidence.tolist(), abs=1e-5)
    card = (tmp_path / "out" / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert "is given from" in card and "always names one" not in card
    command = [sys.executable, "predict.py", NEW, "today now your best"]
    done = subprocess.run(command, cwd=tmp_path / "out", capture_output=True, text=True, check=True)
    both = [json.loads(line) for line in done.stdout.splitlines()]
    assert [sorted(one["tags"]) for one in both] == [["Sale", "Travel"], []] and both[1]["label"] == "No tag"


def test_a_student_with_a_base_model_goes_along_as_well(tagged, task, encoders, tmp_path):
    params = {"task_id": task.id, "run_id": 1, "kind": "embedding", "target": 0.6}
    student = int(jobs.run_here(tagged, "train", params, task).result["chosen"])
    told = export.export(tagged, task=task, student=student, to=tmp_path / "out")
    assert told["parity"]["fp32"] == 1.0 and told["parity"]["int8"] >= export.INT8_AGREES
    texts = [row["text"] for row in small.tag_rows(50, seed=6)]
    loaded = students.load(registry.folder_of(tagged, student))
    said = students.said(loaded.answer(texts), loaded.labels)
    exported = [one["label"] for one in runtime.Student(tmp_path / "out").predict(texts)]
    assert sum(map(str.__eq__, said, exported)) >= 48


@pytest.fixture
def both(db, tmp_path):
    """The tasks Mood, which chooses several, and Topic of the same assets, each with a live student."""

    rows = [row | {"topic": "Sunny" if "beach" in row["text"] else "Other"} for row in small.tag_rows(400)]
    _, assets = small.tag_files(tmp_path, rows)
    file = tmp_path / "both.csv"
    tags = "".join(f"Mood,{name},several\n" for name in small.WORDS)
    file.write_text(f"facet,name,pick\n{tags}Topic,Sunny,one\nTopic,Other,one\n", encoding="utf-8")
    distil.distil(db, taxonomy=file, assets=assets, client="Both", teacher="recorded", student="linear", target=0.6)
    both = tasks.of_client(db, tasks.client_named(db, "Both"))
    for (student,) in db.execute("select id from students").fetchall():
        set_live(db, student)
    return both


def test_an_export_of_all_facets_holds_a_task_of_tags_among_them(db, both, tmp_path):
    facets_export.export(db, tasks=both, to=tmp_path / "out")
    (answer,) = runtime.load(tmp_path / "out").predict([NEW])
    assert answer["facets"]["Topic"]["label"] == "Sunny" and "Travel" in answer["facets"]["Mood"]["tags"]


# --- the teacher behind ---------------------------------------------------------------------------------------------


def test_the_teacher_behind_a_served_student_answers_with_tags(tagged, task):
    set_live(tagged, 1)
    with Server(twice) as model:
        served = replace(live.load(tagged, task, "live"), teacher=connected(tagged, task, model))

        async def life():
            made = Fallback(task, 1.0)
            try:
                await made.prepare(served)
                return await made.answer(served, [NEW, "today now your best", NEW])
            finally:
                await made.close()

        said = asyncio.run(life())
        assert [one.category for one in said] == ["Sale; Travel", "No tag", "Sale; Travel"]
        assert [one.tags for one in said] == [("Sale", "Travel"), (), ("Sale", "Travel")]
        assert max(model.asked.values()) == 1


def test_a_server_says_the_tags_one_by_one_whoever_answers(tagged, task):
    set_live(tagged, 1)
    follower = live.Follower(task, "live")
    text = tagged.execute("select text from assets where split = 'test' limit 1").fetchone()[0]
    labels = tagged.execute(
        """select c.label from labels l join assets a on a.id = l.asset_id join categories c on c.id = l.category_id
           where a.text = ?""",
        [text],
    ).fetchone()[0]

    async def life():
        made = service.Service([follower], Fallback(task, None))
        made.start()
        await made.load()
        try:
            unsure = replace(follower.current, threshold=1.1)  # the teacher's recorded labels answer what they know
            return [one for (one,) in await made.classify([unsure], [text, NEW])]
        finally:
            await made.close()

    taught, own = asyncio.run(life())
    assert (taught.answered_by, taught.category) == ("teacher", labels)
    assert taught.tags == ([] if labels == "No tag" else labels.split("; "))
    assert (own.answered_by, own.tags) == (None, ["Sale", "Travel"])


def test_rows_of_a_scored_file_come_back_with_the_teachers_tags(tagged, task, tmp_path):
    set_live(tagged, 1)
    tagged.execute("update evaluations set figures = json_set(figures, '$.certificate.threshold', 1.0)")
    tagged.conn.commit()
    file, output = tmp_path / "new.csv", tmp_path / "scored.csv"
    file.write_text(f"id,text\n1,{NEW}\n2,careers join hiring\n3,{NEW}\n", encoding="utf-8")
    with Server(twice) as model:
        how = {"teacher": connected(tagged, task, model), "budget_usd": 1.0}
        for _ in range(2):  # the second time nothing is bought
            told = scoring.score(tagged, task=task, input=file, output=output, **how)
        assert model.asked == Counter({NEW: 1, "careers join hiring": 1})
    rows = list(csv.DictReader(output.open(encoding="utf-8-sig")))
    assert [row["category"] for row in rows] == ["Sale; Travel", "Hiring", "Sale; Travel"]
    assert [row["answered_by"] for row in rows] == ["teacher"] * 3 and told["left"] == 0


def test_one_text_is_asked_about_outside_any_run_and_kept(tagged, task):
    categories = taxonomy.load(tagged, taxonomy.latest(tagged, task))
    with Server(twice) as model:
        teacher = make(tagged, task, connected(tagged, task, model), categories)
        assert teacher.most_usd_answer(Asset(0, NEW)) > 0
        names = {category.id: category.label for category in categories}
        first, second = (desk.ask_once(tagged, task.client_id, teacher, NEW) for _ in range(2))
        assert worded(first, names) == worded(second, names) == "Sale; Travel"
        assert first.mapped, "a tag said twice is a near miss"
        assert first.cost_usd > 0 == second.cost_usd and model.asked[NEW] == 1
    (row,) = ledger.runs_table(tagged, task.client_id)
    assert row["purpose"] == ledger.TRYING and row["spent_usd"] == pytest.approx(first.cost_usd)


# --- reviewed -------------------------------------------------------------------------------------------------------


@pytest.fixture
def listed(tagged, task):
    queue.build(tagged, task)
    return tagged


def test_the_queue_doubts_single_tags_and_offers_them(listed, task):
    wrong = {row["id"]: set(spoken_of(row["text"])) for row in small.tag_rows(700)}
    names = {category.id: category.label for category in taxonomy.load(listed, taxonomy.latest(listed, task))}
    rows = list(
        listed.query(
            """select i.*, a.external_id, c.label, c.tags, c.id as answer from review_items i join assets a on a.id = i.asset_id
               join labels l on l.asset_id = a.id and l.run_id = 1 join categories c on c.id = l.category_id
               where i.mode = 'queue' order by i.place limit 20"""
        )
    )
    given = [{names[s["category_id"]] for s in json.loads(row["suggestions"]) if s["given"]} for row in rows]
    assert [set() if row["label"] == "No tag" else set(row["label"].split("; ")) for row in rows] == given
    left_out = sum(bool(wrong[row["external_id"]] - one) for row, one in zip(rows, given))
    assert left_out > 12, "one tag in twenty was left out: by chance two of 20 assets lack one"
    for row in rows:
        assert all(s["category_id"] in names for s in json.loads(row["suggestions"])), "tags, never sets"


def test_tags_are_settled_whole_and_both_sides_are_measured_by_them(listed, task):
    item = review.next_item(listed, task, "Ana", "queue", most=20)
    assert {one["label"] for one in item.suggestions} == set(small.WORDS)
    assert set(item.tags) == {one["category_id"] for one in item.suggestions if one["given"]}
    blind = review.next_item(listed, task, "Ana", "random", most=20)
    assert blind.tags == () and not any(one["by"] for one in blind.suggestions)
    ids = {one["label"]: one["category_id"] for one in blind.suggestions}
    for _ in range(12):
        blind = review.next_item(listed, task, "Ana", "random", most=20)
        right = [ids[tag] for tag in spoken_of(blind.text)]
        review.decide_tags(listed, task, blind.asset_id, "Ana", right, "random", seconds=2.0)
    seen = people.people(listed, task)
    assert seen.accuracy.student.n == seen.accuracy.teacher.n == 12 and sum(seen.gold.values()) == 12
    with pytest.raises(InputError, match="not in the taxonomy any more"):
        review.decide_tags(listed, task, blind.asset_id, "Ana", [10**6], "random")


def test_reviewers_who_give_other_tags_are_a_conflict_that_begins_with_what_both_gave(listed, task):
    item = review.next_item(listed, task, "Ana", "queue", most=20)
    ids = {one["label"]: one["category_id"] for one in item.suggestions}
    review.decide_tags(listed, task, item.asset_id, "Ana", [ids["Sale"], ids["Travel"]], "queue")
    review.decide_tags(listed, task, item.asset_id, "Bob", [ids["Travel"]], "queue")
    conflict = review.next_item(listed, task, "Cy", "conflict", most=20)
    assert conflict.asset_id == item.asset_id and conflict.tags == (ids["Travel"],)
    assert [one["label"] for one in conflict.decisions] == ["Sale; Travel", "Travel"]
    review.decide_tags(listed, task, item.asset_id, "Cy", [], "conflict")
    assert gold_labels(listed, task)[item.asset_id] == "No tag"
    assert "No tag" in files.to_csv(listed, task)


def test_an_asset_with_all_its_facets_has_tags_among_them(db, both):
    for task in both:
        queue.build(db, task)
    mood = next(task for task in both if task.several)
    asset = facets.next_asset(db, [mood], "Ana")
    first = next(one for one in facets.facets(db, both, asset, "Ana", most=20) if one.task == mood)
    assert first.item.tags == tuple(one["category_id"] for one in first.item.suggestions if one["given"])
    assert {one["label"] for one in first.item.suggestions} == set(small.WORDS)
    review.decide_tags(db, mood, asset, "Ana", [], "queue")
    again = next(one for one in facets.facets(db, both, asset, "Ana") if one.task == mood)
    assert (again.item, again.label, again.by) == (None, "No tag", "people")
    assert facets.latest_task(db, both, "Ana") == mood


# --- rounds and curve -----------------------------------------------------------------------------------------------


def test_labels_are_bought_in_rounds_and_the_curve_is_measured(db, tmp_path, encoders):
    from core.assets import imports

    task = tasks.of(db, "Rounds", "Mood", kind="choose_several")
    file, assets = small.tag_files(tmp_path, small.tag_rows(500))
    taxonomy.save(db, task, taxonomy.read(file).categories, file.name)
    head, *rest = assets.read_text(encoding="utf-8").splitlines(keepends=True)
    assets.write_text(head.replace("mood", "label") + "".join(rest), encoding="utf-8")
    imports.import_assets(db, task, assets)
    params = {"task_id": task.id, "teacher": "recorded:label", "per_round": 100, "until": 3, "kind": "linear"}
    told = jobs.run_here(db, "rounds", params, task).result
    done = rounds.measured(db, told["run_id"])
    assert [one.labels for one in done] == [100, 200, 300] and done[-1].agreement.value > 0.4
    whole = labelling.label(db, task, "recorded:label")
    found = learning_curve.trace(db, task, whole, "linear")
    assert found.agreement[-1].value > found.agreement[0].value
    assert learning_curve.as_json(db, task, found)["outcome"] in ("helps", "no_help", "unclear")


def test_a_hosted_teacher_is_asked_about_the_chosen_assets_alone(tagged, task):
    chosen = [row[0] for row in tagged.execute("select id from assets where group_id = id limit 5")]
    with Server(twice) as model:
        run = labelling.label(tagged, task, connected(tagged, task, model), budget_usd=1.0, only=chosen)
        assert sum(model.asked.values()) == 5
    assert runs.summary(tagged, run)["count"] == 5 and runs.summary(tagged, run)["state"] == "stopped"
    told = runs.remarks(tagged, run)
    assert sum(row["count"] for row in told) == runs.summary(tagged, run)["mapped"] > 0
    assert {row["remark"] for row in told} <= {f"It names {tag} twice, which counts once." for tag in small.WORDS}


# --- a vendor -------------------------------------------------------------------------------------------------------


def answers(folder, rows: list[tuple[str, str]]):
    file = folder / "answers.csv"
    with file.open("w", newline="", encoding="utf-8") as out:
        csv.writer(out).writerows([("asset_id", "label"), *rows])
    return file


def test_a_vendors_tags_are_judged_whole_and_one_by_one(tagged, task, tmp_path):
    set_id = sets.held_out(tagged, task)
    asked = tagged.execute(
        """select a.external_id, c.label, a.text from vendor_set_assets s join assets a on a.id = s.asset_id
           join labels l on l.asset_id = a.id and l.run_id = 1 join categories c on c.id = l.category_id order by a.id"""
    ).fetchall()
    rows = [(id, "[]" if label == "No tag" else label.replace("; ", "|")) for id, label, _ in asked]
    rows[0] = rows[0][0], "Sale|Funny"
    rows[1] = rows[1][0], "Sale|Sale"
    del rows[2]
    vendor.import_file(tagged, task, "Acme", answers(tmp_path, rows), set_id=set_id, usd_per_1000=0.5)
    test = vendor.find(tagged, task)
    assert (test["counts"]["off list"], test["counts"]["absent"]) == (1, 1)
    told = [one["what"] for one in test["problems"]]
    assert "Funny is no category of the taxonomy; the whole answer counts as wrong." in told
    assert any("names Sale twice; it counts once." in one for one in told)
    card = scorecard.scorecard(tagged, test)
    them, student, teacher = card.rows
    same = sum(label == "Sale" for _, label, _ in asked[1:2])
    assert them.agreement.value == pytest.approx((len(asked) - 3 + same) / len(asked))
    figures = tagged.execute("select figures from evaluations where student_id = 1").fetchone()[0]
    own = json.loads(figures)["tags"]
    assert student.tags.micro_f1 == pytest.approx(own["micro_f1"], abs=0.02) and teacher.tags is None
    assert 0.97 < them.tags.micro_f1 < 1 and them.tags.found.value < 1 and 0.97 < them.tags.jaccard < 1
    assert {row["category"] for row in card.categories} == set(small.WORDS) and card.confusions == []
    assert {"vendor_precision", "vendor_recall", "student_precision", "student_recall"} <= set(card.categories[0])
    words = scorecard.table_of(card).set_index("measure")
    assert words.loc["Jaccard index", "teacher"] == "–" and words.loc["F1 of the tags", "Acme"].startswith("0.9")


def test_a_vendors_near_tags_are_offered_and_taken(tagged, task, tmp_path):
    set_id = sets.held_out(tagged, task)
    ids = [
        row[0]
        for row in tagged.execute(
            "select external_id from vendor_set_assets s join assets a on a.id = s.asset_id where s.set_id = ?",
            [set_id],
        )
    ]
    rows = [(id, "Sale; Travelling") for id in ids]
    vendor.import_file(tagged, task, "Acme", answers(tmp_path, rows), set_id=set_id)
    test = vendor.find(tagged, task)
    (unknown,) = vendor.unknown(tagged, test)
    assert unknown.value == "Travelling" and vendor.accept(tagged, test, {"Travelling": "Travel"}) == len(ids)
    kept = tagged.execute(
        "select distinct c.label from vendor_answers v join categories c on c.id = v.category_id"
    ).fetchall()
    assert kept == [("Sale; Travel",)]


def test_the_blind_pack_asks_for_all_that_fits(tagged, task):
    import io
    import zipfile

    packed = zipfile.ZipFile(io.BytesIO(sets.pack(tagged, sets.held_out(tagged, task))))
    asked = packed.read("instructions.txt").decode()
    assert "Give each all categories that fit, none where none does, of taxonomy.csv" in asked
    assert "[] where none fits" in asked and "exactly one" not in asked
    assert tagsets.load(tagged, taxonomy.latest(tagged, task))


# --- one tag at least -----------------------------------------------------------------------------------------------


@pytest.fixture
def at_least_one(db, tmp_path):
    """A client whose facet Mood says that an asset has one or more of its categories; 40 of its cells say none."""
    rows = small.tag_rows(400)
    kept = [row for row in rows if row["mood"] != "[]"] + [row for row in rows if row["mood"] == "[]"][:40]
    file, assets = small.tag_files(tmp_path / "files", kept)
    file.write_text(file.read_text(encoding="utf-8").replace("several", "one or more"), encoding="utf-8")
    told = distil.distil(
        db, taxonomy=file, assets=assets, client="Some", teacher="recorded", student="linear", target=0.6
    )
    return tasks.named(db, "Some"), told


def test_a_facet_that_needs_one_tag_never_gets_none(db, at_least_one, tmp_path):
    task, told = at_least_one
    (mood,) = told["tasks"].values()
    listed = [one[0] for one in db.execute("select what from import_problems").fetchall()]
    assert "40 cells say that no tag fits, but an asset has one at least." in listed
    assert mood["labels"]["count"] == told["assets"]["imported"] - 40
    student = students.load(registry.folder_of(db, int(mood["chosen"])))
    texts = ["", "today now your best", NEW, "and only great come"]
    said = students.said(student.answer(texts), student.labels)
    assert "No tag" not in said and said[2] == "Sale; Travel"
    export.export(db, task=task, student=int(mood["chosen"]), to=tmp_path / "out")
    assert [one["label"] for one in runtime.Student(tmp_path / "out").predict(texts)] == said
    with pytest.raises(InputError, match="one of these tags at least"):
        review.decide_tags(db, task, 1, "Ana", [], "queue")


def test_a_teacher_that_gives_none_where_one_is_needed_is_asked_once_more(db, at_least_one):
    task, _ = at_least_one
    assert "one at least" in prompts.current(db, task).instructions

    def stubborn(call) -> str:
        first = next(iter(call.categories))
        return json.dumps({"mood": [first] if call.repair else []})

    with Server(stubborn) as model:
        teacher = make(db, task, connected(db, task, model), taxonomy.load(db, taxonomy.latest(db, task)))
        answer = desk.ask_once(db, task.client_id, teacher, NEW)
        assert len(answer.tags) == 1 and model.asked[NEW] == 2
