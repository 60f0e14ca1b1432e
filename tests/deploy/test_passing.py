"""Calls passed on: a real server process before a real upstream, asked by the openai SDK and by hand over sockets."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import httpx2
import openai
import pytest
import uvicorn

from core import database, tasks
from core.deploy import passing as passing_on
from core.deploy.endpoints import application
from core.deploy.gate import Gate
from core.deploy.passing import Passing, onward
from core.deploy.passing import Upstream as Upstreaming
from core.deploy.recording import Recorder
from core.deploy.service import Service
from core.exchanges import kept, patterns
from core.wires import connections
from tests import small
from tests.deploy.upstream import PROMPT, Upstream, category

ROOT = Path(__file__).resolve().parents[2]
KEY = "sk-test-of-the-caller-4f1d9c"
TOKEN = "a-token-nobody-guesses"
TEMPLATE = PROMPT.format(patterns.ASSET)
ASKED = {"model": "gpt-6.1-sol", "messages": [{"role": "user", "content": PROMPT.format("grand opening ribbon")}]}


class Server:
    """`serve --pass-to Big` of the client Small, in a process; `said` is its log."""

    def __init__(self, home: Path):
        env = {name: value for name, value in os.environ.items() if name != "UNDERSTUDY_TOKEN"}
        env["UNDERSTUDY_HOME"] = str(home)
        line = [sys.executable, "-m", "core", "serve", "--client", "Small", "--port", "0", "--pass-to", "Big", "--json"]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        self.process = subprocess.Popen(line, cwd=ROOT, env=env, **pipes)
        self.said = ""
        for line in self.process.stderr:
            self.said += line
            if found := re.search(r" at (http://127\.0\.0\.1:(\d+)),", line):
                self.url, self.port = f"{found[1]}/v1", int(found[2])
                break
        else:
            raise AssertionError(self.said)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        for line in self.process.stderr:
            self.said += line

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()

    def raw(self, body: bytes, *headers: str, kind: str = "application/json") -> bytes:
        """What comes back for a request written by hand, headers and all, until the server is silent or hangs up."""
        head = [
            "POST /v1/chat/completions HTTP/1.1",
            f"Host: localhost:{self.port}",
            f"Content-Type: {kind}",
            "Connection: close",
            f"Content-Length: {len(body)}",
            *headers,
        ]
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as made:
            made.sendall("\r\n".join([*head, "", ""]).encode() + body)
            return b"".join(iter(lambda: made.recv(65536), b""))


def sdk(url: str, **more) -> openai.OpenAI:
    """The tool: it has changed one address."""
    return openai.OpenAI(**{"base_url": url, "api_key": KEY, "max_retries": 0} | more)


@contextmanager
def here(to: str, token: bytes | None = None) -> Iterator[str]:
    """A server without students in a thread of this process, that passes calls on to an address; its own."""
    passing = Passing(Upstreaming("Big", to), Recorder(1, "Small"), token)

    async def begin() -> None:
        pass

    app = application(Service([]), begin, guarded=token is not None, passing=passing)
    gate = Gate(app, token, lambda path, status: None, passing=True)
    server = uvicorn.Server(uvicorn.Config(gate, port=0, log_config=None, access_log=False))
    running = threading.Thread(target=server.run)
    running.start()
    until(lambda: server.started)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/v1"
    finally:
        server.should_exit = True
        running.join()


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    """A workspace with the small client, whose task has a pattern and no student yet."""
    folder = tmp_path_factory.mktemp("passing")
    with pytest.MonkeyPatch.context() as patch, closing(_opened(patch, folder)) as db:
        task = small.fill(db, folder / "files", small.rows(40))
        patterns.put(db, task, patterns.Pattern(TEMPLATE))
    return folder


def _opened(patch: pytest.MonkeyPatch, folder: Path):
    patch.setenv("UNDERSTUDY_HOME", str(folder))
    return database.connect()


@pytest.fixture
def inside(home, monkeypatch):
    """The database of the servers."""
    with closing(_opened(monkeypatch, home)) as db:
        yield db


@pytest.fixture(scope="module")
def up():
    with Upstream(pause=0.03) as running:
        yield running


@pytest.fixture(scope="module")
def server(home, up):
    with pytest.MonkeyPatch.context() as patch, closing(_opened(patch, home)) as db:
        connections.save(db, 0, "Big", "openai", "whatever", base_url=up.url)
    with Server(home) as running:
        yield running


def until(true: Callable[[], object], seconds: float = 20.0) -> None:
    """Wait until something is so."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


