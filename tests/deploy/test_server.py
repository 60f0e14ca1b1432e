"""The HTTP service: real server processes, asked over sockets; what takes a broken or slow student, in this process."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families
from streamlit.testing.v1 import AppTest

from core import __main__ as cli
from core import database, jobs, tasks
from core.deploy import service as services
from core.deploy.endpoints import application
from core.deploy.fallback import TeacherReply
from core.deploy.gate import MOST_BYTES, Gate
from core.deploy.live import Served, alone
from core.deploy.service import Service
from core.deploy.tally import Tally
from core.evaluate import house
from core.evaluate.comparison import judgement
from core.tasks import Task
from core.train import students
from core.train.registry import folder_of, set_live
from core.train.students import Answers
from core.watch import served
from tests import small

LIMITED = """
from core import database, tasks
from core.deploy.doors import Limits
from core.deploy.server import serve
db = database.connect()
serve(db, [tasks.get(db, 2)], port=0, limits=Limits(seconds={seconds}, connections={connections}))
"""
ROOT = Path(__file__).resolve().parents[2]
SECRET = "a-token-nobody-guesses"
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    """A workspace with a client whose live student handles about half of its assets; students 2 and 3 are copies of it."""
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UNDERSTUDY_HOME", str(folder))
        db = database.connect()
        client = small.fill(db, folder / "files")
        run = jobs.run_here(db, "label", {"task_id": client.id, "teacher": "recorded:label"}, task=client).result
        params = {"task_id": client.id, "run_id": run["run_id"], "kind": "linear", "target": 0.7}
        jobs.run_here(db, "train", params, task=client)
        for _ in range(2):
            copy = next(db.query("select * from students where id = 1")) | {"id": None, "live": 0}
            db["students"].insert(copy)
        db.execute(
            "insert into evaluations select s.id, e.split, e.figures, e.created, e.certified_at"
            " from students s, evaluations e where s.id > 1"
        )
        set_live(db, 1)
        student = students.load(folder_of(db, 1))
        middle = float(np.median(student.answer([row["text"] for row in small.rows()]).confidence))
        with db.atomic():  # before any server is there: it certifies all or nothing of so easy a client
            db.execute("update evaluations set figures = json_set(figures, '$.certificate.threshold', ?)", [middle])
        db.close()
    return folder


class Server:
    """A server process on a port of its own, its output so far in `said`."""

    def __init__(self, home: Path, *options: str, token: str | None = None, limits: dict | None = None):
        env = os.environ | {"UNDERSTUDY_HOME": str(home)}
        env.pop("UNDERSTUDY_TOKEN", None)
        if token:
            env["UNDERSTUDY_TOKEN"] = token
        line = [sys.executable, "-m", "core", "serve", "--client", "Small", "--port", "0", "--json", *options]
        if limits:
            line = [sys.executable, "-c", LIMITED.format(**limits)]
        self.process = subprocess.Popen(
            line, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.said = ""
        for line in self.process.stderr:
            self.said += line
            if found := re.search(r" at (http://127\.0\.0\.1:(\d+)),", line):
                self.url, self.port = found[1], int(found[2])
                break
        else:
            raise AssertionError(self.said)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        for line in self.process.stderr:
            self.said += line

    def ask(self, path: str, body: object = None, **headers: str) -> tuple[int, object, dict]:
        """Status, body (decoded where it is JSON) and headers."""
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        named = {"Content-Type": "application/json"} if data is not None else {}
        named |= {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            with DIRECT.open(urllib.request.Request(self.url + path, data, named), timeout=120) as answer:
                status, text, told = answer.status, answer.read().decode(), answer.headers
        except urllib.error.HTTPError as error:
            status, text, told = error.code, error.read().decode(), error.headers
        return status, json.loads(text) if told["Content-Type"] == "application/json" else text, told

    def classify(self, *texts: str, **headers: str) -> list[dict]:
        status, reply, _ = self.ask("/classify", {"texts": texts}, **headers)
        assert status == 200, reply
        return reply["results"]

    def raw(self, head: str) -> socket.socket:
        """A connection on which the lines of `head` have been sent."""
        made = socket.create_connection(("127.0.0.1", self.port), timeout=20)
        made.sendall(head.replace("\n", "\r\n").encode())
        return made

    def count(self, name: str, **labels: str) -> float:
        families = text_string_to_metric_families(self.ask("/metrics")[1])
        found = [
            s.value
            for family in families
            for s in family.samples
            if s.name == name and labels.items() <= s.labels.items()
        ]
        return sum(found)

    def end(self) -> tuple[int, dict]:
        self.process.send_signal(signal.SIGTERM)
        out = self.process.stdout.read()
        return self.process.wait(40), json.loads(out)


@pytest.fixture(scope="module")
def server(home):
    made = Server(home, "--fallback")
    yield made
    made.process.kill()
    made.process.wait()


@pytest.fixture(scope="module")
def guarded(home):
    made = Server(home, "--student", "1", token=SECRET)
    yield made
    made.process.kill()
    made.process.wait()


@pytest.fixture
def inside(home, monkeypatch):
    """The database of the servers."""
    monkeypatch.setenv("UNDERSTUDY_HOME", str(home))
    db = database.connect()
    yield db
    set_live(db, 1)
    db.close()


# --- answers ------------------------------------------------------------------------------------------------------


def test_a_text_and_a_list_get_the_students_own_answers_in_order(server, inside):
    texts = ["flights hotel beach", "careers join hiring team", "discount deal price today"]
    student = students.load(folder_of(inside, 1))
    expected = student.answer(texts)
    results = server.classify(*texts)
    assert [result["category"] for result in results] == ["Travel", "Hiring", "Sale"]
    assert [result["confidence"] for result in results] == pytest.approx(expected.confidence.tolist(), abs=1e-4)
    for result in results:
        assert [guess["category"] for guess in result["top"]][:1] == [result["category"]] and len(result["top"]) == 3
    status, reply, _ = server.ask("/classify", {"text": texts[0]})
    assert (status, reply["results"], reply["student"]) == (200, results[:1], {"id": "1", "kind": "linear"})
    assert 0 < reply["ms"] < 5000


def test_who_answers_is_said_and_the_teacher_is_asked_only_where_the_student_is_not_sure(server, inside):
    rows = small.rows()
    threshold = json.loads(next(inside.query("select figures from evaluations"))["figures"])["certificate"]["threshold"]
    results = server.classify(*(row["text"] for row in rows), "and today now", " \n")
    *known, unknown, empty = results
    for row, result in zip(rows, known):
        assert result["handled"] == (result["top"][0]["confidence"] >= threshold - 1e-6)
        assert result["answered_by"] == ("student" if result["handled"] else "teacher")
        assert result["category"] == (result["top"][0]["category"] if result["handled"] else row["label"])
    assert 80 < sum(result["handled"] for result in known) < 160
    assert (unknown["handled"], unknown["answered_by"], unknown["category"] is None) == (False, None, False)
    nothing = {"category": None, "confidence": None, "handled": False, "strange": False, "answered_by": None, "top": []}
    nothing |= {"tags": None}
    assert empty == nothing
    unsure = sum(not result["handled"] for result in known)
    assert server.count("understudy_fell_back_total") >= unsure
    assert server.count("understudy_teacher_total", outcome="unknown") >= 1


def test_without_fallback_the_students_guess_goes_out_unvouched(guarded):
    results = guarded.classify("and today now", "flights hotel beach", Authorization=f"Bearer {SECRET}")
    assert (results[0]["handled"], results[0]["answered_by"]) == (False, None)
    assert results[0]["category"] == results[0]["top"][0]["category"]


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"", "Send JSON"),
        (b"secret words", "Send JSON"),
        (b'{"text": "secret words"', "Send JSON"),
        (b"[" * 200_000, "Send JSON"),
        ({}, "Send JSON"),
        ({"text": "secret words", "texts": ["two"]}, "Send JSON"),
        ({"text": 5}, "Send JSON"),
        ({"text": "secret words", "more": 1}, "Send JSON"),
        ({"texts": []}, "The list of texts is empty."),
        ({"texts": ["secret words"] * 257}, "There are more than 256 texts"),
        ({"text": "secret words" * 2000}, "The text is longer than 20,000 characters."),
        ({"texts": ["one", "secret words" * 2000]}, "Text number 2 is longer than 20,000 characters."),
        ({"text": "secret words \ud800"}, "The text is not valid Unicode."),
    ],
)
def test_a_wrong_request_is_explained_in_a_sentence_that_quotes_nothing(server, body, sentence):
    status, reply, _ = server.ask("/classify", body)
    assert status == 422
    assert list(reply) == ["detail"] and reply["detail"].startswith(sentence) and "secret" not in reply["detail"]
    assert "secret" not in server.said


def test_json_that_is_not_called_json_is_refused(server):
    """A page in somebody's browser can send such a request to the open server without asking anybody."""
    assert server.ask("/classify", {"text": "one"}, Content_Type="text/plain")[0] == 422


