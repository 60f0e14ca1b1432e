"""The HTTP service: a student behind POST /classify, and its teacher behind the student; one that writes behind POST /write; and
where calls of a large model are passed on, that model behind POST /v1/chat/completions (passing.py).

    python3 run.py serve --client Demo

The path of a request: doors (head, time, connections) -> gate (token, size) -> schema -> service (student, then teacher). The
answer to a text does not depend on the texts that happen to share its batch.
"""

from __future__ import annotations

import ipaddress
import logging
import signal
import socket
import ssl
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from sqlite_utils import Database

from core import tasks
from core.deploy import gate, tokens
from core.deploy.doors import Limits, within
from core.deploy.endpoints import application
from core.deploy.fallback import Fallback
from core.deploy.live import Follower, alone
from core.deploy.passing import Passing, upstream
from core.deploy.recording import Recorder
from core.deploy.service import TEACHER_SECONDS, Service
from core.deploy.watching import Watch
from core.deploy.writing import WriterFollower
from core.errors import InputError
from core.tasks import Task
from core.terminal import must_exist
from core.train.registry import find
from core.train.students.together import Readings
from core.wires.connections import Connection
from core.words import money
from core.write import use
from core.write.training import KIND

PASSED_SECONDS = 60  # that the end of a server waits for answers that are being passed on
KEEP_ALIVE = 75  # seconds an idle connection is kept: longer than the 60 s of common proxies
log = logging.getLogger("understudy")


@dataclass(frozen=True)
class Tls:
    """The files of a certificate, with those that vouch for it behind it, and of its key, both PEM."""

    certificate: Path
    key: Path

    def check(self) -> None:
        """InputError where they cannot be read, or do not belong together."""

        def no_password() -> str:
            raise InputError(
                "The key is locked with a password.", "Give one that is not: `openssl pkey -in KEY -out KEY.open`."
            )

        for file in (self.certificate, self.key):
            must_exist(file)
        try:
            ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(self.certificate, self.key, no_password)
        except ssl.SSLError:
            raise InputError(
                "These are not two PEM files that belong together.",
                "Give with --tls-cert what your authority issued, with the chain behind it, and with --tls-key the key it is for.",
                where=f"{self.certificate}, {self.key}",
            ) from None


def serve(
    db: Database,
    sorting: Sequence[Task],
    *,
    which: str = "live",
    writes: Task | None = None,
    host: str = "127.0.0.1",
    port: int,
    fallback: bool = False,
    budget_usd: float | None = None,
    shadow: bool = False,
    beside: str | None = None,
    record: bool = True,
    limits: Limits | None = None,
    pass_to: Connection | None = None,
    client: str = "",
    tls: Tls | None = None,
) -> dict:
    """Serve tasks of a client until SIGTERM or Ctrl-C, then finish what is under way; returns {"requests", "texts"}, and "briefs"
    where any came.

    Tasks that sort answer at /classify, of several each text's every facet; one that writes, alone, at /write; `writes`: a task
    that writes, beside those that sort. `shadow`: the teacher, which `fallback` asks, does the work, and the students answer
    silently; `beside`: the number of a second student that answers silently beside the live one. What is served is written down
    (`record`), and audited as people have said (core/deploy/watching.py). `pass_to`: the connection that calls of
    /v1/chat/completions go on to, which are written down likewise, for the client of that name; then there may be no student at
    all. Who asks shows a token where the client has tokens (core/deploy/tokens.py) or the server has one of its own; `tls`: it
    speaks HTTPS. InputError where there is no such student, it or its teacher cannot be loaded, the port cannot be had, or other
    machines could reach a server without a token.
    """
    token, owner = gate.token(), next((task.client_id for task in [*sorting, *([writes] if writes else [])]), None)
    owner = tasks.client_named(db, client) if owner is None else owner
    known = tokens.Known(owner) if token is not None or tokens.any_good(db, owner) else None
    if known is None and not _only_here(host):
        raise InputError(
            f"Other machines can reach {host}, so a token is needed.",
            f"Make one with `python3 run.py tokens --new NAME`, or put one into the environment variable {gate.TOKEN}, "
            "or leave --host out.",
        )
    if tls:
        tls.check()
    behind = Fallback(sorting[0], budget_usd, len(sorting)) if fallback else None
    watch = Watch(sorting[0].client_id, sorting, shadow) if record and sorting else None
    service = _service(db, sorting, which, writes, behind, watch, beside)
    passing = None
    if pass_to:
        recorder = Recorder(owner, client) if record else None
        passing = Passing(upstream(pass_to), recorder, token)
        if recorder:
            recorder.count = lambda outcome: service.metrics.passed.labels(outcome).inc()
    listening = _bind(host, port)
    failures: list[Exception] = []

    async def begin() -> None:
        try:
            await service.load()
        except Exception as error:  # raised below, when the server has ended
            failures.append(error)
            server.should_exit = True
        else:
            log.info(_facts(service, listening, known is not None, budget_usd, passing, tls))

    app = application(service, begin, guarded=known is not None, passing=passing)
    config = uvicorn.Config(
        gate.Gate(app, token, service.metrics.request, passing=passing is not None, known=known),
        http=within(limits or Limits()),
        ws="none",  # there are none, and they would come in past the limits
        log_config=None,
        access_log=False,
        server_header=False,
        ssl_certfile=tls and tls.certificate,
        ssl_keyfile=tls and tls.key,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=PASSED_SECONDS if passing else int(TEACHER_SECONDS) + 5,
    )
    server = uvicorn.Server(config)
    _log_here()
    if threading.current_thread() is threading.main_thread():
        for name in (signal.SIGINT, signal.SIGTERM):  # before uvicorn listens to them, and once it does so no more
            signal.signal(name, lambda *_: setattr(server, "should_exit", True))
    if known:
        known.start()
    if not tls and not _only_here(host):
        log.warning(
            "Tokens and texts go over the network in the clear: give --tls-cert and --tls-key, or see docs/tokens.md."
        )
    server.run(sockets=[listening])
    if known:
        known.stop()
    if failures:
        raise failures[0]
    return service.metrics.totals()


