"""The HTTP service: a student behind POST /classify, and its teacher behind the student; one that writes behind POST /write; and
where calls of a large model are passed on, that model behind POST /v1/chat/completions (passing.py).

    python3 run.py serve --client Demo

The path of a request: doors (head, time, connections) -> gate (token, size) -> schema -> service (student, then teacher). The
answer to a text does not depend on the texts that happen to share its batch.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import signal
import socket
import sys
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

import uvicorn
from fastapi import FastAPI, HTTPException, Response, Security
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.security import HTTPBearer
from fastapi_offline import FastAPIOffline
from sqlite_utils import Database
from starlette.exceptions import HTTPException as AnyHTTPException

from core import tasks
from core.deploy import gate
from core.deploy.batching import Overloaded
from core.deploy.doors import Limits, within
from core.deploy.fallback import Fallback
from core.deploy.live import Follower, Served, alone
from core.deploy.passing import Passing, offer, upstream
from core.deploy.recording import Recorder
from core.deploy.schema import (
    WANTED,
    Ask,
    AskDrafts,
    AskFacets,
    DraftsReply,
    Faceted,
    FacetsHealth,
    FacetsReply,
    Health,
    Problem,
    Reply,
    Result,
    Which,
    in_words,
)
from core.deploy.service import TEACHER_SECONDS, Service
from core.deploy.watching import Watch
from core.deploy.writing import NONE, ServedWriter, WriterFollower
from core.errors import InputError
from core.tasks import Task
from core.train.registry import find
from core.train.students.together import Readings
from core.wires.connections import Connection
from core.words import money
from core.write import use
from core.write.training import KIND

NOT_CLASSIFIED = "This server's task writes: ask POST /write."
NOT_WRITTEN = "This server has no task that writes; name one with --task, or with --write-task beside one that sorts."
NOT_PASSED = "This server passes no calls on: start it with --pass-to CONNECTION."
NO_STUDENT = "No student is at work yet: train one, put it to work, and start this server again."
PASSED_SECONDS = 60  # that the end of a server waits for answers that are being passed on
KEEP_ALIVE = 75  # seconds an idle connection is kept: longer than the 60 s of common proxies
log = logging.getLogger("understudy")


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
) -> dict:
    """Serve tasks of a client until SIGTERM or Ctrl-C, then finish what is under way; returns {"requests", "texts"}, and "briefs"
    where any came.

    Tasks that sort answer at /classify, of several each text's every facet; one that writes, alone, at /write; `writes`: a task
    that writes, beside those that sort. `shadow`: the teacher, which `fallback` asks, does the work, and the students answer
    silently; `beside`: the number of a second student that answers silently beside the live one. What is served is written down
    (`record`), and audited as people have said (core/deploy/watching.py). `pass_to`: the connection that calls of
    /v1/chat/completions go on to, which are written down likewise, for the client of that name; then there may be no student at
    all. InputError where there is no such student, it or its teacher cannot be loaded, the port cannot be had, or other
    machines could reach a server without a token.
    """
    token = gate.token()
    if token is None and not _only_here(host):
        raise InputError(
            f"Other machines can reach {host}, so a token is needed.",
            f"Put one into the environment variable {gate.TOKEN}, or leave --host out.",
        )
    behind = Fallback(sorting[0], budget_usd, len(sorting)) if fallback else None
    watch = Watch(sorting[0].client_id, sorting, shadow) if record and sorting else None
    service = _service(db, sorting, which, writes, behind, watch, beside)
    passing = None
    if pass_to:
        recorder = Recorder(tasks.client_named(db, client), client) if record else None
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
            log.info(_facts(service, listening, token, budget_usd, passing))

    app = application(service, begin, guarded=token is not None, passing=passing)
    config = uvicorn.Config(
        gate.Gate(app, token, service.metrics.request, passing=passing is not None),
        http=within(limits or (Limits(request_bytes=2 * gate.MOST_PASSED) if passing else Limits())),
        ws="none",  # there are none, and they would come in past the limits
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=PASSED_SECONDS if passing else int(TEACHER_SECONDS) + 5,
    )
    server = uvicorn.Server(config)
    _log_here()
    if threading.current_thread() is threading.main_thread():
        for name in (signal.SIGINT, signal.SIGTERM):  # before uvicorn listens to them, and once it does so no more
            signal.signal(name, lambda *_: setattr(server, "should_exit", True))
    server.run(sockets=[listening])
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
    token: bytes | None,
    budget_usd: float | None,
    passing: Passing | None = None,
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
    address = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    on = f"; calls of {gate.PASSED} go on to {passing.to.name} ({passing.to.address})" if passing else ""
    open_to = "token needed" if token else "open to this machine, no token"
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


# --- the endpoints ------------------------------------------------------------------------------------------------


def application(
    service: Service, begin: Callable[[], Awaitable[None]], *, guarded: bool, passing: Passing | None = None
) -> FastAPI:
    """The endpoints; `begin` is run once they answer. `guarded` tells the documentation of the token the gate asks for."""

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        service.start()
        if passing:
            passing.start()
        beginning = asyncio.ensure_future(begin())
        yield
        beginning.cancel()
        if passing:
            await passing.close()
        await service.close()

    # Swagger's pages and scripts come out of the package, none from the network; nobody is told of requests.
    app = FastAPIOffline(
        title="Understudy",
        description="Sorts creative assets into a client's taxonomy, and writes drafts of copy.",
        redoc_url=None,
        lifespan=life,
        telemetry={"tracing": False, "metrics": False, "logs": False, "operation_spans": False},
        swagger_ui_parameters={"validatorUrl": None},
    )
    token = [Security(HTTPBearer(auto_error=False))] if guarded else []
    problems = {status: {"model": Problem} for status in ((401,) if guarded else ()) + (413, 422, 503)}

    refused = token, problems
    if service.facets:
        (_classifying if len(service.facets) == 1 else _answering_facets)(app, service, *refused)
    else:
        _absent(app, "/classify", NOT_CLASSIFIED if service.writing else NO_STUDENT)
    _writing(app, service, *refused) if service.writing else _absent(app, "/write", NOT_WRITTEN)
    offer(app, passing, token) if passing else _absent(app, gate.PASSED, NOT_PASSED)

    @app.get("/health", responses={503: {"model": Health}})
    async def health(response: Response) -> Health | FacetsHealth:
        """Whether the server can answer; 503 while it cannot."""
        if not all(one.loaded for one in service.followers):
            response.status_code = 503
            return Health(status="loading")
        notes = [one.note for one in service.followers] + ([service.watch.note] if service.watch else [])
        note = " ".join(one for one in notes if one)
        writer = service.writing and service.writing.follower.current
        which = {one.task.name: _which(one.current) for one in service.facets}
        told = {"status": "ready", "note": note, "writer": writer and _which(writer)}
        if len(which) > 1:
            return FacetsHealth(**told, students=which)
        return Health(**told, student=next(iter(which.values()), None))

    @app.get("/metrics", dependencies=token, response_class=Response)
    async def metrics() -> Response:
        """Counters for Prometheus."""
        return Response(service.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    app.add_exception_handler(
        RequestValidationError, lambda request, error: _problem(422, in_words(error, request.url.path))
    )
    app.add_exception_handler(
        AnyHTTPException, lambda request, error: _problem(*_plain(error), error.headers, request.url.path)
    )
    app.add_exception_handler(Exception, lambda request, error: _problem(500, gate.BUG))
    return app


def _classifying(app: FastAPI, service: Service, token: list, problems: dict) -> None:
    (follower,) = service.facets

    @app.post("/classify", dependencies=token, responses=problems)
    async def classify(ask: Ask) -> Reply:
        """Classify one text, or up to 256. A text may have 20,000 characters, a request 4 MB."""
        served = follower.current
        results, ms = await _answered(service, ask, [served])
        reply = Reply(results=[result for (result,) in results], student=_which(served), ms=ms)
        return await _reasoned(service, ask, [served], reply, lambda one: [one]) if ask.why else reply


def _answering_facets(app: FastAPI, service: Service, token: list, problems: dict) -> None:
    known = {one.task.name.casefold(): one for one in service.facets}

    @app.post("/classify", dependencies=token, responses=problems)
    async def classify(ask: AskFacets) -> FacetsReply:
        """Answer every facet of one text, or of up to 256, or those facets that `tasks` names. A text may have 20,000 characters, a
        request 4 MB."""
        wanted = list(known) if ask.tasks is None else list(dict.fromkeys(name.casefold() for name in ask.tasks))
        if not known.keys() >= set(wanted):
            there = ", ".join(one.task.name for one in service.facets)
            raise HTTPException(422, f"A task that is named is not served here; these are: {there}.")
        served = [known[name].current for name in wanted]
        results, ms = await _answered(service, ask, served)
        names = [known[name].task.name for name in wanted]
        faceted = [Faceted(facets=dict(zip(names, said)), handled=all(one.handled for one in said)) for said in results]
        reply = FacetsReply(results=faceted, students=dict(zip(names, map(_which, served))), ms=ms)
        return await _reasoned(service, ask, served, reply, lambda one: one["facets"].values()) if ask.why else reply


async def _answered(
    service: Service, ask: Ask, served: Sequence[Served | None]
) -> tuple[list[tuple[Result, ...]], float]:
    """A result a text and student, and the milliseconds they took; refused while a student is loading or too many texts wait."""
    started = time.perf_counter()
    if None in served:
        raise unavailable("The student is still loading; try again in a second.")
    try:
        results = await service.classify(served, [ask.text] if ask.texts is None else ask.texts)
    except Overloaded:
        raise unavailable("Too many texts wait already; try again in a second.") from None
    seconds = time.perf_counter() - started
    service.metrics.seconds.observe(seconds)
    return results, round(1000 * seconds, 3)


async def _reasoned(
    service: Service, ask: Ask, served: Sequence[Served], reply: Reply | FacetsReply, answers: Callable
) -> JSONResponse:
    """The reply, in which each of a result's `answers` also says why: the nearest labelled assets."""
    told = reply.model_dump(mode="json")
    reasons = await service.reasons.of(served, [ask.text] if ask.texts is None else ask.texts)
    for result, of_text in zip(told["results"], reasons):
        for one, near in zip(answers(result), of_text):
            one["why"] = [each.as_json() for each in near]
    return JSONResponse(told)


