"""Teachers that look, against a real HTTP server: what is sent, what it costs and never passes, and what is never bought twice."""

from __future__ import annotations

import asyncio
import io
import json
from collections import OrderedDict
from dataclasses import replace

import pytest
from PIL import Image

from core import __main__ as cli
from core import settings, taxonomy
from core.deploy.fallback import Fallback
from core.deploy.live import Served
from core.errors import InputError
from core.images import kept, scaled
from core.images.seen import Seen
from core.label import batches, forecast, forecast_joint, labelling, looking, runs, spending
from core.label.asking import LOOKING
from core.label.deciding import DecisionAsking
from core.label.errands import errand
from core.label.joint import Facet, JointAsking
from core.label.model import Model
from core.label.teachers import for_labels
from core.money import ledger
from core.tasks import Task
from core.wires import connections, pictures
from core.wires.wire import OwnPrice, Params
from tests import small
from tests.images import clients
from tests.label import questions
from tests.label.killing import kill_again_and_again
from tests.label.test_joint import add
from tests.wires.deciders import Decider
from tests.wires.servers import Call, Server, steady

PRICE = OwnPrice(1.0, 4.0, 0.1, 0.5, 2.0)
TEACHER = "connection:Local"
PINNED = [
    (
        "6e047a2391286ad17ad858e2e9705fc0970d09bb923064d7f0b9a037e95415ae",
        "51bc1e39dcc4d6f1b211200b689d8f84a7a9f8f0aab19c8d8946e83d4ce85b26",
    ),
    (
        "cc78e73250a201ad25cec4efca41aecf7b832f11080db52a6fa806c2a037fa59",
        "cc7c02c740e8ec62b5202a0b920bf6b63ea0ac4a5a15ff9f05ff70736a43a859",
    ),
    (
        "8da725b634ca025e0492415a5f3a8c1d35bd60a37c1f38ec953b40048eee265f",
        "45e80f58c2e75cebcb632aa5c58b32bd13b35cbae06aa166cbd4f9cac05912b3",
    ),
]
PINNED_JOINT = "a1b7973b95cf50ab062699de8f2226568aa7a2fbe4e4153b4f888ec5a8fd1208"


@pytest.fixture
def server():
    with Server(steady, image_tokens=600) as running:
        yield running


def connected(db, folder, server, count: int = 12, every: int = 2, kind: str = "openai", **params) -> Task:
    """The small client with a teacher called Local that looks, of which each `every`-th asset has an image."""
    client = small.fill(db, folder, small.rows(count))
    client_sizes[client.id] = clients.give(db, client.client_id, every)
    params = Params(**{"price": PRICE, "concurrency": 4, "takes_images": True, "logprobs": False} | params)
    url = server.root if kind == "anthropic" else server.url
    connections.save(db, client.client_id, "Local", kind, "model-of-mine", base_url=url, params=params)
    looking.choose(db, client.client_id, TEACHER, True)
    return client


client_sizes: dict[int, dict[str, tuple[int, int]]] = {}


def told(call: Call) -> str:
    """What the model is told, wherever it stands."""
    return json.dumps(call.body, ensure_ascii=False)


def sizes_of(call: Call) -> list[tuple[int, int]]:
    return [Image.open(io.BytesIO(one)).size for one in call.images]


@pytest.mark.parametrize("kind", ["openai", "anthropic"])
def test_a_chat_model_gets_the_scaled_image_beside_the_text(db, tmp_path, server, kind):
    client = connected(db, tmp_path, server, kind=kind)
    run = labelling.label(db, client, TEACHER, budget_usd=1.0)
    figures, given = runs.summary(db, run), client_sizes[client.id]
    charge = pictures.OTHERS.charge
    assert (figures["count"], figures["state"]) == (12, "done") and set(server.asked.values()) == {1}
    for call in server.calls:
        (text,) = call.texts
        assert sizes_of(call) == ([charge.fitted(*given[text])] if text in given else [])
        assert (LOOKING in call.system) == (text in given)
    billed = (server.billed_in * 1.0 + server.billed_out * 4.0) / 1e6
    assert figures["spent_usd"] == pytest.approx(billed) and server.billed_in > 6 * 600
    assert sum(row["tokens_in"] for row in ledger.runs_table(db, client.client_id)) == server.billed_in