def test_hostile_texts_are_texts(server):
    texts = ["<script>alert(1)</script>", "\0", "🎉" * 1000, "x" * 20_000, "' or 1=1; --", "\u202eevil"]
    assert len(server.classify(*texts)) == len(texts)


def test_unknown_addresses_and_methods_are_said_in_words(server):
    assert server.ask("/nothing")[:2] == (
        404,
        {"detail": "There is nothing at this address; /docs lists what there is."},
    )
    assert server.ask("/classify")[0] == 405
    assert server.count("understudy_requests_total", path="other", status="404") >= 1


# --- the gate -----------------------------------------------------------------------------------------------------


def test_a_body_announced_as_too_large_is_refused_before_it_is_sent(server):
    head = f"POST /classify HTTP/1.1\nHost: localhost\nContent-Type: application/json\nContent-Length: {MOST_BYTES + 1}\n\n"
    with server.raw(head) as connection:
        assert b" 413 " in connection.recv(4096).splitlines()[0]


def test_a_body_sent_in_chunks_is_cut_off_at_the_limit(server):
    head = "POST /classify HTTP/1.1\nHost: localhost\nContent-Type: application/json\nTransfer-Encoding: chunked\n\n"
    with server.raw(head) as connection:
        chunk = b"100000\r\n" + b" " * (1 << 20) + b"\r\n"
        for _ in range(MOST_BYTES // (1 << 20)):
            connection.sendall(chunk)
        connection.sendall(b"1\r\n \r\n")  # and never the end
        answer = b"".join(iter(lambda: connection.recv(4096), b""))  # to the end: the server hangs up
        assert b" 413 " in answer.splitlines()[0] and b"larger than 4 MB" in answer


def test_a_body_in_chunks_that_is_small_enough_is_answered(server):
    body = b'{"text": "flights hotel beach"}'
    head = "POST /classify HTTP/1.1\nHost: localhost\nContent-Type: application/json\nTransfer-Encoding: chunked\n\n"
    with server.raw(head) as connection:
        for part in (body[:5], body[5:], b""):
            connection.sendall(b"%x\r\n%s\r\n" % (len(part), part))
        assert b" 200 " in connection.recv(4096).splitlines()[0]


def test_as_many_texts_as_are_allowed_are_answered(server):
    assert [result["category"] for result in server.classify(*["flights hotel beach", "careers"] * 128)] == [
        "Travel",
        "Hiring",
    ] * 128


@pytest.mark.parametrize("shown", [None, "Bearer wrong", f"Basic {SECRET}", f"Bearer {SECRET}x", "Bearer ", SECRET])
def test_without_the_token_nothing_is_answered_but_health(guarded, shown):
    headers = {"Authorization": shown} if shown else {}
    for path, body in (("/classify", {"text": "one"}), ("/metrics", None)):
        status, reply, told = guarded.ask(path, body, **headers)
        assert (status, told["WWW-Authenticate"]) == (401, "Bearer")
        assert "token" in reply["detail"]
    assert guarded.ask("/health", **headers)[0] == 200


def test_with_the_token_everything_is_answered_and_the_token_is_nowhere_else(guarded, home):
    shown = {"Authorization": f"bearer {SECRET}"}
    assert guarded.ask("/classify", {"text": "one"}, **shown)[0] == guarded.ask("/metrics", **shown)[0] == 200
    _, described, _ = guarded.ask("/openapi.json")
    assert described["paths"]["/classify"]["post"]["security"] == [{"HTTPBearer": []}]
    assert "token needed" in guarded.said and SECRET not in guarded.said
    kept = [file for file in home.rglob("*") if file.is_file() and SECRET.encode() in file.read_bytes()]
    assert kept == []


def test_an_open_server_does_not_answer_to_a_name_of_somebody_elses(server, guarded):
    assert server.ask("/classify", {"text": "one"}, Host="evil.example:8600")[0] == 403
    assert server.ask("/health", Host="localhost:8600")[0] == 200
    assert guarded.ask("/health", Host="service.example")[0] == 200
    assert "open to this machine, no token" in server.said


@pytest.mark.parametrize(
    ("options", "token", "sentence"),
    [
        (["--host", "0.0.0.0"], None, "Other machines can reach 0.0.0.0, so a token is needed."),
        (["--host", "0.0.0.0"], " ", "UNDERSTUDY_TOKEN is empty."),
        (["--student", "99"], None, "no student number 99"),
        (["--client", "Nobody"], None, "There is no client Nobody"),
        (["--fallback-budget", "5"], None, "Add --fallback."),
        (["--port", "99999"], None, "99999 is not a port"),
    ],
)
def test_what_cannot_be_served_ends_with_status_2_and_a_sentence(inside, capsys, monkeypatch, options, token, sentence):
    monkeypatch.delenv("UNDERSTUDY_TOKEN", raising=False)
    if token:
        monkeypatch.setenv("UNDERSTUDY_TOKEN", token)
    try:
        status = cli.main(["serve", "--client", "Small", "--port", "0", *options])
    except SystemExit as ended:
        status = ended.code
    assert status == 2
    assert sentence in capsys.readouterr().err


def test_a_port_that_is_taken_is_said(server, inside, capsys):
    assert cli.main(["serve", "--client", "Small", "--port", str(server.port)]) == 2
    assert "Choose another with --port." in capsys.readouterr().err


# --- the doors ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def narrow(home):
    """A server that waits 1.5 seconds, for 250 callers at most, and wants a token."""
    made = Server(home, token=SECRET, limits={"seconds": 1.5, "connections": 250})
    yield made
    made.process.kill()
    made.process.wait()


def closed_after(connection: socket.socket, drip: bytes = b"") -> float:
    """Seconds until the server hangs up, while a `drip` is sent every 0.1 s."""
    began = time.monotonic()
    connection.settimeout(0.1)
    while time.monotonic() < began + 10:
        try:
            if drip:
                connection.sendall(drip)
            if not connection.recv(4096):
                break
        except TimeoutError:
            pass
        except OSError:  # reset, or a broken pipe
            break
    return time.monotonic() - began


@pytest.mark.parametrize("head", ["", "GET /metrics HTTP/1.1\nHost: localhost\n"])
def test_silent_connections_keep_nobody_out_and_are_hung_up(narrow, head):
    silent = [narrow.raw(head) for _ in range(200)]
    began = time.monotonic()
    assert narrow.classify("flights hotel beach", Authorization=f"Bearer {SECRET}")[0]["category"] == "Travel"
    assert time.monotonic() - began < 1.4, "answered while they are open"
    assert max(closed_after(connection) for connection in silent[::50]) < 3
    for connection in silent:
        connection.close()


def test_more_connections_than_there_may_be_make_room_for_each_other(narrow):
    many = [narrow.raw("") for _ in range(600)]
    assert narrow.classify("flights hotel beach", Authorization=f"Bearer {SECRET}")[0]["category"] == "Travel"
    assert len(os.listdir(f"/proc/{narrow.process.pid}/fd")) < 350
    for connection in many:
        connection.close()


POST = f"POST /classify HTTP/1.1\nHost: localhost\nAuthorization: Bearer {SECRET}\n"


@pytest.mark.parametrize(
    ("head", "drip"),
    [
        ("", b"\r\n"),  # what a parser skips before a request
        ("GET /", b"x"),
        ("GET /docs HTTP/1.1\nHost: localhost\nX-Slow: ", b"x"),
        ("GET /metrics HTTP/1.1\nHost: localhost\n", b"A: b\r\n"),
        (f"{POST}Content-Type: application/json\nContent-Length: 1000\n\n", b" "),
        ("POST /docs HTTP/1.1\nHost: localhost\nContent-Length: 1000\n\n", b" "),
        (f"{POST}Transfer-Encoding: chunked\n\n", b"1\r\n \r\n"),
        ("GET /health HTTP/1.1\nHost: localhost\n\nGET /health HTTP/1.1\nX: ", b"x"),  # the second of two
        ("GET /health HTTP/1.1\nHost: localhost\nConnection: upgrade\nUpgrade: websocket\n\n", b"x"),
    ],
)
def test_a_request_that_drips_is_hung_up(narrow, head, drip):
    with narrow.raw(head) as connection:
        assert closed_after(connection, drip) < 3.5


def test_a_caller_who_takes_no_answers_is_hung_up(narrow):
    script = re.search(r'src="([^"]+\.js)', narrow.ask("/docs")[1])[1]
    size = len(narrow.ask(script)[1])
    with narrow.raw(f"GET {script} HTTP/1.1\nHost: localhost\n\n" * 12) as connection:
        time.sleep(3)
        taken = 0
        try:
            while part := connection.recv(1 << 16):
                taken += len(part)
        except ConnectionResetError:
            pass
        assert size > 1e6 and 0 < taken < 11 * size


@pytest.mark.parametrize(
    "rest",
    [
        "X: " + "x" * (1 << 20) + "\n\n",
        "X: " + "x" * (1 << 20),
        "".join(f"X-{i}: x\n" for i in range(1000)) + "\n",
        "Transfer-Encoding: chunked\n\n0\n" + "".join(f"X-{i}: x\n" for i in range(1000)) + "\n",
    ],
    ids=["large", "large and open", "many", "many behind the body"],
)
@pytest.mark.parametrize("address", ["POST /classify", "GET /metrics", "GET /docs"])
def test_headers_too_large_or_too_many_are_refused(narrow, address, rest):
    with narrow.raw("") as connection:
        answer = b""
        try:
            connection.sendall(f"{address} HTTP/1.1\nHost: localhost\n{rest}".replace("\n", "\r\n").encode())
            answer = connection.recv(4096)
        except OSError:  # reset while it was still sending
            pass
        first = answer.splitlines()[:1]
        assert not first or b" 431 " in first[0] or (b" 401 " in first[0] and "chunked" in rest)


def test_a_caller_of_ordinary_pace_is_kept(narrow):
    head = f"{POST}Content-Type: application/json\nContent-Length: 31\n\n"
    with narrow.raw("") as connection:
        for _ in range(2):  # longer than the limit in all, no request is; nothing is owed in between
            for part in (head.replace("\n", "\r\n").encode(), b'{"text": "flights', b' hotel beach"}'):
                time.sleep(0.3)
                connection.sendall(part)
            answer = b""
            while not answer.rstrip().endswith(b"}"):  # head and body may arrive apart
                got = connection.recv(4096)
                assert got, answer
                answer += got
            assert b" 200 " in answer.splitlines()[0]
            time.sleep(2)


# --- documents ----------------------------------------------------------------------------------------------------


def test_the_documentation_needs_no_network(server):
    status, page, _ = server.ask("/docs")
    assert status == 200 and "https://" not in page
    files = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert len(files) == 3
    for file in files:
        with DIRECT.open(server.url + file, timeout=10) as answer:
            assert answer.status == 200
    _, described, _ = server.ask("/openapi.json")
    assert set(described["paths"]) == {"/classify", "/health", "/metrics"}


def test_metrics_tell_what_was_done(server):
    before = {
        name: server.count(f"understudy_{name}")
        for name in ("texts_total", "batch_texts_sum", "classify_seconds_count")
    }
    ok = server.count("understudy_requests_total", path="/classify", status="200")
    server.classify("flights hotel beach", "careers", " ")
    assert server.count("understudy_texts_total") == before["texts_total"] + 3
    assert server.count("understudy_batch_texts_sum") == before["batch_texts_sum"] + 2
    assert server.count("understudy_classify_seconds_count") == before["classify_seconds_count"] + 1
    assert server.count("understudy_requests_total", path="/classify", status="200") == ok + 1
    assert server.count("understudy_student_id") == 1
    assert server.count("understudy_waiting_texts") == 0


# --- another student ----------------------------------------------------------------------------------------------


def until(condition, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def working(server) -> str:
    return server.ask("/health")[1]["student"]["id"]


def test_the_live_student_changes_twice_and_no_request_is_lost(server, inside):
    over, answered = threading.Event(), []

    def fire() -> None:
        while not over.is_set():
            status, reply, _ = server.ask("/classify", {"texts": ["flights hotel beach", "careers join hiring"]})
            answered.append((status, reply["student"]["id"], [result["category"] for result in reply["results"]]))

    with ThreadPoolExecutor(4) as callers:
        firing = [callers.submit(fire) for _ in range(4)]
        try:
            for student in (2, 3):
                set_live(inside, student)
                until(lambda student=student: working(server) == str(student))
        finally:
            over.set()
        for one in firing:
            one.result()
    assert {status for status, _, _ in answered} == {200}
    assert working(server) == "3" and {student for _, student, _ in answered} == {"1", "2", "3"}
    assert all(categories == ["Travel", "Hiring"] for _, _, categories in answered)


def test_a_student_that_cannot_be_loaded_is_said_and_the_old_one_goes_on(server, inside, home):
    set_live(inside, 1)
    until(lambda: working(server) == "1")
    damaged = shutil.copytree(folder_of(inside, 1), home / "students" / "damaged")
    for file in damaged.rglob("*.safetensors"):
        file.write_bytes(file.read_bytes()[:1000])
    with inside.atomic():
        inside.execute("update students set path = 'students/damaged' where id = 2")
    set_live(inside, 2)
    until(lambda: server.ask("/health")[1]["note"])
    assert server.ask("/health")[1]["note"] == "Student 2 is live but cannot be loaded; student 1 goes on."
    assert server.classify("flights hotel beach")[0]["category"] == "Travel"
    set_live(inside, 1)
    until(lambda: not server.ask("/health")[1]["note"])


def handled(server) -> int:
    return sum(result["handled"] for result in server.classify(*(row["text"] for row in small.rows())))


def test_a_changed_target_reaches_a_running_server(tmp_path, monkeypatch, capsys):
    """By the command and by the page: the server goes by what Compare shows."""
    monkeypatch.setenv("UNDERSTUDY_HOME", str(tmp_path / "home"))
    with closing(database.connect()) as db:
        client = small.fill(db, tmp_path)
        run = jobs.run_here(db, "label", {"task_id": client.id, "teacher": "recorded:label"}, task=client).result
        params = {"task_id": client.id, "run_id": run["run_id"], "kind": "linear", "target": 0.8}
        jobs.run_here(db, "train", params, task=client)
        set_live(db, 1)
        server = Server(tmp_path / "home")
        try:
            texts = [row["text"] for row in small.rows()]
            assert handled(server) == len(texts)
            assert cli.main(["compare", "--client", "Small", "--rule", "target=0.97"]) == 0
            until(lambda: handled(server) == 0, 5)
            assert judgement(db, 1).figures.certificate.certified is False
            page = AppTest.from_file(str(ROOT / "pages" / "compare.py"), default_timeout=120).run()
            next(box for box in page.number_input if box.label.startswith("Target")).set_value(80.0)
            next(button for button in page.button if button.label == "Judge by these").click().run()
            assert not page.exception
            until(lambda: handled(server) == len(texts), 5)
            assert "Student 1 handles nothing, no threshold is certified now." in server.said
        finally:
            server.end()


def test_a_student_that_was_named_stays(guarded, inside):
    set_live(inside, 3)
    time.sleep(2.5)
    assert working(guarded) == "1"


def test_what_servers_answer_is_in_the_savings_whether_they_end_or_are_killed(home, inside):
    def answered() -> tuple[int, int, int]:
        query = "select total(texts), total(handled), total(by_teacher) from served_answers where student_id = 3"
        return tuple(map(int, inside.execute(query).fetchone()))

    month, texts = house.months(1)[0], [row["text"] for row in small.rows()]
    earlier = answered()  # by the other tests' server
    (before,) = house.money_of_tasks(inside)
    ending, killed = (Server(home, "--fallback", "--student", "3") for _ in range(2))
    results = [result for made in (ending, killed) for result in made.classify(*texts, "and today now", " ")]
    end = time.monotonic() + 20
    while answered()[0] - earlier[0] < 2 * (len(texts) + 1) and time.monotonic() < end:
        time.sleep(0.1)
    killed.process.kill()
    killed.process.wait()
    results += ending.classify(*texts[:5])  # right before its end
    assert ending.end()[0] == 0
    said = [result["answered_by"] for result in results if result["category"]]
    new = tuple(now - before for now, before in zip(answered(), earlier))
    assert new == (len(said), said.count("student"), said.count("teacher"))
    (after,) = house.money_of_tasks(inside)
    prices = judgement(inside, 3).economics.per_1000
    handed = (
        len(said) - said.count("teacher")
        if judgement(inside, 3).verdict.decision == "replace"
        else said.count("student")
    )
    usd = (handed * prices["teacher"] - len(said) * prices["student"]) / 1000
    assert after.filed[month] - before.filed.get(month, 0) == len(said)
    assert after.saved[month] - before.saved.get(month, 0.0) == pytest.approx(usd)


def test_counts_that_cannot_be_written_are_kept_for_the_next_time(tmp_path, monkeypatch):
    monkeypatch.setenv("UNDERSTUDY_HOME", str(tmp_path))
    with closing(database.connect()) as db, closing(database.connect()) as other:
        db.conn.execute("PRAGMA busy_timeout = 50")
        tally, client = Tally(tasks.of(db, "A").id), "select texts, handled from served_answers"
        result = services.EMPTY.model_copy(update={"category": "Sale", "answered_by": "student"})
        tally.add(1, [result, services.EMPTY])
        with other.atomic():
            other.execute("update clients set name = 'B'")
            with pytest.raises(sqlite3.OperationalError, match="locked"):
                tally.write(db)
        tally.add(1, [result])
        for _ in range(2):
            tally.write(db)
        assert db.execute(client).fetchall() == [(2, 2)]


def test_what_is_under_way_is_finished_before_the_end(home):
    server = Server(home)
    texts = ["flights hotel beach " * 60] * 256
    with ThreadPoolExecutor(1) as caller:
        asking = caller.submit(server.ask, "/classify", {"texts": texts})
        until(lambda: server.count("understudy_batch_texts_count") > 0)
        status, told = server.end()
        code, reply, _ = asking.result()
    assert (code, len(reply["results"])) == (200, 256)
    assert status == 0
    assert told == {"requests": 1, "texts": 256}


# --- in this process: broken and slow students and teachers -------------------------------------------------------


class Slow:
    """A student of two categories that answers when it may, and fails at "broken"."""

    def __init__(self):
        self.labels = ["No", "Yes"]
        self.gate, self.asked = threading.Event(), 0

    def answer(self, texts):
        self.asked += 1
        assert self.gate.wait(20)
        if "broken" in texts:
            raise ZeroDivisionError(f"the secret in {texts}")
        return Answers(np.array([[0.3, 0.7]] * len(texts), np.float32), np.zeros(len(texts), bool))


async def post(app, body: dict) -> tuple[int, dict, dict]:
    """One request to /classify, without a socket."""
    sent = []
    headers = [(b"content-type", b"application/json"), (b"host", b"localhost")]
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/classify",
        "headers": headers,
        "query_string": b"",
        "client": None,
    }
    scope |= {
        "http_version": "1.1",
        "scheme": "http",
        "server": ("localhost", 1),
        "root_path": "",
        "asgi": {"version": "3.0"},
    }

    async def receive():
        return {"type": "http.request", "body": json.dumps(body).encode()}

    async def send(message):
        sent.append(message)

    await app(scope, receive, send)
    told = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], json.loads(b"".join(m.get("body", b"") for m in sent[1:])), told


