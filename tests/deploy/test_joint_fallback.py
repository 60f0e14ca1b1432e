"""Facets of one text that fall back together are one call to their teacher: what is known is not asked for, nothing is bought
twice, whatever a facet was asked about with, and the month's budget holds."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections import Counter

import pytest

from core import removal, tasks, taxonomy
from core.deploy.fallback import Fallback
from core.deploy.live import Served
from core.images import kept
from core.images.seen import Seen
from core.label import labelling, looking
from core.label.errands import errand
from core.label.teachers import for_labels
from core.label.teachers.joint import together
from core.money import ledger
from core.wires import connections
from core.wires.wire import OwnPrice, Params
from tests import small
from tests.deploy.test_fallback import hanging, until
from tests.images.pictures import drawn, saved
from tests.wires.servers import Call, Fault, Server, Text, steady

FACETS = {"Offer": ("Percent off", "Gift", "No offer"), "Stage": ("Awareness", "Purchase"), "Tone": ("Warm", "Loud")}


@pytest.fixture
def server():
    with Server(steady) as running:
        yield running


@pytest.fixture
def facets(db, tmp_path, server):
    """Four facets of the small client, of which Tone takes several categories, behind one connection."""
    first = small.fill(db, tmp_path, small.rows(12))
    made = [first]
    for name, values in FACETS.items():
        kind = "choose_several" if name == "Tone" else "choose_one"
        made.append(tasks.add(db, first.client_id, name, kind))
        taxonomy.save(db, made[-1], [taxonomy.Category(label=one, name=one) for one in values], "facets.csv")
    connect(db, first.client_id, server)
    return made


def connect(db, client_id, server, **params):
    params = Params(**{"price": OwnPrice(1.0, 4.0), "concurrency": 4, "timeout_s": 20.0} | params)
    connections.save(db, client_id, "A", "openai", "m", base_url=server.url, params=params)


def served(db, task) -> Served:
    return Served(task.id, "linear", task, taxonomy.latest(db, task), "connection:A", None, 0.9, None)


def ask(db, tasks_of, *texts, budget=1.0):
    """A server's life: by text what was said in each facet, and the outcomes."""

    async def life():
        made, outcomes = Fallback(tasks_of[0], budget, len(tasks_of)), []
        made.count = outcomes.append
        try:
            those = [served(db, task) for task in tasks_of]
            for one in those:
                await made.prepare(one)
            said = await asyncio.gather(*(asyncio.gather(*made.ask(those, text)) for text in texts))
            return [[one and one.category for one in row] for row in said], outcomes
        finally:
            await made.close()

    return asyncio.run(life())


def places(call: Call) -> list[str]:
    """The facets that a call asks about, by their keys; one asked about alone has none."""
    return list(call.facets)


def billed(server) -> float:
    return (server.billed_in * 1.0 + server.billed_out * 4.0) / 1e6


def test_four_facets_are_one_call_and_one_row_and_what_was_asked_together_or_alone_is_never_asked_again(
    db, facets, server
):
    topic, offer, stage, tone = facets
    (said,), outcomes = ask(db, facets, "one text")
    assert all(said) and outcomes == ["answered"] * 4 and len(server.calls) == 1
    (row,) = ledger.runs_table(db, topic.client_id)
    assert (row["calls"], row["facets"]) == (1, "Category, Offer, Stage, Tone")
    assert ledger.purpose(row) == "answers of a served teacher: Category, Offer, Stage, Tone together"
    assert row["spent_usd"] == pytest.approx(billed(server)) == pytest.approx(ledger.served_usd(db, topic.client_id))
    assert db.execute("select facets, json_array_length(tasks) from calls").fetchone() == (4, 4)
    for some in ([topic], [tone], [stage, offer], facets):
        assert [ask(db, some, "one text")[0]] == [[[said[facets.index(one)] for one in some]]]
    assert len(server.calls) == 1, "however they come together after a restart"
    assert ask(db, [offer], "another text")[0][0] == ask(db, [offer], "another text")[0][0]
    _, outcomes = ask(db, [topic, offer, stage], "another text")
    assert sorted(outcomes) == ["answered", "answered", "kept"]
    assert [places(call) for call in server.calls[1:]] == [[], ["category", "stage"]]


def test_labels_of_the_clients_own_are_not_asked_for(db, facets, server):
    topic, _, _, tone = facets
    labelling.label_together(db, [topic, tone], "connection:A", budget_usd=1.0)
    before = len(server.calls)
    text, run, asset = db.execute(
        "select a.text, l.run_id, a.id from labels l join assets a on a.id = l.asset_id join label_runs r on r.id = l.run_id"
        " where r.task_id = ? limit 1",
        [tone.id],
    ).fetchone()
    (said,), outcomes = ask(db, facets, text.upper())
    assert sorted(outcomes) == ["answered", "answered", "kept", "kept"]
    assert [places(call) for call in server.calls[before:]] == [["offer", "stage"]]
    held = db.execute(
        "select c.label from labels l join categories c on c.id = l.category_id where run_id = ? and asset_id = ?",
        [run, asset],
    )
    assert said[3] == held.fetchone()[0]