def counted(db, why: str) -> int:
    return kept.counts(db, 1).get(why, 0)


def test_the_sdk_is_answered_as_before_and_the_answer_becomes_a_label(server, up, inside):
    rows = small.rows(8, seed=5)
    before, waiting = counted(inside, "kept"), kept.waiting(inside, 1)
    for row in rows:
        asked = {"model": "gpt-6.1-sol", "messages": [{"role": "user", "content": PROMPT.format(row["text"])}]}
        reply = sdk(server.url).chat.completions.create(**asked)
        assert reply.choices[0].message.content == category(row["text"]) and reply.usage.prompt_tokens == 100
    until(lambda: counted(inside, "kept") >= before + 8)
    assert kept.waiting(inside, 1) == waiting + 8
    taken = kept.take(inside, 1)
    assert taken["answers"] >= 8 and "recorded:gpt-6.1-sol" in taken["teachers"] and kept.waiting(inside, 1) == 0
    (run,) = inside.query("select id from label_runs where teacher = 'recorded:gpt-6.1-sol'")
    found = {
        text: (name, *took)
        for text, name, *took in inside.execute(
            """select a.text, c.label, l.tokens_in, l.tokens_out, l.tokens_cached from labels l
               join assets a on a.id = l.asset_id join categories c on c.id = l.category_id where l.run_id = ?""",
            [run["id"]],
        )
    }
    for row in rows:
        assert found[row["text"]] == (category(row["text"]), 100, 3, 64)
    imports = inside.execute("select count(*) from imports where filename like 'Calls passed on,%'").fetchone()[0]
    sdk(server.url).chat.completions.create(**asked)
    until(lambda: kept.waiting(inside, 1) == 1)
    assert kept.take(inside, 1)["assets"] == 0, "the same text again is the same asset"
    assert inside.execute("select count(*) from imports where filename like 'Calls%'").fetchone()[0] == imports == 1


def test_what_goes_on_and_comes_back_is_byte_for_byte(server, up, inside):
    before = counted(inside, "kept")
    body = json.dumps(ASKED | {"temperature": 0.1, "é": "\u2028"}, indent=3).encode()
    headers = [f"Authorization: Bearer {KEY}", "X-Mine: 7", "Connection: X-Between", "X-Between: 1", "Cookie: c=1"]
    answer = server.raw(body, "Accept-Encoding: br, gzip;q=0.5", *headers)
    told, sent = up.calls[-1]
    assert sent == body and told[""].startswith("POST /v1/chat/completions ")
    assert (
        told["authorization"] == f"Bearer {KEY}" and told["x-mine"] == "7" and told["accept-encoding"] == "gzip;q=0.5"
    )
    assert not {"x-between", "cookie", "connection", "x-understudy-token"} & told.keys()
    head, _, back = answer.partition(b"\r\n\r\n")
    head = head.lower()
    direct = httpx2.post(f"{up.url}/chat/completions", content=body)
    assert back == direct.content and back.startswith(b'{\n "id"')
    assert b"x-request-id: r-1" in head and head.count(b"set-cookie:") == 2 and head.count(b"date:") == 1
    assert b"x-hop" not in head
    until(lambda: counted(inside, "kept") > before)


def test_a_compressed_reply_comes_back_compressed_and_is_read_all_the_same(inside):
    with Upstream(zipped=True) as zipped, here(zipped.url) as url:
        before = counted(inside, "kept")
        reply = sdk(url).chat.completions.with_raw_response.create(**ASKED)
        assert reply.headers["content-encoding"] == "gzip"
        assert reply.parse().choices[0].message.content == "Opening"
        until(lambda: counted(inside, "kept") >= before + 1)


