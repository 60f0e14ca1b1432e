"""The vendor page: empty, with a vendor's answers, with files it cannot use."""

import csv
import io
import json
import time

import pytest

from core import jobs, tasks, taxonomy, vendor
from core.taxonomy import diff, versions
from core.vendor import sets
from core.wires import connections
from tests.pages.clients import HOSTILE, WORDS
from tests.pages.test_pages import shown


def answers(db, *, wrong_every: int = 3, off_every: int = 20) -> bytes:
    """A vendor's file for the whole held-out set: teacher's labels, every so many wrong or off the list."""
    query = """select a.external_id, c.label from vendor_set_assets s join assets a on a.id = s.asset_id
               join labels l on l.asset_id = a.id and l.run_id = 1 join categories c on c.id = l.category_id where s.set_id = ?"""
    rows = db.execute(query, [sets.held_out(db, tasks.get(db, 2))]).fetchall()
    names, out = list(WORDS), io.StringIO()
    table = csv.writer(out)
    table.writerow(["asset_id", "label", "latency_ms"])
    for place, (id, label) in enumerate(rows):
        wrong = names[(names.index(label) + 1) % len(names)]
        said = HOSTILE if place % off_every == 1 else wrong if place % wrong_every == 0 else label
        table.writerow([id, said, 100 + place])
    return out.getvalue().encode()


def button(app, start: str):
    return next(one for one in app.button if one.label.startswith(start))


def words(app) -> str:
    """The page's text as it is read, without the escapes that keep it from becoming markup."""
    return shown(app).replace("\\", "")


def sides(app):
    """The table of all sides."""
    return next(frame.value for frame in app.dataframe if "measure" in frame.value.columns)


def sizes(app) -> list[str]:
    return next(box for box in app.selectbox if box.label == "Assets in the pack").options


def upload(app, name: str, data: bytes, called: str = "Acme <b>AI</b>"):
    app.text_input(key="vendor-name").input(called)
    app.file_uploader[0].set_value((name, data, "text/csv")).run()
    return app


@pytest.fixture
def judged(open_page, filled, tmp_path):
    (tmp_path / "answers.csv").write_bytes(answers(filled))
    vendor.import_file(filled, tasks.get(filled, 2), "Acme <b>AI</b>", tmp_path / "answers.csv", usd_per_1000=0.5)
    return filled


def test_before_any_answers_there_is_the_pack_and_the_form(open_page, filled):
    app = open_page("vendor")
    assert [heading.value for heading in app.subheader] == ["1. Hand out a blind pack", "2. Take in its answers"]
    assert button(app, "Judge these").disabled and not app.error
    assert sizes(app)[0] == f"all {sets.count(filled, tasks.get(filled, 2))} test assets"


def test_the_pack_s_version_of_the_taxonomy_stands_beside_it(open_page, filled):
    assert "The pack holds version 1 of the taxonomy." in words(open_page("vendor"))
    draft = diff.rename(diff.begin(taxonomy.load(filled, 1)), "Brand film", "Brand story")
    versions.save(filled, tasks.get(filled, 2), versions.KeptDraft(1, "by hand", draft))
    text = words(open_page("vendor"))
    assert "The pack holds version 1 of the taxonomy, that of the student and the teacher's labels" in text
    assert "Version 2 goes out once a student of version 2 is live." in text


def test_a_set_of_an_earlier_version_says_so(open_page, judged):
    draft = diff.rename(diff.begin(taxonomy.load(judged, 1)), "Brand film", "Brand story")
    saved = versions.save(judged, tasks.get(judged, 2), versions.KeptDraft(1, "by hand", draft))
    app = open_page("vendor")
    before = sides(app)
    assert "was handed out under version" not in words(app)
    means = versions.carried(judged, saved)
    judged.execute("update students set taxonomy_id = ?", [saved])
    judged.execute("update label_runs set taxonomy_id = ?", [saved])
    for table in ("labels", "predictions"):
        judged.conn.executemany(
            f"update {table} set category_id = ? where category_id = ?", [(new, old) for old, new in means.items()]
        )
    judged.conn.commit()
    app = open_page("vendor")
    assert "The set was handed out under version 1 of the taxonomy and is judged under version 2" in words(app)
    assert sides(app).iloc[0].tolist() == before.iloc[0].tolist()


