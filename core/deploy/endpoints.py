"""What the HTTP service answers to: /classify, /write, /health, /metrics, and where calls are passed on /v1/chat/completions."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

from fastapi import FastAPI, HTTPException, Request, Response, Security
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.security import HTTPBearer
from fastapi_offline import FastAPIOffline
from starlette.exceptions import HTTPException as AnyHTTPException

from core.deploy import gate
from core.deploy.batching import Overloaded
from core.deploy.forms import Forms
from core.deploy.live import Served
from core.deploy.passing import Passing, offer
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
from core.deploy.sent_images import Asked, Refused
from core.deploy.service import Service
from core.deploy.writing import NONE, ServedWriter
from core.errors import InputError
from core.money import ledger
from core.tasks import Task

NOT_CLASSIFIED = "This server's task writes: ask POST /write."
NOT_WRITTEN = "This server has no task that writes; name one with --task, or with --write-task beside one that sorts."
NOT_PASSED = "This server passes no calls on: start it with --pass-to CONNECTION."
ANOTHER_TASK = "This token is for another task: ask with one for this task, or for all of the client's."
FORM = {  # how images may come beside JSON (forms.py)
    "requestBody": {
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "image": {"type": "array", "items": {"type": "string", "format": "binary"}},
                        "text": {"type": "array", "items": {"type": "string"}},
                    },
                }
            }
        }
    }
}
NO_STUDENT = "No student is at work yet: train one, put it to work, and start this server again."


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
    problems = {status: {"model": Problem} for status in ((401, 403, 429) if guarded else ()) + (413, 422, 503)}

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

    app.add_middleware(Forms)
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

    @app.post("/classify", dependencies=token, responses=problems, openapi_extra=FORM)
    async def classify(ask: Ask, request: Request) -> Reply:
        """Classify one text, or up to 256. A text may have 20,000 characters, a request 4 MB.

        Or images, alone or beside texts, up to 16: as base64, or as a form of up to 16 MB. An image may have 8 MB and 25
        megapixels. Each result then also has `words`: what was read on its image; null where nothing was."""
        served = follower.current
        _may_ask(request, [follower.task])
        with ledger.asked_by(_payer(request)):
            results, asked, ms = await _answered(service, ask, [served])
        reply = Reply(results=[result for (result,) in results], student=_which(served), ms=ms)
        return await _in_full(service, ask, asked, [served], reply, lambda one: [one])


def _answering_facets(app: FastAPI, service: Service, token: list, problems: dict) -> None:
    known = {one.task.name.casefold(): one for one in service.facets}

    @app.post("/classify", dependencies=token, responses=problems, openapi_extra=FORM)
    async def classify(ask: AskFacets, request: Request) -> FacetsReply:
        """Answer every facet of one text, or of up to 256, or those facets that `tasks` names. A text may have 20,000 characters, a
        request 4 MB.

        Or of images, alone or beside texts, up to 16: as base64, or as a form of up to 16 MB. An image may have 8 MB and 25
        megapixels. Each result then also has `words`: what was read on its image; null where nothing was."""
        every = [name for name, one in known.items() if _only_task(request) in (None, one.task.id)]
        wanted = every if ask.tasks is None else list(dict.fromkeys(name.casefold() for name in ask.tasks))
        if not known.keys() >= set(wanted):
            there = ", ".join(one.task.name for one in service.facets)
            raise HTTPException(422, f"A task that is named is not served here; these are: {there}.")
        _may_ask(request, [known[name].task for name in wanted])
        served = [known[name].current for name in wanted]
        with ledger.asked_by(_payer(request)):
            results, asked, ms = await _answered(service, ask, served)
        names = [known[name].task.name for name in wanted]
        faceted = [Faceted(facets=dict(zip(names, said)), handled=all(one.handled for one in said)) for said in results]
        reply = FacetsReply(results=faceted, students=dict(zip(names, map(_which, served))), ms=ms)
        return await _in_full(service, ask, asked, served, reply, lambda one: one["facets"].values())


async def _answered(
    service: Service, ask: Ask, served: Sequence[Served | None]
) -> tuple[list[tuple[Result, ...]], Asked, float]:
    """A result a text and student, what was judged, and the milliseconds it took; refused while a student is loading or too many
    texts or images wait."""
    started = time.perf_counter()
    if None in served:
        raise unavailable("The student is still loading; try again in a second.")
    try:
        images = ask.images
        asked = await service.images.take(ask.every, images) if images else Asked(ask.every, [])
        results = await service.classify(served, asked.texts)
    except Refused as why:
        raise HTTPException(why.status, str(why)) from None
    except Overloaded:
        what = "images" if ask.images else "texts"
        raise unavailable(f"Too many {what} wait already; try again in a second.") from None
    seconds = time.perf_counter() - started
    service.metrics.seconds.observe(seconds)
    return results, asked, round(1000 * seconds, 3)


async def _in_full(
    service: Service, ask: Ask, asked: Asked, served: Sequence[Served], reply: Reply | FacetsReply, answers: Callable
) -> Reply | FacetsReply | JSONResponse:
    """The reply; of images each result also has the words on it, and where reasons are asked for, each of a result's `answers` also
    says why: the nearest labelled assets."""
    if not ask.why and not asked.words:
        return reply
    told = reply.model_dump(mode="json")
    for result, found in zip(told["results"], asked.words):
        result["words"] = found
    if ask.why:
        reasons = await service.reasons.of(served, asked.texts)
        for result, of_text in zip(told["results"], reasons):
            for one, near in zip(answers(result), of_text):
                one["why"] = [each.as_json() for each in near]
    return JSONResponse(told)


def _writing(app: FastAPI, service: Service, token: list, problems: dict) -> None:
    @app.post("/write", dependencies=token, responses=problems | {409: {"model": Problem}})
    async def write(ask: AskDrafts, request: Request) -> DraftsReply:
        """Draft the copy for one brief, or for up to 50. A brief may have 20,000 characters, a request 4 MB."""
        _may_ask(request, [service.writing.follower.task])
        started = time.perf_counter()
        served = service.writing.follower.current
        if served is None and not service.writing.follower.loaded:
            raise unavailable("The student is still loading; try again in a second.")
        if served is None:
            raise HTTPException(409, service.writing.follower.note or NONE)
        briefs = [ask.brief] if ask.briefs is None else ask.briefs
        try:
            with ledger.asked_by(_payer(request)):
                results = await service.writing.write(served, briefs, ask.drafts, ask.seed)
        except Overloaded:
            raise unavailable("Too many briefs wait already; try again in a minute.", 60) from None
        except InputError as error:
            raise HTTPException(422, str(error)) from None
        seconds = time.perf_counter() - started
        service.metrics.write_seconds.observe(seconds)
        return DraftsReply(results=results, student=_which(served), ms=round(1000 * seconds, 3))


def _only_task(request: Request) -> int | None:
    """The id of the only task that the caller's token is for; None where it is for all."""
    who = gate.caller(request.scope)
    return who.token.task_id if who and who.token else None


def _may_ask(request: Request, wanted: Sequence[Task]) -> None:
    """Refuse a caller whose token is for another task alone; with nothing wanted, too, for then it is for none served here."""
    only = _only_task(request)
    if only is not None and (not wanted or any(task.id != only for task in wanted)):
        raise HTTPException(403, ANOTHER_TASK)


def _payer(request: Request) -> ledger.Payer | None:
    """Whose month the teacher's answers to this request are counted in as well."""
    who = gate.caller(request.scope)
    return ledger.Payer(who.token.id, who.token.month_usd) if who and who.token else None


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
