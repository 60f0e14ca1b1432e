"""Paid work killed with -9: labels bought of a teacher, and a service whose teacher stands behind it.

After each kill the money is added up: what was sold, what the ledger holds, and the cap.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import threading
import time
import urllib.error
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from sqlite_utils import Database

from core import database, jobs
from core.label.labelling import label
from core.money import ledger
from core.train import registry, students
from core.watch import served
from core.wires import connections
from core.wires.wire import OwnPrice, Params
from tests import small
from tests.deploy.test_server import Server as Service
from tests.label import killing
from tests.promised.killed import ROOT, Kill, home, labels, unsound
from tests.wires.servers import Call, Fault, Server, Text, steady

SECOND = 1.0  # of what was served that a kill may lose
PRICE = Params(concurrency=killing.CONCURRENCY, price=OwnPrice(1.0, 4.0), timeout_s=5.0)


@dataclass
class Shop:
    """A teacher that is slow and fails every so often, and counts what it sold: answers by text, and what they cost."""

    dice: random.Random
    failing: float = 0.15
    sold: Counter = field(default_factory=Counter)

    def __call__(self, call: Call) -> Text | Fault:
        if self.dice.random() < self.failing:
            return self.dice.choice((Fault("status", 500), Fault("status", 429, retry_after=0.05), Fault("reset")))
        self.sold.update(call.texts)
        return Text(steady(call), seconds=self.dice.choice((0.01, 0.03, 0.3)))

    def twice(self) -> int:
        """Answers sold beyond the first of each text."""
        return sum(count - 1 for count in self.sold.values())


def spent(db: Database) -> float:
    """USD of all calls, those under way and cut off at the most they can cost."""
    return db.execute("select total(coalesce(cost_usd, reserved_usd)) from calls").fetchone()[0]


def billed(server: Server) -> float:
    return (server.billed_in * PRICE.price.input_usd_mtok + server.billed_out * PRICE.price.output_usd_mtok) / 1e6


# --- labelling --------------------------------------------------------------------------------------------------------


def labelling(kills: int, folder: Path, dice: random.Random) -> Iterator[Kill]:
    """Labels bought of a teacher that is slow and fails; its last kills meet a cap that is nearly spent."""
    shop, assets = Shop(dice), 60 * kills
    with home(folder), closing(database.connect()) as db, Server(shop, keep_calls=False) as server:
        task = small.fill(db, folder / "files", small.rows(assets))
        connections.save(db, task.client_id, "Local", "openai", "m", base_url=server.url, params=PRICE)
        under_way, cap = 0, 50.0
        for number in range(kills):
            if number == kills * 2 // 3:
                cap = spent(db) + 10 * spent(db) / max(len(labels(db)), 1)  # of about ten labels more
            before, after = labels(db), dice.uniform(0, 0.8)
            program = killing.PROGRAM.replace("budget_usd=50.0", f"budget_usd={cap}")
            _kill_once_asked([sys.executable, "-c", program, str(task.id)], server, after)
            lost = len(before.items() - labels(db).items())
            under_way += db.execute("select count(*) from calls where state = 'open'").fetchone()[0]
            broken = unsound(folder) or (f"{lost} labels lost" if lost else "")
            if shop.twice() > under_way:
                broken = broken or f"{shop.twice()} answers bought twice, {under_way} calls were under way"
            yield Kill(
                "labelling", f"{after:.2f} s after the first call", broken or _money(spent(db), billed(server), cap)
            )
        shop.failing = 0.0
        label(db, task, "connection:Local", budget_usd=50.0)
        have, unsold = len(labels(db)), sum(not shop.sold[text] for (text,) in db.execute("select text from assets"))
        broken = "" if have == assets else f"{have} of {assets} assets labelled in the end"
        broken = broken or (f"{unsold} labels nobody sold" if unsold else "") or _money(spent(db), billed(server), 50.0)
        yield Kill("labelling", "in the end", broken)


def _money(told: float, sold: float, cap: float) -> str:
    """What is wrong with the sums."""
    if told > cap + 1e-9 or sold > cap + 1e-9:
        return f"the cap of ${cap:.5f} is passed: ledger ${told:.5f}, billed ${sold:.5f}"
    return "" if told >= sold - 1e-9 else f"the ledger holds ${told:.5f}, billed were ${sold:.5f}"


def _kill_once_asked(command: list[str], server: Server, after: float) -> None:
    """Start it, and kill it so many seconds after its first call arrived."""
    asked = sum(server.asked.values())
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while sum(server.asked.values()) == asked and process.poll() is None:
        time.sleep(0.002)
    with suppress(subprocess.TimeoutExpired):
        process.wait(after)
    process.kill()
    process.wait()


# --- serving ----------------------------------------------------------------------------------------------------------


def serving(kills: int, folder: Path, dice: random.Random) -> Iterator[Kill]:
    """A service whose teacher stands behind it within a cap, asked by four callers at once while it writes down what it answers."""
    shop = Shop(dice)
    with home(folder), closing(database.connect()) as db, Server(shop, keep_calls=False) as server:
        client = _at_work(db, folder, server)
        heard, under_way, cap, number = {}, 0, 50.0, iter(range(10**6))
        shop.sold.clear()
        paid = billed(server)
        for kill in range(kills):
            if kill == kills * 2 // 3:
                cap = ledger.served_usd(db, client) + 10 * (billed(server) - paid) / max(sum(shop.sold.values()), 1)
            service = Service(folder, "--fallback", "--fallback-budget", f"{cap:.9f}")
            after = dice.uniform(0.2, 2.5)
            killed_at, answers = _under_load(service, after, heard, number, dice)
            under_way += db.execute("select count(*) from calls where state = 'open' and run_id is null").fetchone()[0]
            broken = unsound(folder) or _unwritten(client, killed_at, answers)
            again = sum(shop.sold[text] - 1 for text in heard if shop.sold[text] > 1)
            if again > under_way:
                broken = broken or f"{again} answers bought twice, {under_way} calls were under way"
            told, sold = ledger.served_usd(db, client), billed(server) - paid
            yield Kill("serving", f"{after:.2f} s into it", broken or _money(told, sold, cap))
        shop.failing = 0.0
        yield Kill("serving", "in the end", _nothing_again(folder, shop, heard))


def _at_work(db: Database, folder: Path, server: Server) -> int:
    """A client whose live student, taught by the server, hands on about half; its id."""
    task = small.fill(db, folder / "files", small.rows(300))
    connections.save(db, task.client_id, "Local", "openai", "m", base_url=server.url, params=PRICE)
    run = jobs.run_here(db, "label", {"task_id": task.id, "teacher": "recorded:label"}, task).result["run_id"]
    jobs.run_here(db, "train", {"task_id": task.id, "run_id": run, "kind": "linear", "target": 0.7}, task)
    registry.set_live(db, 1)
    student = students.load(registry.folder_of(db, 1))
    middle = float(np.median(student.answer([row["text"] for row in small.rows()]).confidence))
    with db.atomic():
        db.execute("update evaluations set figures = json_set(figures, '$.certificate.threshold', ?)", [middle])
        db.execute("update label_runs set teacher = 'connection:Local'")
    return task.client_id


def _under_load(
    service: Service, after: float, heard: dict[str, str], number: Iterator[int], dice: random.Random
) -> tuple[float, list[tuple[float, str]]]:
    """Ask it from four threads, then kill it: when, and the texts that were answered at which moment. `heard`: what the teacher was
    heard to say, by text."""
    over, answers = threading.Event(), []
    batches = [
        [f"{row['text']} {next(number)}" for row in small.rows(6, seed=dice.randrange(10**6))] for _ in range(400)
    ]

    def ask() -> None:
        while not over.is_set() and batches:
            texts = batches.pop()
            try:
                status, reply, _ = service.ask("/classify", {"texts": texts})
            except (OSError, urllib.error.URLError, json.JSONDecodeError):
                return
            if status == 200:
                answers.extend((time.monotonic(), text) for text in texts)
                by_teacher = [one["answered_by"] == "teacher" for one in reply["results"]]
                heard.update({text: "" for text, its in zip(texts, by_teacher) if its})

    asking = [threading.Thread(target=ask) for _ in range(4)]
    for one in asking:
        one.start()
    time.sleep(after)
    killed_at = time.monotonic()
    service.process.kill()
    service.process.wait()
    over.set()
    for one in asking:
        one.join()
    return killed_at, answers


def _unwritten(client: int, killed_at: float, answers: list[tuple[float, str]]) -> str:
    """What was answered more than a second before the kill and is not written down."""
    there = served.there(client)
    if there is None:
        return "" if all(at > killed_at - SECOND for at, _ in answers) else "nothing that was served is written down"
    with closing(there) as file:
        kept = {key for (key,) in file.execute("select hash from answers")}
    lost = sum(served.hash_of(text) not in kept for at, text in answers if at < killed_at - SECOND)
    return f"{lost} answers not written down" if lost else ""


def _nothing_again(folder: Path, shop: Shop, heard: dict[str, str]) -> str:
    """Ask again whatever the teacher answered: nothing is bought."""
    before, texts = sum(shop.sold.values()), list(heard)
    service = Service(folder, "--fallback", "--fallback-budget", "50")
    try:
        for start in range(0, len(texts), 50):
            service.classify(*texts[start : start + 50])
    finally:
        service.process.kill()
        service.process.wait()
    again = sum(shop.sold.values()) - before
    return f"{again} of {len(texts)} answers bought again" if again else ""
