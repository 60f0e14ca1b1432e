"""Several facets asked about in one call, against a real HTTP server: labels, shares, cap, repair, batches, what is asked again."""

from __future__ import annotations

import json
import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from core import __main__ as cli
from core import distil, jobs, removal, tasks, taxonomy
from core.errors import Cancelled, InputError
from core.label import labelling, runs
from core.label.asking import Answered, Asking
from core.label.joint import Facet, JointAsking, JointAsset, keys
from core.label.teachers import Asset
from core.money import ledger
from core.tasks import Task
from core.taxonomy import StoredCategory
from core.weights import source_folder
from core.wires import connections
from core.wires.wire import OwnPrice, Params
from tests import small
from tests.bench import joint_facets
from tests.label import questions
from tests.label.killing import kill_again_and_again
from tests.wires.servers import Call, Server, Text, steady

PRICE = OwnPrice(1.0, 4.0, 0.1, 0.5, 2.0)
FACETS = {
    "Offer": ("Percent off", "Gift", "No offer"),
    "Stage": ("Awareness", "Purchase"),
    "Tone": ("Warm", "Loud", "Plain"),
}


def connected(db, folder, server, count: int = 40, facets=("Offer",), **params) -> list[Task]:
    """The small client (facet Category) with further facets and a connection called Local; its facets' tasks."""
    first = small.fill(db, folder, small.rows(count))
    there = [first] + [add(db, first.client_id, name) for name in facets]
    params = Params(**{"price": PRICE, "concurrency": 8} | params)
    connections.save(db, first.client_id, "Local", "openai", "model-of-mine", base_url=server.url, params=params)
    return there


def add(db, client_id: int, name: str) -> Task:
    task = tasks.add(db, client_id, name)
    taxonomy.save(db, task, [taxonomy.Category(label=one, name=one) for one in FACETS[name]], "facets.csv")
    return task


@pytest.fixture
def server():
    with Server(steady, latency=0.002) as running:
        yield running


def billed(server: Server) -> float:
    return (server.billed_in * 1.0 + server.billed_out * 4.0) / 1e6


def test_one_call_an_asset_brings_a_label_of_each_facet_and_its_bill_is_shared_out_to_the_last_cent(
    db, tmp_path, server
):
    facets = connected(db, tmp_path, server, facets=("Offer", "Stage"))
    made = labelling.label_together(db, facets, "connection:Local", budget_usd=1.0)
    assert set(server.asked.values()) == {1} and len(server.calls) == 40
    assert [runs.summary(db, run)["count"] for run in made] == [40, 40, 40]
    calls = list(db.query("select * from calls"))
    assert len(calls) == 40 and {one["facets"] for one in calls} == {3} and {one["run_id"] for one in calls} == {None}
    shares = db.execute("select sum(cost_usd), count(distinct cost_usd) from labels group by asset_id").fetchall()
    assert sorted(cost for cost, _ in shares) == sorted(one["cost_usd"] for one in calls), "to the last bit"
    assert sum(cost for cost, _ in shares) == pytest.approx(billed(server), rel=1e-9)
    assert [runs.summary(db, run)["spent_usd"] for run in made] == pytest.approx([billed(server) / 3] * 3, rel=1e-9)
    assert db.execute("select sum(held_usd) from label_runs").fetchone()[0] == pytest.approx(0.0)
    labelling.label_together(db, facets, "connection:Local", budget_usd=1.0)
    assert len(server.calls) == 40, "a second run makes no call"
    labelling.label(db, add(db, facets[0].client_id, "Tone"), "connection:Local", budget_usd=1.0)
    alone, together = ledger.runs_table(db)
    assert (together["facets"], together["run_id"], together["labels"]) == ("Category, Offer, Stage", None, 120)
    assert (alone["facets"], alone["labels"]) == ("", 40)
    assert alone["spent_usd"] + together["spent_usd"] == pytest.approx(billed(server), rel=1e-9)