def in_process(test, student=None, fallback=None, **batcher):
    """Run `test(app, service)` with everything but the network; without a student it is still loading."""
    task = Task(2, 1, "Category", "choose_one")
    served = student and Served(7, "linear", task, 1, "recorded:label", student, 0.9, None)
    follower = SimpleNamespace(task=task, current=served, note="", stop=lambda: None, tally=Tally(1))
    service = Service([follower], fallback)
    for name, value in batcher.items():
        setattr(service.students, name, value)

    async def nothing():
        pass

    async def run():
        service.start()
        app = Gate(application(service, nothing, guarded=False), None, service.metrics.request)
        try:
            await asyncio.wait_for(test(app, service), 30)
        finally:
            await service.close()

    asyncio.run(run())


def test_while_the_student_loads_callers_are_told_to_come_again():
    async def test(app, service):
        status, reply, told = await post(app, {"text": "one"})
        assert (status, told["retry-after"]) == (503, "1")
        assert "still loading" in reply["detail"]

    in_process(test)


def test_when_too_many_wait_callers_are_told_to_come_again_and_those_who_wait_are_answered():
    student = Slow()

    async def test(app, service):
        waiting = []
        for left in (0, 2, 4):  # the first is at the student
            waiting.append(asyncio.ensure_future(post(app, {"texts": ["one", "two"]})))
            while not student.asked or service.students.waiting < left:
                await asyncio.sleep(0.01)
        status, reply, told = await post(app, {"text": "one"})
        assert (status, told["retry-after"]) == (503, "1")
        assert "Too many texts wait" in reply["detail"]
        student.gate.set()
        assert [status for status, _, _ in await asyncio.gather(*waiting)] == [200] * 3

    in_process(test, student, _room=4)