def test_a_facet_that_fails_spoils_no_other_and_is_asked_for_alone_the_next_time(db, facets, server):
    def wrong_offer(call: Call) -> str:
        return call.answer_facets(lambda key, text: "nonsense" if key == "offer" else next(iter(call.facets[key])))

    server.script = wrong_offer
    (said,), outcomes = ask(db, facets, "one text")
    assert [bool(one) for one in said] == [True, False, True, True]
    assert sorted(outcomes) == ["answered", "answered", "answered", "failed"] and len(server.calls) == 2
    server.script = steady
    (again,), outcomes = ask(db, facets, "one text")
    assert again[1] and [again[0], *again[2:]] == [said[0], *said[2:]]
    assert sorted(outcomes) == ["answered", "kept", "kept", "kept"]
    assert len(server.calls) == 3 and list(server.calls[-1].categories.values()) == list(FACETS["Offer"])


def test_equal_texts_at_once_share_a_call_and_a_facet_under_way_is_waited_for(db, facets, server):
    server.latency = 0.2

    async def life():
        made = Fallback(facets[0], 1.0, 4)
        topic, offer, stage, _ = (served(db, task) for task in facets)
        for one in (topic, offer, stage):
            await made.prepare(one)
        asked = [*made.ask([topic, offer], "a"), *made.ask([topic, offer], "a"), *made.ask([offer, stage], "a")]
        said = [one.category for one in await asyncio.gather(*asked)]
        await made.close()
        return said

    said = asyncio.run(life())
    assert said[:2] == said[2:4] and said[1] == said[4]
    assert sorted(map(places, server.calls)) == [[], ["category", "offer"]]


def test_a_call_given_up_goes_on_and_is_kept(db, facets, server):
    server.latency = 0.3

    async def life():
        made = Fallback(facets[0], 1.0, 4)
        those = [served(db, task) for task in facets]
        await made.prepare(those[0])
        asked = made.ask(those, "a")
        await asyncio.wait(asked, timeout=0.1)
        for one in asked:
            one.cancel()
        await asyncio.gather(*asked, return_exceptions=True)
        while made._under_way:
            await asyncio.sleep(0.02)
        said = await asyncio.gather(*made.ask(those, "a"))
        await made.close()
        return said

    assert all(asyncio.run(life())) and len(server.calls) == 1


def test_the_months_budget_is_never_passed(db, facets, server):
    said, outcomes = ask(db, facets, *map(str, range(40)), budget=0.02)
    answered = [row for row in said if all(row)]
    assert 0 < len(answered) < 40 and "budget" in outcomes
    assert billed(server) == pytest.approx(ledger.served_usd(db, facets[0].client_id)) and billed(server) <= 0.02
    assert all(all(row) or not any(row) for row in said)


def test_facets_of_two_connections_are_asked_apart(db, facets, server):
    with Server(steady) as other:
        params = Params(price=OwnPrice(1.0, 4.0))
        connections.save(db, facets[0].client_id, "B", "openai", "m", base_url=other.url, params=params)

        async def life():
            made = Fallback(facets[0], 1.0, 4)
            those = [served(db, task) for task in facets]
            those[3] = Served(9, "linear", facets[3], those[3].taxonomy_id, "connection:B", None, 0.9, None)
            said = await asyncio.gather(*made.ask(those, "a"))
            await made.close()
            return said

        assert all(asyncio.run(life()))
        assert [places(call) for call in server.calls] == [["category", "offer", "stage"]]
        assert [places(call) for call in other.calls] == [["tone"]]


SERVING = """
import asyncio, sys
from core import database, tasks
from core.deploy.fallback import Fallback
from tests.deploy.test_joint_fallback import served

async def life():
    db = database.connect()
    facets = [tasks.get(db, int(id)) for id in sys.argv[1].split(",")]
    made = Fallback(facets[0], 1.0, len(facets))
    those = [served(db, task) for task in facets]
    await made.prepare(those[0])
    await asyncio.gather(*(one for text in sys.argv[2:] for one in made.ask(those, text)))

asyncio.run(life())
"""


