"""Tokens of the service: kept as hashes, each for its kind and task, within its limits, refused the moment they are taken back."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import ssl
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core import __main__ as cli
from core import database, removal, settings, tasks
from core.deploy import passing, tokens
from core.deploy.fallback import Fallback
from core.deploy.gate import Gate
from core.deploy.tokens import Known
from core.errors import InputError
from core.money import ledger
from tests import small
from tests.deploy.test_fallback import behind, hiring
from tests.wires.servers import Server

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def client(db, tmp_path):
    return small.fill(db, tmp_path, small.rows(30))


@pytest.fixture
def known(db, client):
    made = Known(client.client_id)
    made.start()
    yield made
    made.stop()


def ask(known: Known | None, path: str, secret: str, own: bytes | None = None, header: str = "authorization") -> tuple:
    """Status, sentence and headers of a request through the gate, behind which everything is answered with 200."""
    sent = []

    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})

    async def receive():
        return {"type": "http.request", "body": b"{}", "more_body": False}

    async def send(message):
        sent.append(message)

    shown = secret if header != "authorization" else f"Bearer {secret}"
    scope = {"type": "http", "path": path, "headers": [(header.encode(), shown.encode())]}
    asyncio.run(Gate(app, own, lambda path, status: None, known=known)(scope, receive, send))
    return sent[0]["status"], json.loads(sent[1]["body"]).get("detail", ""), dict(sent[0]["headers"])


def until(true, seconds: float = 10.0) -> float:
    """Seconds until `true()`."""
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < seconds, "waited in vain"
        time.sleep(0.02)
    return time.monotonic() - began


def test_a_token_is_shown_once_and_its_hash_alone_is_kept(db, client):
    secret, token = tokens.new(db, client.client_id, " News  room ", days=30, per_minute=5, month_usd=2.5)
    assert len(secret) > 43 and token.name == "News room"
    db.execute("pragma wal_checkpoint(truncate)")
    files = [file for file in settings.home().rglob("*") if file.is_file()]
    assert files and not any(secret.encode() in file.read_bytes() for file in files)
    (again,) = tokens.listed(db, client.client_id)
    assert again == token and again.state == "good" and secret[4:] not in repr(again)
    with pytest.raises(InputError, match="There is a token called News Room already"):
        tokens.new(db, client.client_id, "News Room")
    tokens.revoke(db, client.client_id, "NEWS ROOM")
    assert tokens.new(db, client.client_id, "News Room")[0] != secret
    with pytest.raises(InputError, match="no token Nobody"):
        tokens.revoke(db, client.client_id, "Nobody")
    with pytest.raises(InputError, match="no task and no limits"):
        tokens.new(db, client.client_id, "Counters", kind=tokens.METRICS, per_minute=5)


def test_each_opens_what_it_is_for_and_nobody_elses_opens_anything(db, client, known):
    secret, _ = tokens.new(db, client.client_id, "A")
    counters, _ = tokens.new(db, client.client_id, "B", kind=tokens.METRICS)
    others, _ = tokens.new(db, database.client_id(db, "Other"), "A")
    until(lambda: known.find(counters.encode()))
    assert ask(known, "/classify", secret)[0] == ask(known, "/metrics", counters)[0] == 200
    assert ask(known, "/v1/chat/completions", secret, header="x-understudy-token")[0] == 200
    assert ask(known, "/classify", counters)[:2] == (
        403,
        "This token reads the counters at /metrics only: ask with one that is for answers.",
    )
    assert ask(known, "/metrics", secret)[0] == 403
    for wrong in (others, secret[:-1], secret + "x", "", "ust_"):
        assert ask(known, "/classify", wrong)[0] == ask(known, "/write", wrong)[0] == 401
    own = b"the server's own"
    assert ask(known, "/classify", own.decode(), own)[0] == ask(known, "/metrics", own.decode(), own)[0] == 200
    assert ask(known, "/classify", secret, own)[0] == 200 and ask(known, "/health", "")[0] == 200


def test_taken_back_or_expired_it_is_refused_within_a_second(db, client, known, monkeypatch):
    secret, token = tokens.new(db, client.client_id, "A", days=1)
    until(lambda: ask(known, "/classify", secret)[0] == 200)
    other = database.connect()  # as another process does it
    tokens.revoke(other, client.client_id, "A")
    assert until(lambda: ask(known, "/classify", secret)[0] == 401) < 1.0
    secret, token = tokens.new(other, client.client_id, "A", days=1)
    until(lambda: ask(known, "/classify", secret)[0] == 200)
    monkeypatch.setattr(tokens, "now", lambda: token.expires)
    assert ask(known, "/classify", secret)[0] == 401
    other.close()


def test_more_requests_a_minute_than_it_may_make_wait_as_long_as_is_said(db, client, known, monkeypatch):
    secret, _ = tokens.new(db, client.client_id, "A", per_minute=3)
    other, _ = tokens.new(db, client.client_id, "B")
    until(lambda: known.find(other.encode()))
    clock = [1000.0]
    monkeypatch.setattr(tokens.time, "monotonic", lambda: clock[0])
    for at in (1000.0, 1020.0, 1040.0):
        clock[0] = at
        assert ask(known, "/classify", secret)[0] == 200
    status, said, headers = ask(known, "/classify", secret)
    assert (status, headers[b"retry-after"]) == (429, b"20") and "3 times a minute" in said
    assert ask(known, "/classify", other)[0] == 200, "another's limit is another's"
    clock[0] += 20.1
    assert ask(known, "/classify", secret)[0] == 200 and ask(known, "/classify", secret)[0] == 429


def test_when_it_was_last_used_is_noted_when_the_server_ends(db, client):
    made = Known(client.client_id)
    secret, _ = tokens.new(db, client.client_id, "A")
    made.start()
    assert ask(made, "/classify", secret)[0] == 200
    made.stop()
    (token,) = tokens.listed(db, client.client_id)
    assert token.used and token.created < token.used <= database.now()


def test_no_token_of_this_server_goes_on_to_the_model(db, client):
    secret, _ = tokens.new(db, client.client_id, "A")
    another, _ = tokens.new(db, client.client_id, "B")
    headers = [(b"authorization", b"Bearer " + another.encode()), (b"x-more", secret.encode()), (b"x-own", b"mine")]
    on = dict(passing.onward([*headers, (b"x-understudy-token", secret.encode())], None, secret.encode()))
    assert on == {"x-own": "mine", "accept-encoding": "identity"}


# --- money --------------------------------------------------------------------------------------------------------


def life(client, served, asked: list[tuple[tokens.Token | None, str]], budget: float = 1.0) -> list:
    """What a server's teacher says to texts that come together, each asked with a token."""

    async def whole():
        made = Fallback(client, budget)
        try:
            await made.prepare(served)
            coming = []
            for token, text in asked:
                with ledger.asked_by(token and ledger.Payer(token.id, token.month_usd)):
                    coming += made.ask([served], text)
            return await asyncio.gather(*coming)
        finally:
            await made.close()

    return asyncio.run(whole())