def _writing(app: FastAPI, service: Service, token: list, problems: dict) -> None:
    @app.post("/write", dependencies=token, responses=problems | {409: {"model": Problem}})
    async def write(ask: AskDrafts) -> DraftsReply:
        """Draft the copy for one brief, or for up to 50. A brief may have 20,000 characters, a request 4 MB."""
        started = time.perf_counter()
        served = service.writing.follower.current
        if served is None and not service.writing.follower.loaded:
            raise unavailable("The student is still loading; try again in a second.")
        if served is None:
            raise HTTPException(409, service.writing.follower.note or NONE)
        briefs = [ask.brief] if ask.briefs is None else ask.briefs
        try:
            results = await service.writing.write(served, briefs, ask.drafts, ask.seed)
        except Overloaded:
            raise unavailable("Too many briefs wait already; try again in a minute.", 60) from None
        except InputError as error:
            raise HTTPException(422, str(error)) from None
        seconds = time.perf_counter() - started
        service.metrics.write_seconds.observe(seconds)
        return DraftsReply(results=results, student=_which(served), ms=round(1000 * seconds, 3))


def _absent(app: FastAPI, path: str, why: str) -> None:
    """An address that servers of another task have: what to do to have it here."""

    @app.post(path, include_in_schema=False)
    async def absent() -> None:
        raise HTTPException(404, why)


def _which(served: Served | ServedWriter) -> Which:
    return Which(id=str(served.id), kind=served.kind)


def unavailable(detail: str, seconds: int = 1) -> HTTPException:
    """The answer to a request that may be sent again in some seconds."""
    return HTTPException(503, detail, {"Retry-After": str(seconds)})


def _problem(status: int, detail: str, headers: dict | None = None, path: str = "") -> JSONResponse:
    return JSONResponse(gate.problem(detail, path), status, headers)


def _plain(error: AnyHTTPException) -> tuple[int, str]:
    if error.status_code == 404 and error.detail == "Not Found":
        return 404, "There is nothing at this address; /docs lists what there is."
    if error.status_code == 405:
        return 405, "This address does not take such a request; /docs lists what there is."
    if error.status_code == 400:  # a body that Python's JSON reader gives up on
        return 422, WANTED
    return error.status_code, error.detail