def test_the_command_asks_all_facets_together_and_says_beforehand_what_that_saves(db, tmp_path, server, capsys):
    facets = connected(db, tmp_path, server, facets=("Offer", "Stage", "Tone"))
    command = ["label", "--client", "Small", "--teacher", "connection:Local", "--budget", "1", "--json"]
    assert cli.main([*command, "--forecast"]) == 0
    said = json.loads(capsys.readouterr().out)["forecast"]
    assert said["lacking"] == {"Category": 40, "Offer": 40, "Stage": 40, "Tone": 40} and not server.calls
    assert cli.main([*command, "--dry-run"]) == 0 and len(server.calls) == 20
    assert cli.main([*command, "--forecast"]) == 0
    measured = json.loads(capsys.readouterr().out.splitlines()[-1])["forecast"]
    assert cli.main(command) == 0
    done = json.loads(capsys.readouterr().out)
    assert {name: one["count"] for name, one in done["facets"].items()} == said["lacking"] and len(server.calls) == 40
    together = done["spent_usd"]
    assert said["together"]["cost"]["low"] < together < said["together"]["cost"]["high"]
    assert 2 * measured["together"]["cost"]["likely"] == pytest.approx(together, rel=0.05)
    apart = sum(_alone(db, task, server) for task in facets)
    assert measured["saved_usd"] / measured["apart_usd"] == pytest.approx(1 - together / apart, abs=0.08)


def _alone(db, task: Task, server: Server) -> float:
    """What the labels of one facet cost asked for alone."""
    with db.atomic():
        db.execute("delete from labels")
        db.execute("delete from kept_replies")
    before = billed(server)
    labelling.label(db, task, "connection:Local", budget_usd=5.0)
    return billed(server) - before


def test_adding_a_facet_asks_about_that_one_alone_and_a_label_bought_alone_is_not_asked_for_again(db, tmp_path, server):
    topic, offer = connected(db, tmp_path, server)
    labelling.label_together(db, [topic, offer], "connection:Local", budget_usd=1.0)
    stage = add(db, topic.client_id, "Stage")
    alone = labelling.label(db, stage, "connection:Local", budget_usd=1.0, limit=15)
    assert len(server.calls) == 55 and runs.summary(db, alone)["count"] == 15
    labelling.label_together(db, [topic, offer, stage], "connection:Local", budget_usd=1.0)
    assert len(server.calls) == 80 and not any(call.facets for call in server.calls[40:])
    tone, before = add(db, topic.client_id, "Tone"), len(server.calls)
    db.execute("delete from labels where run_id = ? and asset_id in (select asset_id from labels limit 9)", [alone])
    db.execute("delete from kept_replies")
    labelling.label_together(db, [topic, offer, stage, tone], "connection:Local", budget_usd=1.0)
    asked = Counter(tuple(call.facets) for call in server.calls[before:])
    assert asked == {(): 31, ("stage", "tone"): 9}, "an asset is asked about what it lacks, and nothing else"


def test_the_cap_is_that_of_all_facets_together_and_is_never_passed(db, tmp_path, server):
    facets = connected(db, tmp_path, server, count=60, facets=("Offer", "Stage"), concurrency=16)
    params = {"task_id": facets[0].id, "facets": [one.id for one in facets], "teacher": "connection:Local"}
    first = jobs.run_here(db, "label", params | {"budget_usd": 0.008}, facets[0]).result
    assert first["state"] == "capped" and 0 < first["facets"]["Offer"]["count"] < 60
    assert billed(server) <= first["spent_usd"] + 1e-12 and first["spent_usd"] <= 0.008
    second = jobs.run_here(db, "label", params | {"budget_usd": 1.0}, facets[0]).result
    assert second["state"] == "done" and [one["count"] for one in second["facets"].values()] == [60] * 3
    assert set(server.asked.values()) == {1} and second["spent_usd"] == pytest.approx(billed(server), rel=1e-6)