def test_a_tokens_month_is_never_passed_and_bounds_nobody_else(db, client):
    _, small_month = tokens.new(db, client.client_id, "A", month_usd=0.004)
    _, large = tokens.new(db, client.client_id, "B", month_usd=0.5)
    with Server(hiring, latency=0.02) as server:
        served = behind(db, client, server)
        said = life(client, served, [(small_month, f"mine {n}") for n in range(30)])
        bought = sum(one is not None for one in said)
        assert 0 < bought < 30 and bought == len(server.calls)
        assert 0 < tokens.spent_usd(db, small_month.id) <= 0.004
        db.execute("update token_months set spent_usd = 0.004 where token_id = ?", [small_month.id])
        again = life(client, served, [(small_month, "mine more"), (large, "yours"), (None, "the server's own")])
        assert [one is None for one in again] == [True, False, False]
        kept = life(client, served, [(small_month, "yours")])
        assert kept[0] is not None, "what was bought before costs nothing"
    sums = dict(db.execute("select token_id, total(cost_usd) from calls group by token_id").fetchall())
    assert sums[large.id] == pytest.approx(tokens.spent_usd(db, large.id)) and set(sums) == {
        small_month.id,
        large.id,
        None,
    }
    assert sum(sums.values()) == pytest.approx(ledger.served_usd(db, client.client_id))