def test_killed_it_buys_nothing_again(db, facets, server):
    server.script = lambda call: Fault("hang") if call.texts[0].startswith("hang") else steady(call)
    ids = ",".join(str(task.id) for task in facets)
    killed = subprocess.Popen([sys.executable, "-c", SERVING, ids, "sound 1", "hang", "sound 2"])
    until(lambda: len(server.calls) == 3 and hanging(db) == 1)
    killed.kill()
    killed.wait()
    (first, second, third), _ = ask(db, facets, "sound 1", "sound 2", "new")
    assert all([*first, *second, *third])
    assert Counter(text for call in server.calls for text in call.texts) == {
        "sound 1": 1, "sound 2": 1, "hang": 1, "new": 1
    }  # fmt: skip
    (row,) = ledger.runs_table(db, facets[0].client_id)
    assert (row["calls"], row["unknown"], row["open"]) == (4, 1, 0)


def test_the_confidence_of_a_facet_is_known_whatever_it_was_asked_about_with(db, facets, server):
    """The log probabilities of a joint reply are kept with the part that they belong to."""
    topic, offer, *_ = facets

    def sure(call: Call) -> Text:
        text = '{"category": "2", "offer": "3"}'
        tokens = [(token, {token: 0.0}) for token in ('{"', "category", '": "', "2", '", "', "offer", '":', ' "')]
        tokens[3] = ("2", {"2": -0.1, "1": -2.4})
        return Text(text, logprobs=[*tokens, ("3", {"3": -0.2, "1": -1.8}), ('"}', {'"}': 0.0})])

    server.script = sure

    async def sure_of(*those):
        made = Fallback(topic, 1.0, 2)
        said = await asyncio.gather(*made.ask([served(db, one) for one in those], "a"))
        await made.close()
        return [one.confidence for one in said]

    both = asyncio.run(sure_of(topic, offer))
    assert both == pytest.approx([0.905, 0.832], abs=0.005)
    assert [*asyncio.run(sure_of(offer)), *asyncio.run(sure_of(topic))] == pytest.approx([both[1], both[0]])
    assert len(server.calls) == 1


def test_a_task_that_is_removed_leaves_the_calls_that_it_was_asked_in(db, facets, server):
    ask(db, facets, "one text")
    removal.remove_task(db, facets[1])
    (row,) = ledger.runs_table(db, facets[0].client_id)
    assert row["facets"] == "Category, Stage, Tone" and row["spent_usd"] == pytest.approx(billed(server))
    assert db.execute("select facets from calls").fetchone()[0] == 4, "each bears the share that it bore"


def test_an_errand_asks_of_each_text_what_it_wants_and_pays_once(db, facets, server):
    categories = [taxonomy.load(db, taxonomy.latest(db, task)) for task in facets]
    joint = together([(task, for_labels(db, task, "connection:A", those)) for task, those in zip(facets, categories)])
    wanted = {"a": (0, 1, 2, 3), "b": (1, 3), "c": (2,)}
    for _ in range(2):
        with errand(db, facets[0].client_id, joint, None, "a file", 1.0) as asked:
            said = asked.ask_facets(wanted.items(), [None] * 4, lambda done: None)
        assert set(said) == {(text, place) for text, those in wanted.items() for place in those}
        assert not any(one.error for one in said.values()) and len(server.calls) == 3
    assert ledger.sent_usd(db, facets[0].client_id, "a file") == pytest.approx(billed(server))
    assert json.loads(db.execute("select tasks from calls where facets = 2").fetchone()[0]) == [
        facets[1].id, facets[3].id
    ]  # fmt: skip


@pytest.mark.parametrize("looks", [True, False])
def test_equal_words_with_other_images_are_asked_about_apart_where_the_teacher_looks(db, facets, looks):
    facets = facets[:2]
    for asset in (1, 2, 3):
        data = saved(drawn(seed=asset))
        kept.enter(db, [kept.keep(facets[0].client_id, data)])
        db["assets"].update(asset, {"image": kept.sha256(data)})
    first, second, _ = (Seen("the same words", kept.sights(db, facets[0].client_id, [id])[id]) for id in (1, 2, 3))
    with Server(steady, image_tokens=100) as server:
        connect(db, facets[0].client_id, server, takes_images=True)
        looking.choose(db, facets[0].client_id, "connection:A", looks)
        categories = [taxonomy.load(db, taxonomy.latest(db, task)) for task in facets]
        joint = together([(task, for_labels(db, task, "connection:A", of)) for task, of in zip(facets, categories)])
        wanted = [(first, (0,)), (second, (0, 1)), (first, (1,))]
        with errand(db, facets[0].client_id, joint, None, "a file", 1.0) as asked:
            said = asked.ask_facets(wanted, [None, None], lambda done: None)
        assert set(said) == {(joint.same(text), place) for text in (first, second) for place in (0, 1)}
        assert len(server.calls) == (2 if looks else 1) and len(said) == 2 * len(server.calls)