def test_from_a_file_to_the_answer(open_page, filled):
    app = upload(open_page("vendor"), "answers.csv", answers(filled))
    assert [box.value for box in app.selectbox if box.label.startswith("Column of")] == ["asset_id", "label"]
    assert "Also read: latency\\_ms" in shown(app)
    button(app, "Judge these").click().run()
    assert not app.error and not app.exception
    text = shown(app)
    assert "cannot be said yet" in text and "72 assets are too few" in text and "Next:" in text
    table = next(frame.value for frame in app.dataframe if "measure" in frame.value.columns)
    assert list(table.columns) == ["measure", "Acme <b>AI</b>", "linear 1", "teacher"]
    (test,) = vendor.tests(filled, tasks.get(filled, 2))
    assert test["counts"]["off list"] and test["source"] == "file:answers.csv"


def test_near_answers_are_offered_and_taken_at_a_click(open_page, judged):
    app = open_page("vendor")
    (offer,) = (box for box in app.selectbox if box.label.startswith("What "))
    assert HOSTILE[:20] in next(one.value for one in app.text if "are no category" in one.value)
    offer.set_value("Brand film").run()
    button(app, "Use these labels").click().run()
    assert not app.error and not app.exception
    counts = vendor.tests(judged, tasks.get(judged, 2))[0]["counts"]
    assert counts["accepted"] > 0 and counts["off list"] == 0
    assert not [box for box in app.selectbox if box.label.startswith("What ")]


def test_vendor_and_student_stand_beside_each_other_in_every_category(open_page, judged):
    """Their shares come right after the category, in columns that fit half of a 1280 px window whatever the vendor is called."""
    table = next(
        frame
        for frame in open_page("vendor").dataframe
        if list(frame.value.columns)[:3] == ["category", "vendor", "student"]
    )
    columns = json.loads(table.proto.columns)
    widths = [columns[name]["width"] for name in ("category", "vendor", "student", "assets")]
    assert sum(widths) <= 400


def test_why_one_would_fine_tune_is_said_where_it_is_offered(open_page, judged):
    text = words(open_page("vendor"))
    assert "This adds a column to the table above" in text
    assert "how close to the teacher you come without Acme <b>AI</b>" in text
    judged.execute("update students set kind = 'transformer'")
    judged.conn.commit()
    assert "This adds a column" not in words(open_page("vendor"))


def test_one_row_and_one_category_are_said_in_the_singular(open_page, filled, tmp_path):
    (tmp_path / "answers.csv").write_bytes(answers(filled, off_every=10**6) + b"Q-1,Brand film,5\n")
    test = vendor.import_file(filled, tasks.get(filled, 2), "Acme", tmp_path / "answers.csv")
    filled.execute("delete from vendor_answers where test_id = ? and how = 'off list'", [test])
    (brand,) = filled.execute("select id from categories where label = 'Brand film'").fetchone()
    filled.execute("delete from labels where category_id != ?", [brand])
    filled.conn.commit()
    app = open_page("vendor")
    assert "1 row for no asset of this set" in words(app)
    assert "of 1 category it agrees less often" in words(app)
    labels = [one.label for one in app.expander]
    count = vendor.tests(filled, tasks.get(filled, 2))[0]["counts"]["problems"]
    assert f"{count} {'row' if count == 1 else 'rows'} with problems" in labels


def test_what_a_vendor_writes_never_becomes_markup(open_page, judged):
    app = open_page("vendor")
    for kind in ("markdown", "caption", "error", "warning", "success", "info", "title", "subheader"):
        for element in app.get(kind):
            assert "onerror" not in str(element.value), kind
            assert "<b>" not in str(element.value).replace("\\<b\\>", ""), kind
    assert any(
        "onerror" in str(frame.value.to_dict()) for frame in app.dataframe
    )  # listed among the problems, as a cell


def test_a_file_of_no_use_is_said_in_a_sentence(open_page, filled):
    app = upload(open_page("vendor"), "answers.csv", b"")
    assert "The file is empty" in app.error[0].value
    app = upload(open_page("vendor"), "answers.csv", b"asset_id,label\nQ-1,Sale\n")
    button(app, "Judge these").click().run()
    assert "Not one id of the file is in the blind pack" in app.error[0].value
    assert not vendor.tests(filled, tasks.get(filled, 2))
    app = upload(open_page("vendor"), "answers.csv", b"ref,words\nA-0001,Brand film\n")
    assert button(app, "Judge these").disabled  # until the columns are chosen