def test_a_bug_is_a_sentence_for_the_caller_and_a_place_without_words_in_the_log(caplog):
    student = Slow()
    student.gate.set()

    async def test(app, service):
        status, reply, _ = await post(app, {"texts": ["broken", "a secret"]})
        assert (status, reply) == (500, {"detail": "Something unexpected went wrong; the server's log says where."})
        assert (await post(app, {"text": "whole"}))[0] == 200
        assert service.metrics.registry.get_sample_value(
            "understudy_requests_total", {"path": "/classify", "status": "500"}
        )

    in_process(test, student)
    assert "ZeroDivisionError" in caplog.text and "test_server.py" in caplog.text and "a secret" not in caplog.text


def test_a_teacher_that_takes_too_long_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(services, "TEACHER_SECONDS", 0.2)
    student, may = Slow(), threading.Event()
    student.gate.set()

    async def slowly():
        while not may.is_set():
            await asyncio.sleep(0.01)
        return TeacherReply("No", None)

    async def close():
        pass

    async def test(app, service):
        status, reply, _ = await post(app, {"text": "one"})
        (result,) = reply["results"]
        assert (status, result["category"], result["handled"], result["answered_by"]) == (200, "Yes", False, None)
        may.set()
        (result,) = (await post(app, {"text": "one"}))[1]["results"]
        assert (result["category"], result["answered_by"], result["confidence"]) == ("No", "teacher", None)
        assert result["top"][0]["category"] == "Yes"

    in_process(
        test,
        student,
        SimpleNamespace(ask=lambda served, text: [asyncio.ensure_future(slowly())], close=close, spent_usd=0.0),
    )


def test_a_kill_loses_at_most_the_last_second_of_what_was_served(home, monkeypatch):
    monkeypatch.setenv("UNDERSTUDY_HOME", str(home))
    made = Server(home)
    texts = [f"killed {place}" for place in range(20)]
    try:
        made.classify(*texts)
        time.sleep(1.5)
        made.classify("too late")
    finally:
        made.process.kill()
        made.process.wait()
    hashes = [served.hash_of(text) for text in texts]
    with closing(served.there(1)) as file:
        kept = {key for (key,) in file.execute("select hash from answers")}
    assert set(hashes) <= kept


def test_what_a_server_handles_by_itself_is_said_in_words():
    assert alone(None).startswith("handles nothing")
    assert alone(0.0) == "handles all but what is unlike anything it learned from"
    assert alone(0.815) == "handles what it is 81.5 % sure of or more"
