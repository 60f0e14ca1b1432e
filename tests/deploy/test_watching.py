"""A server writes down what it answers, audits a share of it within a budget, and hands everything to the teacher where a promise
is broken and its people chose so."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from contextlib import closing
from dataclasses import replace

import pytest

from core import taxonomy
from core.deploy.fallback import Fallback
from core.deploy.live import Served
from core.deploy.service import Service
from core.deploy.tally import Tally
from core.deploy.watching import Watch
from core.money import ledger
from core.train import students
from core.train.registry import folder_of, set_live
from core.watch import learning, rules, served, standing
from core.wires import connections
from core.wires.wire import OwnPrice, Params
from tests import small
from tests.wires.servers import Server

TEXTS = list(dict.fromkeys(row["text"] for row in small.rows(400) if row["label"] == "Travel"))[:40]


class Following:
    """Stands for a student at work."""

    def __init__(self, one: Served):
        self.task, self.current, self.note, self.tally = one.task, one, "", Tally(one.task.id)
        self.loaded = True

    def first(self) -> Served:
        """The student itself."""
        return self.current

    def start(self, first: Served) -> None:
        """Nothing to follow."""

    def stop(self) -> None:
        """Nothing to stop."""


@pytest.fixture
def home(judged_small, db):
    """The database and the task of a student at work."""
    set_live(db, 1)
    return db, judged_small


def at_work(db, task, server, threshold: float | None = 0.0, student_id: int = 1) -> Served:
    params = Params(price=OwnPrice(1.0, 4.0), concurrency=4, timeout_s=20.0)
    connections.save(db, task.client_id, "A", "openai", "m", base_url=server.url, key_source="none", params=params)
    student = students.load(folder_of(db, student_id))
    return Served(student_id, "linear", task, taxonomy.latest(db, task), "connection:A", student, threshold, None)


def answered(one: Served, texts: list[str], *, budget=None, shadow=False, silent=None, wait=lambda watch: True):
    """What a server that lives for one request answers, and its watch."""

    async def life():
        watch = Watch(one.task.client_id, [one.task], shadow)
        fallback = Fallback(one.task, budget) if budget is not None else None
        service = Service([Following(one)], fallback, None, None, watch, Following(silent) if silent else None)
        service.start()
        if fallback:
            await fallback.prepare(one)
        watch.start()
        try:
            results = await service.classify([one], texts)
            deadline = time.monotonic() + 30
            while ((service.beside and service.beside._under_way) or not wait(watch)) and time.monotonic() < deadline:
                await asyncio.sleep(0.02)
            return [result for (result,) in results], watch
        finally:
            await service.close()

    return asyncio.run(life())


def kept(task, table: str) -> list[tuple]:
    with closing(served.there(task.client_id)) as file:
        return file.execute(f"select * from {table}").fetchall()


def column(task, table: str, name: str) -> list:
    with closing(served.there(task.client_id)) as file:
        return [value for (value,) in file.execute(f"select {name} from {table} order by id")]


def test_every_answer_leaves_one_row_and_no_text_unless_the_client_says_so(home):
    db, task = home
    with Server() as server:
        one = at_work(db, task, server)
        results, _ = answered(one, ["flights hotel", "", "careers join hiring"])
        assert column(task, "answers", "category") == [results[0].category, results[2].category]
        assert column(task, "answers", "text") == [None, None]
        assert column(task, "answers", "answered_by") == ["student", "student"]
        rules.put_keeping(db, task.client_id, rules.Keeping(texts="all"))
        answered(one, ["kept as it came"])
    assert column(task, "answers", "text")[-1] == "kept as it came"
    assert b"flights hotel" not in b"".join(
        path.read_bytes() for path in served.path_of(task.client_id).parent.iterdir()
    )


def test_a_share_of_handled_answers_goes_to_the_teacher_too_and_each_is_paid_once(home):
    db, task = home
    rules.put_watching(db, task, rules.Watching(share=0.5))
    rules.put_keeping(db, task.client_id, rules.Keeping(audit_usd=5.0))
    with Server(lambda call: call.answer_labels(lambda text: "Hiring")) as server:
        one = at_work(db, task, server)
        answered(one, TEXTS, wait=lambda watch: not watch._auditing)
        first = len(server.calls)
        assert 5 <= first <= 35 and len(kept(task, "audits")) == first
        answered(one, TEXTS, wait=lambda watch: not watch._auditing)
        texts = [text for call in server.calls for text in call.texts]
        assert len(texts) == len(set(texts)) == len(kept(task, "audits"))
        spent = (server.billed_in * 1.0 + server.billed_out * 4.0) / 1e6
    assert ledger.served_usd(db, task.client_id, ledger.AUDITED) == pytest.approx(spent) and spent > 0
    assert ledger.served_usd(db, task.client_id) == 0
    assert set(column(task, "audits", "teacher")) == {"Hiring"} and set(column(task, "audits", "student")) == {"Travel"}
    assert set(column(task, "answers", "chance")) == {0.5}
    assert sum(column(task, "audits", "usd")) == pytest.approx(spent)


def test_audits_end_where_the_month_s_budget_does(home):
    db, task = home
    rules.put_watching(db, task, rules.Watching(share=1.0))
    with Server() as server:
        one = at_work(db, task, server)
        answered(one, TEXTS[:1], wait=lambda watch: bool(watch.note))
        assert not server.calls
        price = 3e-4
        rules.put_keeping(db, task.client_id, rules.Keeping(audit_usd=price))
        answered(one, TEXTS, wait=lambda watch: not watch._auditing)
    assert ledger.served_usd(db, task.client_id, ledger.AUDITED) <= price
    assert len(kept(task, "audits")) == len(server.calls) < len(TEXTS)


def test_what_falls_back_is_written_down_with_the_teachers_answer(home):
    db, task = home
    with Server(lambda call: call.answer_labels(lambda text: "Sale")) as server:
        one = at_work(db, task, server, threshold=None)
        results, _ = answered(one, ["flights hotel beach"], budget=1.0)
    assert (results[0].category, results[0].answered_by) == ("Sale", "teacher")
    assert column(task, "answers", "chance") == [1.0] and column(task, "answers", "category") == ["Travel"]
    (audit,) = kept(task, "audits")
    assert audit[5:10] == (1.0, "live", 0, "Travel", "Sale")


def test_in_a_shadow_run_the_teacher_answers_and_the_student_is_written_down(home):
    db, task = home
    with Server(lambda call: call.answer_labels(lambda text: "Sale")) as server:
        one = at_work(db, task, server)
        results, _ = answered(one, TEXTS[:5], budget=1.0, shadow=True)
    assert {result.category for result in results} == {"Sale"} and not any(result.handled for result in results)
    assert column(task, "answers", "mode") == ["shadow"] * 5 and column(task, "answers", "handled") == [1] * 5
    assert column(task, "audits", "student") == ["Travel"] * 5 and standing.standing(db, task).audits == 0


def test_a_broken_promise_sends_everything_to_the_teacher_where_people_chose_so(home):
    db, task = home
    since = time.time()
    wrong = [
        served.Audit(since + n / 1e6, task.id, 1, bytes([n]), 0.1, "live", True, "Travel", "Sale", 0.9, 0.0, None)
        for n in range(60)
    ]
    with closing(served.answers(task.client_id)) as file:
        served.write(file, [], wrong)
    assert standing.broken(db, task)
    with Server(lambda call: call.answer_labels(lambda text: "Sale")) as server:
        one = at_work(db, task, server)
        warned, _ = answered(one, TEXTS[:2], budget=1.0, wait=lambda watch: bool(watch.broken))
        rules.put_watching(db, task, rules.Watching(broken="teacher"))
        sent, _ = answered(one, TEXTS[:2], budget=1.0)
    assert {result.answered_by for result in warned} == {"student"}
    assert {result.answered_by for result in sent} == {"teacher"}
    standing.decide(db, task, "seen to")
    assert not standing.broken(db, task)


def test_what_cannot_be_written_holds_up_no_answer_and_is_written_later(home, monkeypatch):
    db, task = home
    import sqlite3

    def full(*_):
        raise sqlite3.OperationalError("database or disk is full")

    write, tries = served.write, []
    monkeypatch.setattr(served, "write", lambda *args: (tries.append(1), full() if len(tries) < 3 else write(*args)))
    with Server() as server:
        results, _ = answered(at_work(db, task, server), TEXTS, wait=lambda watch: len(tries) >= 3)
    assert len(results) == len(TEXTS) == len(kept(task, "answers"))


def test_a_second_student_answers_silently_and_is_compared_where_the_teacher_is_asked(home):
    db, task = home
    rules.put_watching(db, task, rules.Watching(share=0.5))
    rules.put_keeping(db, task.client_id, rules.Keeping(audit_usd=5.0))
    with Server(lambda call: call.answer_labels(lambda text: "Travel")) as server:
        one = at_work(db, task, server)
        other = replace(one, id=7)
        results, _ = answered(one, TEXTS, silent=other, wait=lambda watch: not watch._auditing)
        checked = len(server.calls)
    assert {result.answered_by for result in results} == {"student"}
    assert Counter(column(task, "answers", "mode")) == {"live": 40, "shadow": 40}
    assert Counter(column(task, "audits", "mode")) == {"live": checked, "shadow": checked}
    assert set(column(task, "audits", "student_id")) == {1, 7} and set(column(task, "audits", "chance")) == {0.5}


def test_of_what_falls_back_the_second_student_is_compared_on_the_same_share(home):
    db, task = home
    rules.put_watching(db, task, rules.Watching(share=0.25))
    with Server(lambda call: call.answer_labels(lambda text: "Travel")) as server:
        one = at_work(db, task, server, threshold=None)
        texts = list(dict.fromkeys(row["text"] for row in small.rows(300)))
        answered(one, texts[:200], silent=replace(one, id=7), budget=5.0)
    modes = Counter(column(task, "audits", "mode"))
    assert modes["live"] == 200 and 20 < modes["shadow"] < 85


def test_what_fell_back_or_was_audited_can_be_learned_from_once(home):
    db, task = home
    rules.put_watching(db, task, rules.Watching(share=1.0))
    rules.put_keeping(db, task.client_id, rules.Keeping(texts="asked", audit_usd=5.0))
    with Server(lambda call: call.answer_labels(lambda text: "Hiring")) as server:
        unsure, sure = at_work(db, task, server, threshold=2.0), at_work(db, task, server)
        answered(unsure, TEXTS[:8], budget=5.0)
        answered(sure, TEXTS[8:20], wait=lambda watch: not watch._auditing)
        calls = len(server.calls)
    found = learning.found(db, task)
    assert (found.new, found.audits) == (20, 12) and found.paid_usd == pytest.approx(sum(column(task, "audits", "usd")))
    assert (learning.take_in(db, task).labels, learning.take_in(db, task).labels) == (20, 0) and len(
        server.calls
    ) == calls
    said = "select distinct c.label from labels l join categories c on c.id = l.category_id where l.chance is not null"
    assert db.execute(said).fetchall() == [("Hiring",)]