def test_two_who_ask_the_same_at_once_buy_it_once_and_one_without_money_holds_up_nobody(db, client):
    _, none = tokens.new(db, client.client_id, "A", month_usd=0.0)
    _, some = tokens.new(db, client.client_id, "B", month_usd=0.5)
    with Server(hiring, latency=0.05) as server:
        said = life(client, behind(db, client, server), [(none, "one"), (some, "one"), (some, "two"), (none, "two")])
        assert [one and one.category for one in said] == [None, "Hiring", "Hiring", "Hiring"]
        assert len(server.calls) == 2
    assert tokens.spent_usd(db, none.id) == 0 < tokens.spent_usd(db, some.id)


def test_what_a_killed_server_had_under_way_counts_at_the_most_it_can_cost(db, client):
    _, token = tokens.new(db, client.client_id, "A", month_usd=1.0)
    account = ledger.Account(client.client_id, None, "A", "m", 5.0, ledger.SERVED, owner="gone")
    payer = ledger.Payer(token.id, token.month_usd)
    assert ledger.reserve(db, account, 0.6, payer=payer) and not ledger.reserve(db, account, 0.6, payer=payer)
    assert ledger.served_usd(db, client.client_id) == pytest.approx(0.6), "what is refused holds nothing"
    ledger.close_left(db, client.client_id)
    assert db.execute("select spent_usd, held_usd from token_months").fetchall() == [(0.6, 0.0)]
    released = ledger.reserve(db, account, 0.3, payer=payer)
    ledger.release(db, [released])
    assert tokens.spent_usd(db, token.id) == pytest.approx(0.6)
    removal.remove_client(db, client.client_id)
    assert db.execute("select count(*) from tokens").fetchone()[0] == 0
    assert db.execute("select total(cost_usd + reserved_usd) from calls").fetchone()[0] >= 0


# --- the command, the page, and a server that other machines can reach ----------------------------------------------


def test_the_command_lists_makes_and_revokes(db, client, capsys):
    def run(*options: str) -> dict:
        assert cli.main(["tokens", "--client", "Small", "--json", *options]) == 0
        return json.loads(capsys.readouterr().out)

    made = run(
        "--new", "Newsroom", "--days", "90", "--per-minute", "600", "--month-budget", "20", "--task", client.name
    )
    assert made["secret"].startswith("ust_")
    (row,) = run()["tokens"]
    assert (row["name"], row["task"], row["per_minute"], row["month_usd"]) == ("Newsroom", client.name, 600, 20.0)
    assert "secret" not in run() and made["secret"] not in json.dumps(run())
    assert run("--revoke", "newsroom")["tokens"][0]["state"] == "revoked"
    assert cli.main(["tokens", "--client", "Small", "--per-minute", "5"]) == 2
    assert "Give it with --new NAME." in capsys.readouterr().err


@pytest.fixture(scope="module")
def certificate(tmp_path_factory) -> tuple[Path, Path]:
    if not shutil.which("openssl"):
        pytest.skip("no openssl to make a certificate with")
    folder = tmp_path_factory.mktemp("tls")
    line = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    line += ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    subprocess.run([*line, "-keyout", folder / "key.pem", "-out", folder / "cert.pem"], check=True, capture_output=True)
    return folder / "cert.pem", folder / "key.pem"