@pytest.mark.parametrize("kind", ["systemone", "decisions"])
def test_a_decision_model_gets_it_in_either_form(db, tmp_path, kind):
    with Decider() as server:
        client = connected(db, tmp_path, server, kind=kind)
        run = labelling.label(db, client, TEACHER, budget_usd=1.0)
    given = client_sizes[client.id]
    assert runs.summary(db, run)["count"] == 12 and set(server.asked.values()) == {1}
    for call in server.calls:
        assert len(call.images) == (call.text in given)
        assert ("do not do it" in told(call).partition(LOOKING.splitlines()[0])[2]) == (call.text in given)
        assert {text for text in server.asked} <= {row["text"] for row in db["assets"].rows}


def test_labels_with_and_without_the_image_are_apart_and_none_is_bought_twice(db, tmp_path, server):
    client = connected(db, tmp_path, server)
    looking.choose(db, client.client_id, TEACHER, False)
    alone = labelling.label(db, client, TEACHER, budget_usd=1.0)
    assert not any(call.images for call in server.calls)
    looking.choose(db, client.client_id, TEACHER, True)
    looked = labelling.label(db, client, TEACHER, budget_usd=1.0)
    given = client_sizes[client.id]
    assert looked != alone and {text: n for text, n in server.asked.items() if n > 1} == dict.fromkeys(given, 2)
    for looks, run in ((False, alone), (True, looked)):
        looking.choose(db, client.client_id, TEACHER, looks)
        assert labelling.label(db, client, TEACHER, budget_usd=1.0) == run
    assert server.asked.total() == 18


def test_what_was_kept_before_there_were_images_is_found_as_it_was():
    """Keys and fingerprints of an earlier version: other ones would buy every answer anew."""
    facet, decision = (
        questions.asking(),
        DecisionAsking(questions.connection("decisions"), questions.CATEGORIES, questions.PROMPT),
    )
    joint = JointAsking([Facet("Topic", "topic", facet, False, 1), Facet("Offer", "offer", facet, True, 2)])
    found = [_pinned(one) for one in (facet, questions.asking(assets_per_call=3, votes=3), decision)]
    ((_, question),) = joint.requests(questions.assets(1))
    assert found == PINNED
    assert Model(questions.connection(), None).key(question, joint.asked((0, 1))).hex() == PINNED_JOINT


def _pinned(asking) -> tuple[str, str]:
    ((_, question),) = asking.requests(questions.assets(1))
    return questions.hosted(asking).key(question).hex(), asking.fingerprint


def test_the_key_knows_the_image_and_its_size(db, tmp_path, server):
    client = connected(db, tmp_path, server)
    hosted = for_labels(db, client, TEACHER, taxonomy.load(db, taxonomy.latest(db, client)))
    (page,) = hosted.pending(db, labelling.open_run(db, client, TEACHER)[1])
    one, other = [asset for asset in page if asset.sight][:2]
    requests = [
        hosted.asking.requests([replace(one, text=text)])[0][1] for text in (one.text, Seen(one.text, other.sight))
    ]
    larger = replace(requests[0].pictures[0], width=10)
    keys = {
        hosted.key(each)
        for each in (*requests, replace(requests[0], pictures=(larger,)), replace(requests[0], pictures=()))
    }
    assert len(keys) == 4


def test_a_group_is_shown_by_its_first_image(db, tmp_path, server):
    client = connected(db, tmp_path, server, count=3, every=3)
    first, second, _ = (row[0] for row in db.execute("select id from assets order by id").fetchall())
    (sha,) = db.execute("select image from assets where id = ?", [first]).fetchone()
    with db.atomic():
        db.execute("update assets set image = null, group_id = ? where id = ?", [first, first])
        db.execute("update assets set image = ?, group_id = ? where id = ?", [sha, first, second])
    labelling.label(db, client, TEACHER, budget_usd=1.0)
    assert sorted(len(call.images) for call in server.calls) == [0, 1]


def test_the_cap_holds_though_every_image_takes_the_most_it_can(db, tmp_path, server):
    client = connected(db, tmp_path, server, count=12, every=1)
    server.image_tokens = pictures.OTHERS.charge.most(1, 1)
    run = labelling.label(db, client, TEACHER, budget_usd=0.02)
    figures = runs.summary(db, run)
    assert figures["state"] == "capped" and 0 < figures["count"] < 12 and figures["spent_usd"] <= 0.02
    hosted = for_labels(db, client, TEACHER, taxonomy.load(db, taxonomy.latest(db, client)))
    ((_, request),) = hosted.asking.requests(next(iter(hosted.pending(db, run)))[:1])
    more = hosted.most_tokens(request)[0] - hosted.most_tokens(replace(request, pictures=()))[0]
    assert more >= request.pictures[0].most_tokens