def test_what_one_facet_lacks_is_asked_once_more_alone_and_the_others_are_kept(db, tmp_path, server):
    facets = connected(db, tmp_path, server, count=12, facets=("Offer", "Stage"))

    def script(call: Call) -> str:
        said = json.loads(steady(call))
        if not call.repair:
            said |= {"offer": "77"}
            said.pop("stage")
        return json.dumps(said)

    server.script = script
    made = labelling.label_together(db, facets, "connection:Local", budget_usd=1.0)
    assert [runs.summary(db, run)["count"] for run in made] == [12, 12, 12]
    repairs = [call for call in server.calls if call.repair]
    assert len(repairs) == 12 and all(list(call.facets) == ["offer", "stage"] for call in repairs)
    assert all(set(call.schema["properties"]) == {"offer", "stage"} for call in repairs)
    told = repairs[0].turns[-1][1]
    assert "offer: The answer '77' is not in the taxonomy." in told and "stage: The answer says nothing" in told
    paid = db.execute("select sum(cost_usd) from labels").fetchone()[0]
    assert paid == pytest.approx(billed(server), rel=1e-9)
    rows = db.execute("select facets, count(*) from calls group by facets order by facets").fetchall()
    assert rows == [(2, 12), (3, 12)]
    spent = [runs.summary(db, run)["spent_usd"] for run in made]
    assert sum(spent) == pytest.approx(paid, rel=1e-9) and spent[0] < spent[1]
    db.execute("delete from labels")
    labelling.label_together(db, facets, "connection:Local", budget_usd=1.0)
    assert len(server.calls) == 24, "what both turns said is kept as the answer to the first"


def test_a_facet_that_fails_twice_has_its_own_reason_and_is_all_that_is_asked_next_time(db, tmp_path, server):
    topic, offer = connected(db, tmp_path, server, count=6)
    server.script = lambda call: json.dumps(json.loads(steady(call)) | {"offer": "99"})
    first, second = labelling.label_together(db, [topic, offer], "connection:Local", budget_usd=1.0)
    assert (runs.summary(db, first)["count"], runs.summary(db, first)["failed"]) == (6, 0)
    assert [row["reason"] for row in runs.reasons(db, second)] == ["The answer '99' is not in the taxonomy."]
    server.script, before = steady, len(server.calls)
    labelling.label_together(db, [topic, offer], "connection:Local", budget_usd=1.0)
    assert runs.summary(db, second)["count"] == 6 and not any(call.facets for call in server.calls[before:])
    assert db.execute("select sum(cost_usd) from labels").fetchone()[0] == pytest.approx(billed(server), rel=1e-9)


@pytest.mark.parametrize("params", [{"assets_per_call": 4}, {"votes": 3, "logprobs": False}])
def test_several_assets_a_call_and_votes_work_as_for_one_facet(db, tmp_path, server, params):
    facets = connected(db, tmp_path, server, count=20, facets=("Stage", "Tone"), **params)
    made = labelling.label_together(db, facets, "connection:Local", budget_usd=1.0)
    assert [runs.summary(db, run)["count"] for run in made] == [20] * 3
    assert len(server.calls) == {4: 5}.get(params.get("assets_per_call"), 20 * params.get("votes", 1))
    kinds = {row[0] for row in db.execute("select confidence_kind from labels")}
    assert kinds == ({"votes"} if "votes" in params else {"none"})
    assert db.execute("select sum(cost_usd) from labels").fetchone()[0] == pytest.approx(billed(server), rel=1e-9)


def test_a_facet_of_many_categories_has_a_short_list_of_its_own_and_a_longer_one_where_nothing_fits(monkeypatch):
    monkeypatch.setattr(Asking, "shortlist", lambda self, text, most=None: list(range(most or 2)))
    many = questions.asking(questions.many(30), shortlist_over=20, shortlist=2)
    asking = JointAsking([Facet("Stage", "stage", questions.asking()), Facet("Topic", "topic", many)])
    ((assets, request),) = asking.requests([JointAsset(1, "Text", (0, 1))])
    assert "topic:\nCategories (id: name):\n01: " in request.turns[0][1] and "03: " not in request.turns[0][1]
    assert request.schema["properties"]["topic"]["enum"] == ["01", "02", "none"]
    reply = questions.reply('{"stage": "1", "topic": "none"}')
    again = asking.repair(request, reply, asking.read(assets, request, reply))
    assert again.facets == (1,) and "06: " in again.turns[-1][1] and len(again.options[0]) == 7


