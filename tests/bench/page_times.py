"""How long every page takes with 100,000 assets, 150 categories and 300,000 answers served: drawn by the server (AppTest), and in
a browser until its charts stand.

python -m tests.bench.page_times [assets] [categories] [--home FOLDER]    (makes the client there, or takes the one it has)
python -m tests.bench.page_times --writing [--home FOLDER]                (a task that writes: tests/bench/writing_pages.py)
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from contextlib import closing
from pathlib import Path
from urllib.parse import urlencode

from playwright.sync_api import sync_playwright
from streamlit.testing.v1 import AppTest

from core import database, jobs, tasks
from core.tasks import Task
from core.train import registry
from core.ui import compare_first, compare_writing, menu
from core.watch import served
from tests.bench import writing_pages
from tests.browser.conftest import ARGUMENTS, CHROMIUM, ROOT, VIEWPORT, App
from tests.pages.clients import bring_in_many, second_student
from tests.pages.conftest import ask
from tests.watch import lived

RUNS = 3
DRAWN = """() => document.querySelector('[data-testid=stApp]')?.dataset.testScriptState === 'notRunning'
    && !!document.querySelector('h1') && !document.querySelector('[data-testid=stSkeleton]')
    && [...document.querySelectorAll('[data-testid=stPlotlyChart]')].every(chart => chart.querySelector('.main-svg'))"""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("assets", type=int, nargs="?", default=100_000)
    parser.add_argument("categories", type=int, nargs="?", default=150)
    parser.add_argument("--home", type=Path)
    parser.add_argument("--writing", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["UNDERSTUDY_HOME"] = str(args.home or scratch)
        kind, tabs = ("write", compare_writing.TABS) if args.writing else ("choose_one", compare_first.TABS)
        if args.writing:
            with closing(database.connect()) as db:
                task = writing_pages.made(db, Path(scratch))
        else:
            task = made(args.assets, args.categories)
        pages = {key: item for key, item in menu.MENU.items() if not item.needs_client or kind in item.kinds}
        print(f"{'page':<32} {'server, s':>10} {'browser, s':>11}   median of {RUNS}")
        browser = in_browser(pages, tabs, task)
        for name, seconds in on_server(pages, tabs, task).items():
            print(f"{name:<32} {seconds:>10.2f} {browser.get(name, float('nan')):>11.2f}")


def made(assets: int, categories: int) -> Task:
    """The task of a client with a judged linear student that is live, and a second one."""
    db = database.connect()
    if db["students"].count == 0:
        words = {f"Category {n:03d}": [f"w{n}x{k}" for k in range(6)] for n in range(categories)}
        client = bring_in_many(db, "Big", assets, words, wrong_every=13)
        markets = "json_object('market', substr('NLDEFRSE', 1 + 2 * (id % 4), 2), 'channel', 'c' || (id % 7))"
        db.execute(f"update assets set extra = {markets}")
        db.conn.commit()
        run = jobs.run_here(db, "label", {"task_id": client.id, "teacher": "recorded:bought"}, task=client)
        params = {"task_id": client.id, "run_id": run.result["run_id"], "kind": "linear", "target": 0.9}
        jobs.run_here(db, "train", params, task=client)
        second_student(db)
    task = tasks.get(db, db.execute("select task_id from students order by id limit 1").fetchone()[0])
    if served.there(task.client_id) is None:  # 300,000 answers, some 5,000 of them audited
        live = db.execute("select max(id) from students where ready = 1").fetchone()[0]
        registry.set_live(db, live)
        names = tuple(f"Category {n:03d}" for n in range(categories))
        lived.live(
            db, task, days=60, a_day=5_000, share=0.02, ends=time.time(), categories=names, student_id=live, texts=True
        )
    db.close()
    return task


def on_server(pages: dict, tabs: tuple[str, ...], task: Task) -> dict[str, float]:
    """Seconds that each page's script takes, warm."""
    jobs.start_worker = lambda: None  # none is needed to look at pages
    times = {}
    for key in pages:
        app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
        app.session_state["client_id"], app.session_state["task_id"] = task.client_id, task.id
        app.run()
        if key != "overview":
            app.switch_page(f"pages/{key}.py").run()
        asked = tabs if key == "compare" else [None]
        for question in asked:
            if question:
                ask(app, question)
            assert not app.exception, app.exception
            times[f"{key}: {question}" if question else key] = statistics.median(timed(app.run) for _ in range(RUNS))
    return times


def in_browser(pages: dict, tabs: tuple[str, ...], task: Task) -> dict[str, float]:
    """Seconds from a click in the menu, or on a question of Compare, until the page is drawn with all its charts."""
    app, times = App(Path(os.environ["UNDERSTUDY_HOME"])).start(), {}
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        page = chromium.new_page(viewport=VIEWPORT)
        page.set_default_timeout(120_000)
        with closing(database.connect()) as db:
            client = db.execute("select name from clients where id = ?", [task.client_id]).fetchone()[0]
        page.goto(f"{app.url}?{urlencode({'client': client, 'task': task.name})}")
        page.wait_for_function(DRAWN)
        for key, item in pages.items():
            links = [pages["settings" if key != "settings" else "overview"].name, item.name]
            seconds = [opened(page, links) for _ in range(RUNS)]
            questions = tabs if key == "compare" else []
            times[f"{key}: {questions[0]}" if questions else key] = statistics.median(seconds)
            for question in questions[1:]:
                seconds = [asked(page, questions[0], question) for _ in range(RUNS)]
                times[f"{key}: {question}"] = statistics.median(seconds)
        chromium.close()
    app.stop()
    jobs.stop_worker()
    return times


def opened(page, links: list[str]) -> float:
    """Away to another page of the menu and, timed, back."""
    for name in links:
        seconds = timed(lambda name=name: clicked(page, page.get_by_role("link", name=name, exact=True).first))
    return seconds


def asked(page, other: str, question: str) -> float:
    """Another question of Compare first, then, timed, this one."""
    for name in (other, question):
        seconds = timed(lambda name=name: clicked(page, page.get_by_role("tab", name=name, exact=True)))
    return seconds


def clicked(page, what) -> None:
    what.click()
    page.wait_for_timeout(60)  # until the click has reached the server and the page says that it runs
    page.wait_for_function(DRAWN)


def timed(work) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