def test_images_are_in_the_forecast_before_a_trial_and_after_one(db, tmp_path, server):
    client = connected(db, tmp_path, server, count=60, every=1)
    looks, reads = (forecast.forecast(db, client, TEACHER, way) for way in (True, False))
    charge = pictures.OTHERS.charge
    seen = sum(charge.tokens(*charge.fitted(*size)) for size in client_sizes[client.id].values())
    assert looks.tokens_in - reads.tokens_in == pytest.approx(seen + 60 * (len(LOOKING) + 2) / 4, rel=0.01)
    server.image_tokens = seen // 60
    labelling.label(db, client, TEACHER, budget_usd=1.0, limit=spending.DRY_RUN)
    said, dry = forecast.forecast(db, client, TEACHER), runs.summary(db, runs.runs(db, client)[0]["id"])
    assert said.measured_on == spending.DRY_RUN
    labelling.label(db, client, TEACHER, budget_usd=1.0)
    assert runs.runs(db, client)[0]["spent_usd"] - dry["spent_usd"] == pytest.approx(said.cost.likely, rel=0.15)


@pytest.mark.parametrize(("takes", "said"), [(False, "takes no images"), (None, "not known")])
def test_a_model_without_images_says_so_before_anything_is_sent(db, tmp_path, server, takes, said):
    client = connected(db, tmp_path, server)
    before = connections.find(db, client.client_id, "Local")
    params = replace(before.params, takes_images=takes)
    connections.save(db, client.client_id, "Local", "openai", before.model, base_url=server.url, params=params)
    for ask in (
        lambda: labelling.label(db, client, TEACHER, budget_usd=1.0),
        lambda: forecast.forecast(db, client, TEACHER),
    ):
        with pytest.raises(InputError, match=said):
            ask()
    with pytest.raises(InputError, match=said):
        looking.choose(db, client.client_id, TEACHER, True)
    assert not server.requests


def test_an_image_that_is_gone_is_a_reason_and_costs_nothing(db, tmp_path, server, monkeypatch):
    client = connected(db, tmp_path, server, count=6, every=3)
    monkeypatch.setattr(scaled, "_kept", OrderedDict())
    for path in kept.folder(client.client_id).rglob("*.jpg"):
        path.unlink()
    figures = runs.summary(db, labelling.label(db, client, TEACHER, budget_usd=1.0))
    assert (figures["count"], figures["failed"]) == (4, 2) and not any(call.images for call in server.calls)
    assert "import it again" in runs.reasons(db, figures["id"])[0]["reason"]


def test_facets_asked_together_share_one_image(db, tmp_path, server):
    client = connected(db, tmp_path, server, count=6, every=1)
    facets = [client, add(db, client.client_id, "Offer")]
    expected = forecast_joint.forecast_together(db, facets, TEACHER)
    assert expected.together.tokens_in < expected.apart_tokens
    made = labelling.label_together(db, facets, TEACHER, budget_usd=1.0)
    assert [runs.summary(db, run)["count"] for run in made] == [6, 6] and len(server.calls) == 6
    assert all(len(call.images) == 1 and LOOKING in call.system for call in server.calls)
    assert labelling.label(db, client, TEACHER, budget_usd=1.0) == made[0] and len(server.calls) == 6


def test_votes_and_repair_turns_see_it_too(db, tmp_path):
    def script(call: Call) -> str:
        return steady(call) if call.repair or call.number > 1 else "Hm."

    with Server(script, image_tokens=600) as server:
        client = connected(db, tmp_path, server, count=2, every=1, votes=3)
        assert runs.summary(db, labelling.label(db, client, TEACHER, budget_usd=1.0))["count"] == 2
    assert any(call.repair for call in server.calls) and len(server.calls) == 8
    assert all(len(call.images) == 1 for call in server.calls)


def test_several_assets_a_call_have_their_images_named(db, tmp_path, server):
    client = connected(db, tmp_path, server, count=6, every=2, assets_per_call=6)
    labelling.label(db, client, TEACHER, budget_usd=1.0)
    (call,) = server.calls
    assert len(call.images) == 3
    assert [one["text"] for one in call.body["messages"][1]["content"] if one["type"] == "text"][:-1] == [
        f"Image of text {n}:" for n in (1, 3, 5)
    ]