def test_a_stream_comes_as_it_is_made_and_is_kept(server, inside):
    before, began, moments, said = counted(inside, "kept"), time.monotonic(), [], ""
    for chunk in sdk(server.url).chat.completions.create(**ASKED, stream=True):
        moments.append(time.monotonic() - began)
        said += chunk.choices[0].delta.content or "" if chunk.choices else ""
    assert said == "Opening" and moments[-1] - moments[0] > 0.09
    until(lambda: counted(inside, "kept") >= before + 1)


def test_sixty_four_stream_at_once(server, up, inside):
    rows = small.rows(64, seed=11)
    client, before = sdk(server.url), counted(inside, "kept")

    def stream(text: str) -> str:
        asked = [{"role": "user", "content": PROMPT.format(text)}]
        chunks = client.chat.completions.create(model="gpt-6.1-sol", messages=asked, stream=True)
        return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)

    up.most_flying, pause, up.pause = 0, up.pause, 0.3
    try:
        with ThreadPoolExecutor(64) as pool:
            said = list(pool.map(stream, (row["text"] for row in rows)))
    finally:
        up.pause = pause
    assert said == [category(row["text"]) for row in rows] and up.most_flying > 48
    until(lambda: counted(inside, "kept") >= before + 64)


@pytest.mark.parametrize("status", [400, 401, 429, 500])
def test_errors_are_passed_on_and_counted(server, inside, status):
    before = counted(inside, "failed")
    with pytest.raises(openai.APIStatusError) as caught:
        sdk(server.url).chat.completions.create(model="m", messages=[{"role": "user", "content": f"FAIL {status}"}])
    assert caught.value.status_code == status and caught.value.body["message"] == f"status {status}"
    assert caught.value.response.headers["retry-after"] == "7"
    until(lambda: counted(inside, "failed") >= before + 1)


def test_a_huge_reply_and_a_broken_stream_come_through_as_they_are(server, inside):
    huge = sdk(server.url).chat.completions.create(model="m", messages=[{"role": "user", "content": "HUGE"}])
    assert len(huge.choices[0].message.content) == 3_000_000
    before = counted(inside, "kept")
    with pytest.raises((openai.APIError, httpx2.HTTPError)):
        broken = [{"role": "user", "content": PROMPT.format("BREAK grand opening")}]
        list(sdk(server.url).chat.completions.create(model="m", messages=broken, stream=True))
    time.sleep(1.2)
    assert counted(inside, "kept") == before, "half an answer is no label"


def test_hanging_up_ends_the_call(server, up):
    left = up.left
    body = json.dumps(ASKED | {"messages": [{"role": "user", "content": "HANG"}]}).encode()
    with socket.create_connection(("127.0.0.1", server.port)) as made:
        made.sendall(
            f"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n".encode()
            + body
        )
        until(lambda: up.flying == 1)
    until(lambda: up.left == left + 1)


def test_a_page_of_another_site_and_a_body_too_large_are_refused(server, up):
    calls = len(up.calls)
    assert b" 415 " in server.raw(b"{}", kind="text/plain").splitlines()[0]
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: {2**25}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.port)) as made:
        made.sendall(head.encode())
        assert b" 413 " in made.recv(4096).splitlines()[0]
    assert len(up.calls) == calls


def test_before_there_is_a_student_the_other_addresses_say_so(server):
    reply = httpx2.post(server.url.replace("/v1", "/classify"), json={"text": "one"})
    assert reply.status_code == 404 and "No student is at work yet" in reply.json()["detail"]
    assert httpx2.get(server.url.replace("/v1", "/health")).json()["status"] == "ready"
    metrics = httpx2.get(server.url.replace("/v1", "/metrics")).text
    assert 'understudy_passed_total{outcome="kept"}' in metrics