def test_reachable_from_elsewhere_it_wants_tokens_speaks_https_and_refuses_one_that_is_taken_back(own, certificate):
    cert, key = map(str, certificate)
    env = {name: value for name, value in os.environ.items() if name != "UNDERSTUDY_TOKEN"}
    line = [sys.executable, "-m", "core", "serve", "--client", "Small", "--host", "0.0.0.0", "--port", "0"]
    line += ["--tls-cert", cert, "--tls-key", key]
    refused = subprocess.run(line, cwd=ROOT, env=env, capture_output=True, text=True)
    assert refused.returncode == 2 and "Make one with `python3 run.py tokens --new NAME`" in refused.stderr
    client_id = tasks.client_named(own, "Small")
    secret, _ = tokens.new(own, client_id, "A")
    counters, _ = tokens.new(own, client_id, "B", kind=tokens.METRICS)
    process = subprocess.Popen(line, cwd=ROOT, env=env, stderr=subprocess.PIPE, text=True)
    try:
        said = next(one for one in process.stderr if " at https://" in one)
        assert "token needed" in said and secret not in said
        port = re.search(r"https://0\.0\.0\.0:(\d+)", said)[1]
        threading.Thread(target=process.stderr.read, daemon=True).start()
        context = ssl.create_default_context(cafile=cert)
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
        )

        def status(path: str, shown: str | None, body: dict | None = None) -> int:
            headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {shown}"} if shown else {})
            data = body and json.dumps(body).encode()
            try:
                with opener.open(
                    urllib.request.Request(f"https://localhost:{port}{path}", data, headers), timeout=20
                ) as answer:
                    return answer.status
            except urllib.error.HTTPError as error:
                return error.code

        body = {"text": "flights hotel beach"}
        assert [status("/classify", shown, body) for shown in (secret, None, counters)] == [200, 401, 403]
        assert [status("/metrics", shown) for shown in (counters, None, secret)] == [200, 401, 403]
        tokens.revoke(own, client_id, "A")
        assert until(lambda: status("/classify", secret, body) == 401) < 1.5
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(40) == 0
        own.execute("delete from tokens")


def test_a_certificate_that_is_none_gets_a_sentence(own, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("UNDERSTUDY_TOKEN", "own")
    (tmp_path / "cert.pem").write_text("no certificate")
    options = ["serve", "--client", "Small", "--port", "0", "--tls-cert", str(tmp_path / "cert.pem")]
    assert cli.main(options) == 2 and "Give both." in capsys.readouterr().err
    assert cli.main([*options, "--tls-key", str(tmp_path / "cert.pem")]) == 2
    assert "These are not two PEM files that belong together" in capsys.readouterr().err
    assert cli.main([*options, "--tls-key", str(tmp_path / "none.pem")]) == 2
    assert "There is no such file" in capsys.readouterr().err


def test_the_page_makes_a_token_shows_it_once_and_revokes_it(own):
    client_id = tasks.client_named(own, "Small")
    page = AppTest.from_file(str(ROOT / "pages" / "deploy.py"), default_timeout=60)
    page.query_params["client"] = "Small"
    page.run()
    assert not page.exception
    next(one for one in page.text_input if one.label == "Who asks with it").set_value("Newsroom")
    next(one for one in page.button if one.label == "Make a token").click().run()
    (token,) = tokens.listed(own, client_id)
    shown = [block.value for block in page.code if block.value.startswith("ust_")]
    assert token.name == "Newsroom" and len(shown) == 1 and tokens.Known(client_id).find(shown[0].encode()) is None
    page.run()
    assert not [block.value for block in page.code if block.value.startswith("ust_")], "it is shown once"
    next(one for one in page.button if one.label == "Revoke").click().run()
    assert tokens.listed(own, client_id)[0].state == "revoked" and not page.exception
    own.execute("delete from tokens")