def test_four_facets_take_at_most_two_fifths_of_the_tokens_of_separate_calls_for_texts_of_150_words():
    tokens = Tokenizer.from_file(str(source_folder() / "tokenizer.json"))
    tokens.no_truncation()
    tokens.no_padding()
    names = list(joint_facets.FACETS)[:4]
    alone = [questions.asking(categories(*joint_facets.FACETS[name].split(", "))) for name in names]
    asking = JointAsking([Facet(*of) for of in zip(names, keys(names), alone)])
    (text,) = joint_facets._texts(1, 150)

    def taken(question, said: dict) -> int:
        sent = [question.system, question.turns[0][1], json.dumps(question.schema, separators=(",", ":"))]
        return sum(len(tokens.encode(one, add_special_tokens=False)) for one in [*sent, json.dumps(said)]) + 4 * 3

    ((_, together),) = asking.requests([JointAsset(1, text, (0, 1, 2, 3))])
    apart = [one.requests([Asset(1, text)])[0][1] for one in alone]
    share = taken(together, dict.fromkeys(keys(names), "3")) / sum(taken(one, {"category": "3"}) for one in apart)
    assert 0.35 < share <= 0.40


def categories(*names: str) -> list[StoredCategory]:
    return [StoredCategory(label=one, name=one, id=place, position=place) for place, one in enumerate(names, 1)]


def test_an_id_keeps_its_colon_before_a_name_that_begins_with_a_number():
    alone = [questions.asking(categories("3 for 2", "Gift")), questions.asking()]
    system = JointAsking([Facet("Offer", "offer", alone[0]), Facet("Topic", "topic", alone[1])]).system((0, 1))
    assert "offer\n1: 3 for 2\n2 Gift\n" in system


def test_each_facet_has_its_own_probability(db, tmp_path, server):
    facets = connected(db, tmp_path, server, count=4, facets=("Stage",))

    def script(call: Call) -> Text:
        text = json.dumps({"category": "2", "stage": "1"})
        tokens = [(one, {one: 0.0}) for one in text]
        tokens[text.index("2")] = ("2", {"2": math.log(0.75), "3": math.log(0.25)})
        tokens[text.index("1")] = ("1", {"1": math.log(0.6), "2": math.log(0.4)})
        return Text(text, logprobs=tokens)

    server.script = script
    made = labelling.label_together(db, facets, "connection:Local", budget_usd=1.0)
    for run, share in zip(made, (0.75, 0.6)):
        rows = db.execute("select distinct confidence, confidence_kind from labels where run_id = ?", [run]).fetchall()
        assert rows == [(pytest.approx(share), "logprobs")]


@pytest.mark.parametrize("kind", ["openai", "anthropic"])
def test_facets_in_batches(db, tmp_path, server, monkeypatch, kind):
    monkeypatch.setattr("core.label.batches.FIRST_POLL", 0.01)
    topic, stage = connected(db, tmp_path, server, facets=("Stage",))
    url = server.url if kind == "openai" else server.root
    connections.save(db, topic.client_id, "Local", kind, "m", base_url=url, params=Params(price=PRICE))
    broken = Counter()

    def script(call: Call) -> str:
        said = json.loads(steady(call))
        broken[call.texts[0]] += 1
        if "7" in call.texts[0] and broken[call.texts[0]] == 1 and "stage" in said:
            said["stage"] = "?"
        return json.dumps(said)

    server.script = script
    labelling.label(db, stage, "connection:Local", budget_usd=1.0, limit=5)
    made = labelling.label_together(db, [topic, stage], "connection:Local", budget_usd=1.0, batch=True)
    assert [runs.summary(db, run)["count"] for run in made] == [40, 40]
    handed = db.execute("select joint_id is not null, run_id from batches order by id").fetchall()
    assert {(0, made[0]), (1, made[0]), (0, made[1])} == set(handed), (
        "topic alone, both, and the repairs of the stage alone"
    )
    assert sum(runs.summary(db, run)["spent_usd"] for run in made) == pytest.approx(
        db.execute("select sum(cost_usd) from labels").fetchone()[0], rel=1e-9
    )