def test_the_token_has_a_header_of_its_own_and_never_goes_on(up, inside, caplog):
    with here(up.url, TOKEN.encode()) as url:
        calls = len(up.calls)
        with pytest.raises(openai.AuthenticationError, match="X-Understudy-Token"):
            sdk(url).chat.completions.create(**ASKED)
        assert len(up.calls) == calls
        shown = sdk(url, default_headers={"X-Understudy-Token": TOKEN})
        assert shown.chat.completions.create(**ASKED).choices[0].message.content == "Opening"
        assert up.calls[-1][0]["authorization"] == f"Bearer {KEY}"
        as_key = sdk(url, api_key=TOKEN)  # of a model that needs no key
        assert as_key.chat.completions.create(**ASKED).choices[0].message.content == "Opening"
        assert "authorization" not in up.calls[-1][0]
    assert not any(TOKEN in value for headers, _ in up.calls for value in headers.values())
    assert TOKEN not in caplog.text and KEY not in caplog.text


def test_headers_that_go_on():
    headers = [(b"authorization", b"Bearer key"), (b"x-api", b"a tok b"), (b"te", b"x"), (b"accept-encoding", b"br")]
    assert onward(headers, b"tok") == [("authorization", "Bearer key"), ("accept-encoding", "identity")]


def test_nobody_there_is_said_in_openais_form(inside, caplog):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
        with here(nobody) as url, pytest.raises(openai.InternalServerError) as caught:
            sdk(url).chat.completions.create(**ASKED)
    assert caught.value.status_code == 502 and caught.value.body["message"] == "Big could not be reached."
    assert "Big could not be made" in caplog.text and KEY not in caplog.text and "grand opening" not in caplog.text


def test_a_model_that_stays_silent_is_a_504(up, inside, monkeypatch):
    monkeypatch.setattr(passing_on, "SILENT_S", 0.3)
    with here(up.url) as url, pytest.raises(openai.InternalServerError, match="did not answer in time") as caught:
        sdk(url).chat.completions.create(model="m", messages=[{"role": "user", "content": "HANG"}])
    assert caught.value.status_code == 504


def test_killed_it_has_lost_at_most_the_last_second(server, home, inside):
    before = counted(inside, "kept")
    with Server(home) as doomed:
        client, answered, over = sdk(doomed.url), [], threading.Event()

        def ask() -> None:
            while not over.is_set():
                try:
                    client.chat.completions.create(**ASKED)
                except openai.APIError:
                    return
                answered.append(time.monotonic())

        asking = [threading.Thread(target=ask) for _ in range(4)]
        for one in asking:
            one.start()
        time.sleep(2.5)
        killed = time.monotonic()
        doomed.process.send_signal(signal.SIGKILL)
        doomed.process.wait()
        over.set()
        for one in asking:
            one.join()
    sure = sum(moment < killed - 1.0 for moment in answered)
    assert sure > 20 and counted(inside, "kept") - before >= sure


def test_the_key_is_nowhere_and_of_other_prompts_ten_are_left(server, home, inside):
    for n in range(14):
        asked = [{"role": "user", "content": f"Write a poem about otters, number {n:03}."}]
        sdk(server.url).chat.completions.create(model="m", messages=asked)
    until(lambda: counted(inside, "no pattern") >= 14)
    until(lambda: "number 013" in kept.last(inside, 1)[0][0].user)
    assert len(kept.last(inside, 1)) == 10
    inside.execute("pragma wal_checkpoint(truncate)")
    inside.execute("vacuum")
    everything = b"".join(file.read_bytes() for file in home.rglob("*") if file.is_file())
    assert KEY.encode() not in everything and KEY not in server.said
    assert b"number 013" in everything and b"number 003" not in everything and "otters" not in server.said
    kept.keep_last(inside, 1, False)
    assert kept.last(inside, 1) == []
    sdk(server.url).chat.completions.create(model="m", messages=asked)
    before = counted(inside, "no pattern")
    until(lambda: counted(inside, "no pattern") >= before)
    time.sleep(1)
    assert kept.last(inside, 1) == []
    kept.keep_last(inside, 1, True)
    assert tasks.named(inside, "Small")


def test_at_its_end_it_says_how_many_calls_it_passed_on(home, up, inside):
    with Server(home) as server:
        before = counted(inside, "kept")
        for _ in range(3):
            sdk(server.url).chat.completions.create(**ASKED)
        server.process.send_signal(signal.SIGTERM)
        assert json.loads(server.process.stdout.read()) == {"requests": 0, "texts": 0, "passed": 3}
    assert counted(inside, "kept") == before + 3, "what had ended is written at the end"