def test_one_click_fine_tunes_and_another_forgets(open_page, judged, no_worker):
    app = open_page("vendor")
    button(app, "Train our small base model").click().run()
    (job,) = jobs.active(judged, tasks.get(judged, 2))
    assert (job.kind, job.params["kind"], job.params["run_id"]) == ("train", "transformer", 1)
    app = open_page("vendor")
    assert button(app, "Train our small base model").disabled
    button(app, "Forget these").click().run()
    assert not vendor.tests(judged, tasks.get(judged, 2)) and "is not capable" not in shown(app)


def test_the_price_can_be_changed_and_the_answer_follows(open_page, judged):
    app = open_page("vendor")
    price = next(box for box in app.number_input if box.label == "Price for 1,000 assets (USD)")
    assert price.value == 0.5
    price.set_value(0.25).run()
    table = next(frame.value for frame in app.dataframe if "measure" in frame.value.columns).set_index("measure")
    assert table.loc["1,000 assets cost"].iloc[0] == "$0.25, assumed"


def test_a_label_run_can_be_the_vendor(open_page, judged):
    run = {"id": 2, "task_id": 2, "taxonomy_id": 1, "teacher": "connection:acme", "started": ""}
    judged["label_runs"].insert(run)
    with judged.atomic():
        judged.execute(
            """insert into labels (run_id, asset_id, category_id, cost_usd, latency_ms, created)
               select 2, asset_id, category_id, 0.001, 700, '' from labels where run_id = 1"""
        )
    app = open_page("vendor")
    app.text_input(key="vendor-name").input("By wire").run()
    app.radio(key="vendor-source").set_value("A label run").run()
    button(app, "Judge these").click().run()
    assert not app.error and not app.exception
    assert app.selectbox(key="vendor-shown").value == "By wire"
    table = next(frame.value for frame in app.dataframe if "measure" in frame.value.columns).set_index("measure")
    assert table.loc["1,000 assets cost", "By wire"] == "$1.00, measured"


def test_it_opens_quickly_with_100_000_assets_of_which_20_000_were_judged(open_page, filled, tmp_path):
    query = "insert into assets (client_id, external_id, text, text_hash, group_id, split, import_id) values (1, ?, ?, ?, ?, ?, 1)"
    rows = [(f"X-{i}", f"text {i}", str(i), 10**6 + i, "test" if i % 5 == 0 else "train") for i in range(100_000)]
    with filled.atomic():
        filled.conn.executemany(query, rows)
        filled.execute(
            """insert into labels (run_id, asset_id, category_id, created)
               select 1, id, (select min(id) from categories), '' from assets where external_id like 'X-%'"""
        )
        filled.execute(
            """insert into predictions (student_id, asset_id, category_id, confidence, top)
               select 1, id, (select min(id) from categories), 0.9, '[]' from assets
               where external_id like 'X-%' and split = 'test'"""
        )
    (tmp_path / "answers.csv").write_bytes(answers(filled))
    vendor.import_file(filled, tasks.get(filled, 2), "Acme", tmp_path / "answers.csv")
    app = open_page("vendor")
    started = time.process_time()
    app.run()
    assert time.process_time() - started < 2
    assert sizes(app)[0].startswith("all 20,0") and "20,0" in shown(app)


def test_an_endpoint_is_asked_by_a_job(open_page, judged, no_worker):
    def asking():
        app = open_page("vendor")
        app.text_input(key="vendor-name").input("Acme by wire").run()
        return app.radio(key="vendor-source").set_value("Not here yet: ask its endpoint").run()

    assert "no connection is there yet" in shown(asking())
    connections.save(judged, 1, "Acme", "openai", "tagger", base_url="http://127.0.0.1:9/v1")
    button(asking(), "Ask it").click().run()
    (job,) = jobs.active(judged, tasks.get(judged, 2))
    assert (job.kind, job.params["teacher"], job.params["name"]) == ("vendor", "connection:Acme", "Acme by wire")
    assert no_worker