def test_a_batch_that_is_out_for_two_facets_is_fetched_before_one_is_asked_alone(db, tmp_path, server, monkeypatch):
    monkeypatch.setattr("core.label.batches.FIRST_POLL", 0.01)
    topic, stage = connected(db, tmp_path, server, facets=("Stage",))
    server.batch_polls = 10**6

    def stop(done, total, message="", spent=0.0):
        if "at the provider" in message:
            raise Cancelled

    with pytest.raises(Cancelled):
        labelling.label_together(db, [topic, stage], "connection:Local", budget_usd=1.0, batch=True, progress=stop)
    with pytest.raises(InputError, match="Category, Stage together"):
        labelling.label(db, topic, "connection:Local", budget_usd=1.0)
    server.batch_polls = 0
    made = labelling.label_together(db, [topic, stage], "connection:Local", budget_usd=1.0, batch=True)
    assert [runs.summary(db, run)["count"] for run in made] == [40, 40] and set(server.asked.values()) == {1}


def test_killed_it_loses_the_calls_under_way_and_no_facet_of_one_that_is_on_disk(db, tmp_path):
    found = kill_again_and_again(db, tmp_path, kills=2, assets=200, facets=3)
    assert found.labels == 3 * 200 and [kill.lost for kill in found.kills] == [0] * 2
    assert found.twice <= found.open_calls and found.spent >= found.billed - 1e-9
    by_asset = db.execute("select count(*) from labels group by asset_id having count(*) <> 3").fetchall()
    assert not by_asset, "the facets of a call are on disk together"


@given(st.floats(1e-12, 1e6) | st.just(0.0), st.integers(1, 40), st.randoms())
def test_shares_come_to_the_bill_to_the_last_bit_in_any_order(total, parts, dice):
    found = ledger.shares(total, parts)
    dice.shuffle(found)
    assert sum(found) == total and len(found) == parts and max(found) - min(found) <= total * 1e-7


@given(
    st.text()
    | st.dictionaries(
        st.sampled_from(["topic", "Topic", "tags", "x"]),
        st.none() | st.text() | st.integers() | st.lists(st.sampled_from(["1", "2", "3", "9", "none"])),
    ).map(json.dumps)
)
def test_whatever_a_model_says_each_facet_has_an_answer_or_a_problem(text):
    topic, tags = questions.asking(), questions.asking()
    asking = JointAsking([Facet("Topic", "topic", topic), Facet("Tags", "tags", tags, several=True)])
    assets = [JointAsset(1, "Text", (0, 1))]
    ((_, request),) = asking.requests(assets)
    read = asking.read(assets, request, questions.reply(text))
    assert [one.slot for one in read] == [(0, 1), (1, 1)]
    for one in read:
        assert (one.problem is None) == (one.category_id is not None or one.tags is not None)
        assert one.tags is None or len(set(one.tags)) == len(one.tags)


def test_a_facet_that_takes_several_gives_a_list_of_categories_each_once():
    several = Facet("Tags", "tags", questions.asking(), several=True)
    asking = JointAsking([Facet("Topic", "topic", questions.asking()), several])
    assets = [JointAsset(1, "Text", (0, 1))]
    ((_, request),) = asking.requests(assets)
    assert request.schema["properties"]["tags"] == {"type": "array", "items": {"type": "string", "enum": list("1234")}}
    for said, tags, mapped in (
        (["2", "4"], (101, 103), False),
        ([], (), False),
        (["2", "2"], (101,), True),
        (["Hiring"], (102,), True),
    ):
        one = asking.read(assets, request, questions.reply(json.dumps({"topic": "1", "tags": said})))[1]
        assert (one.tags, one.mapped, one.problem, one.category_id) == (tags, mapped, None, None)
    votes = [Answered(1, None, facet=1, tags=tags) for tags in ((101, 102), (101,), (103, 101))]
    assert asking.combine(votes).tags == (101,)
    wrong = asking.read(assets, request, questions.reply('{"topic": "1", "tags": ["8"]}'))
    again = asking.repair(request, questions.reply(""), wrong)
    assert again.facets == (1,) and set(again.schema["properties"]) == {"tags"}