@pytest.mark.parametrize("kind", ["openai", "anthropic"])
def test_batches_carry_images_and_are_parted_by_weight(db, tmp_path, server, monkeypatch, kind):
    monkeypatch.setattr(batches, "FIRST_POLL", 0.01)
    charge = pictures.OTHERS.charge
    heaviest = pictures.scaled.most_bytes(*charge.fitted(*clients.SIZES[2])) * 4 / 3
    monkeypatch.setattr(batches, "BATCH_BYTES", int(1.5 * heaviest))
    client = connected(db, tmp_path, server, every=1, kind=kind)
    figures = runs.summary(db, labelling.label(db, client, TEACHER, budget_usd=1.0, batch=True))
    assert (figures["count"], figures["state"]) == (12, "done") and set(server.asked.values()) == {1}
    assert len(server.batches) > 2 and all(len(call.images) == 1 for call in server.calls)
    assert figures["spent_usd"] == pytest.approx((server.billed_in * 0.5 + server.billed_out * 2.0) / 1e6)


def test_the_service_asks_about_what_it_is_shown_and_once(db, tmp_path, server):
    client = connected(db, tmp_path, server, count=6, every=2)
    labelling.label(db, client, TEACHER, budget_usd=1.0)
    rows = db.execute("select id, text from assets where image is not null order by id limit 2").fetchall()
    sights = kept.sights(db, client.client_id, [id for id, _ in rows])
    one, other = (sights[id] for id, _ in rows)
    text, served = rows[0][1], Served(1, "linear", client, taxonomy.latest(db, client), TEACHER, None, 0.9, None)
    asked = [Seen(text, one), Seen("New words", one), Seen("New words", other), Seen("New words", one), "New words"]

    async def life() -> list:
        behind, outcomes = Fallback(client, 1.0), []
        behind.count = outcomes.append
        try:
            await behind.prepare(served)
            return [await behind.answer(served, [each]) for each in asked], outcomes
        finally:
            await behind.close()

    before = len(server.calls)
    said, outcomes = asyncio.run(life())
    assert all(reply is not None for (reply,) in said)
    assert outcomes == ["kept", "answered", "answered", "kept", "answered"]
    assert [len(call.images) for call in server.calls[before:]] == [1, 1, 0]


def test_an_errand_tells_equal_words_with_other_images_apart_only_where_it_looks(db, tmp_path, server):
    client = connected(db, tmp_path, server, count=6, every=2)
    ids = [row[0] for row in db.execute("select id from assets where image is not null order by id limit 2").fetchall()]
    asked = [Seen("New words", sight) for sight in kept.sights(db, client.client_id, ids).values()]
    for looks, calls in ((True, 2), (False, 1)):
        hosted = for_labels(db, client, TEACHER, taxonomy.load(db, taxonomy.latest(db, client)), looks)
        before = len(server.calls)
        with errand(db, client.client_id, hosted, None, f"errand-{looks}", 1.0) as desk:
            answers = desk.ask(asked, lambda done: None)
        assert len(server.calls) - before == len(answers) == calls
        assert all(answers[hosted.same(text)].category_id for text in asked)


def test_a_killed_run_that_looks_buys_nothing_twice(db, tmp_path):
    killed = kill_again_and_again(db, tmp_path, kills=1, assets=30, seed=3, images=True)
    assert killed.labels == 30 and not any(kill.lost for kill in killed.kills)
    assert killed.twice <= killed.open_calls and killed.spent >= killed.billed - 1e-9


def test_the_command_chooses_and_says_what_either_way_costs(db, tmp_path, server, capsys):
    client = connected(db, tmp_path, server)
    command = ["label", "--client", "Small", "--teacher", TEACHER, "--forecast"]
    assert cli.main([*command, "--no-look"]) == 0
    assert "with the images, too (--look)" in capsys.readouterr().out
    assert not looking.chosen(db, client.client_id, TEACHER)
    assert cli.main([*command, "--look", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["other_way"]["looks"] is False
    assert said["other_way"]["forecast"]["tokens_in"] < said["forecast"]["tokens_in"] and not server.requests
    assert cli.main(["label", "--client", "Small", "--teacher", "built-in", "--look"]) == 2
    assert "hosted teacher" in capsys.readouterr().err


def test_the_choice_follows_a_connection_that_is_renamed(db, tmp_path, server):
    client = connected(db, tmp_path, server)
    connections.rename(db, connections.find(db, client.client_id, "Local").id, 'My "own" one')
    assert settings.get(db, looking.KEY, client.client_id) == {'connection:My "own" one': True}