def _service(
    db: Database,
    sorting: Sequence[Task],
    which: str,
    writes: Task | None,
    fallback: Fallback | None,
    watch: Watch | None,
    beside: str | None,
) -> Service:
    """What answers. InputError where a student is not there, or the tasks are not of the kinds they are named as."""
    wrong = next((task for task in sorting if task.kind == KIND), None)
    if writes and (writes.kind != KIND or wrong):
        other = writes if writes.kind != KIND else wrong
        raise InputError(
            f"The task {other.name} {'writes' if other.kind == KIND else 'does not write'}.",
            "Name with --task a task that sorts, and with --write-task one that writes.",
        )
    if not sorting and not writes:
        return Service([], None)
    if wrong and len(sorting) > 1:
        raise InputError(f"The task {wrong.name} writes.", f"Name it with --write-task: {wrong.name}.")
    if wrong:
        use.may_write(db, wrong, which)
        if fallback:
            raise InputError(
                "Who stands behind a student that writes, and for how much a month, is kept with its task.",
                "Leave --fallback out.",
            )
        return Service([], None, WriterFollower(wrong, which, needed=True))
    for task in sorting:
        find(db, task, which)
    readings = Readings() if len(sorting) > 1 else None
    facets = [Follower(task, which, readings) for task in sorting]
    writer = WriterFollower(writes, "live", needed=False) if writes else None
    return Service(facets, fallback, writer, readings, watch, _silent(db, sorting, beside))


def _silent(db: Database, sorting: Sequence[Task], beside: str | None) -> Follower | None:
    """Who follows a student that answers silently beside the live one. InputError where there is no such student."""
    if beside is None:
        return None
    if len(sorting) > 1:
        raise InputError("A student answers silently in one task.", "Name that task with --task.")
    find(db, sorting[0], beside)
    return Follower(sorting[0], beside)


def _only_here(host: str) -> bool:
    """Whether only this machine can reach the address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _bind(host: str, port: int) -> socket.socket:
    """A socket at this address; port 0 takes any free one. InputError where it cannot be had."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        raise InputError(
            f"The server cannot listen on {host}, port {port} ({error.strerror}).", "Choose another with --port."
        ) from None
    return listener


def _facts(
    service: Service,
    listening: socket.socket,
    guarded: bool,
    budget_usd: float | None,
    passing: Passing | None = None,
    tls: Tls | None = None,
) -> str:
    """The line at the start: where, which student, who may ask, whether the teacher is behind it, and what is passed on."""
    host, port = listening.getsockname()[:2]
    students = _students(service)
    fallback = "no fallback to the teacher"
    if service.fallback:
        budget = (
            ""
            if budget_usd is None
            else f", at most {money(budget_usd, exact=True)} a month, {money(service.fallback.spent_usd, exact=True)} spent"
        )
        teachers = list(dict.fromkeys(one.current.teacher for one in service.facets))
        who = "the teacher" if len(teachers) == 1 else "the teachers"
        fallback = f"falls back to {who} {' and '.join(teachers)}{budget}"
    address = f"{'https' if tls else 'http'}://{f'[{host}]' if ':' in host else host}:{port}"
    on = f"; calls of {gate.PASSED} go on to {passing.to.name} ({passing.to.address})" if passing else ""
    open_to = "token needed" if guarded else "open to this machine, no token"
    return f"Serving {students} at {address}, {open_to}; {fallback}{on}."


def _students(service: Service) -> str:
    """The students of the line at the start."""
    current = [one.current for one in service.facets if one.current]
    several = len(current) > 1
    said = [
        f"student {one.id} ({f'{one.task.name}, ' if several else ''}{one.kind}, {alone(one.threshold)})"
        for one in current
    ]
    if service.writing:
        writer = service.writing.follower.current
        said.append(f"student {writer.id} ({writer.kind}, writes)" if writer else "nobody yet who writes")
    return " and ".join(said) or "no student yet"


def _log_here() -> None:
    logging.basicConfig(stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s")
    log.setLevel(logging.INFO)