def test_facets_with_names_alike_or_without_a_latin_letter_get_keys_of_their_own():
    assert keys(["Topic", "topic!", "Тема", "Text", "Funnel stage"]) == [
        "topic",
        "topic_2",
        "facet_3",
        "text_4",
        "funnel_stage",
    ]


def test_a_task_that_chooses_several_is_labelled_alone_and_together_with_one_that_chooses_one(db, tmp_path, server):
    (topic,) = connected(db, tmp_path, server, count=10, facets=())
    mood = tasks.add(db, topic.client_id, "Mood", "choose_several")
    version = taxonomy.save(
        db, mood, [taxonomy.Category(label=one, name=one) for one in ("Warm", "Loud", "Plain")], "t"
    )
    several = {0: ["1", "3"], 1: [], 2: ["2"]}

    def script(call: Call) -> str:
        said = json.loads(steady(call))
        return json.dumps(said | {"mood": several[int(call.texts[0].split()[-1]) % 3]})

    server.script = script
    alone = labelling.label(db, mood, "connection:Local", budget_usd=1.0, limit=4)
    assert runs.summary(db, alone)["count"] == 4 and "every category" in server.calls[0].system
    made = labelling.label_together(db, [topic, mood], "connection:Local", budget_usd=1.0)
    assert made[1] == alone and [runs.summary(db, run)["count"] for run in made] == [10, 10]
    assert set(server.asked.values()) == {1, 2} and len(server.calls) == 14
    names = dict(db.execute("select id, label from categories where taxonomy_id = ?", [version]).fetchall())
    rows = db.execute(
        "select a.text, l.category_id from labels l join assets a on a.id = l.asset_id where run_id = ?", [alone]
    )
    wanted = {0: "Warm; Plain", 1: "No tag", 2: "Loud"}
    assert all(names[id] == wanted[int(text.split()[-1]) % 3] for text, id in rows)


def test_distil_asks_a_hosted_teacher_about_all_facets_of_a_file_together(db, tmp_path, server, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    file, assets = small.facet_files(tmp_path / "files")

    def knowing(call: Call) -> str:
        (text,) = call.texts
        topic = max(small.WORDS, key=lambda name: sum(word in text for word in small.WORDS[name]))
        said = {"topic": topic, "intent": "Buy" if "buy" in text else "Look"}
        ids = {key: {label: id for id, label in listed.items()} for key, listed in call.facets.items()}
        return json.dumps({key: ids[key][label] for key, label in said.items()})

    server.script = knowing
    how = {"client": "Two", "teacher": "openai:gpt-4o-mini", "base_url": server.url, "student": "linear", "budget": 1.0}
    told = distil.distil(db, taxonomy=file, assets=assets, target=0.6, **how)
    assert len(server.calls) == len(server.asked) and all(
        set(call.facets) == {"topic", "intent"} for call in server.calls
    )
    assert {name: one["labels"]["count"] for name, one in told["tasks"].items()} == {"Topic": 400, "Intent": 400}
    assert told["all_facets"]["agreement"]["value"] > 0.5


def test_a_facet_that_is_removed_leaves_the_others_and_what_they_cost_as_they_are(db, tmp_path, server):
    topic, offer = connected(db, tmp_path, server, count=8)
    made = labelling.label_together(db, [topic, offer], "connection:Local", budget_usd=1.0)
    before = runs.summary(db, made[0])["spent_usd"]
    removal.remove_task(db, offer)
    labelling.label(db, topic, "connection:Local", budget_usd=1.0)
    assert runs.summary(db, made[0])["spent_usd"] == pytest.approx(before, rel=1e-9) and len(server.calls) == 8
    assert sum(row["spent_usd"] for row in ledger.runs_table(db)) == pytest.approx(billed(server), rel=1e-9)
    stage = add(db, topic.client_id, "Stage")
    labelling.label_together(db, [topic, stage], "connection:Local", budget_usd=1.0)
    assert len(server.calls) == 16
