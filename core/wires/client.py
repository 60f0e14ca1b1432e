"""What the wires share: the client that makes calls, and what is read out of any provider's JSON."""

from __future__ import annotations

import asyncio
import ipaddress
import json
import math
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx2

from core.errors import InputError
from core.wires.failures import NO_JSON, Failures
from core.wires.wire import CallError, Params, Reply, Request

CONNECT_S = 10.0
BATCH_S = 600.0  # handing in or fetching a batch moves files


def client(sdk: ModuleType, kind: Callable, address: str, secret: str | None, params: Params) -> Any:
    """The client (`kind`) of an SDK for an address, with as many connections as calls at once and a few for batches; over aiohttp,
    which is a quarter less work a call. InputError where the environment's proxy is none.

    This computer's own addresses are never asked for through a proxy, whatever the environment says; others as it says. Nobody is
    followed elsewhere: the key would go along.
    """
    here = is_here(address)
    if not here:
        check_proxy(address)
    limits = httpx2.Limits(max_connections=max(params.concurrency, 1) + 4, max_keepalive_connections=None)
    return kind(
        # A placeholder, so that the SDK does not take a key out of the environment to an address it was not meant for.
        api_key=secret or "none",
        base_url=address,
        max_retries=0,
        timeout=httpx2.Timeout(params.timeout_s, connect=min(CONNECT_S, params.timeout_s)),
        http_client=sdk.DefaultAioHttpClient(limits=limits, follow_redirects=False, trust_env=not here),
    )


def is_here(address: str) -> bool:
    """Whether an address is this computer's own."""
    host = urlsplit(address).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def check_proxy(address: str) -> None:
    """InputError where a proxy of the environment is no http(s) address: whoever set it meant something else."""
    parts, proxies = urlsplit(address), getproxies()
    if proxy_bypass(parts.hostname or ""):
        return
    for name in ("http", "https", "all"):
        proxy = proxies.get(name)
        if not proxy:
            continue
        try:
            named = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
            sound = named.scheme in ("http", "https") and named.hostname and " " not in proxy and (named.port or 1) > 0
        except ValueError:
            sound = False
        if not sound:
            raise InputError(
                f"The proxy in the environment variable {name.upper()}_PROXY cannot be used.",
                "Give it as http://host:port, or put the model's host into NO_PROXY.",
            )


async def made(body: Callable[[Request], dict], request: Request) -> dict:
    """A request's `body`; where it has images, which take a while to decode, made beside the event loop. CallError where one of
    them cannot be had."""
    return await asyncio.to_thread(body, request) if request.pictures else body(request)


async def post(client: Any, path: str, body: dict, failures: Failures) -> tuple[Any, Any]:
    """One POST through the SDK (its addresses, headers and errors): the answer as plain JSON, for building the SDK's typed objects
    takes longer than everything else on the way, and its headers. CallError where a web page comes."""
    response = await client.post(path, cast_to=httpx2.Response, body=body)
    if response.content.lstrip()[:1] == b"<":
        raise failures.web_page()
    return response.json(), response.headers


def mentioned(error: CallError, names: dict[str, tuple[str, ...]]) -> str | None:
    """Which of the parameters sent (name -> signs of it in a message) a refusal is about: the one mentioned first."""
    text = error.words.lower()
    places = {
        name: min((text.find(sign) for sign in signs if sign in text), default=-1) for name, signs in names.items()
    }
    mentions = {name: place for name, place in places.items() if place >= 0}
    return min(mentions, key=mentions.get) if mentions else None


def lines(content: bytes) -> Iterator[dict]:
    """The objects of a JSON-lines file; what is none is left out and so counts as not answered."""
    for line in content.splitlines():
        try:
            value = json.loads(line)
        except ValueError:
            continue
        if isinstance(value, dict):
            yield value


def parsed(read: Callable[[dict], Reply], body: Any) -> Reply | CallError:
    """A batch's reply, or why there is none."""
    try:
        return read(body)
    except CallError as error:
        return error
    except (KeyError, TypeError, IndexError, AttributeError, ValueError):
        return CallError("server", NO_JSON, billed=True)


def says_why(body: Any) -> Any:
    """The part of a body that may say why there is no answer in it: what has an error or a message, else nothing."""
    if isinstance(body, dict) and not any(body.get(name) for name in ("error", "message", "detail", "msg")):
        return {}
    return body


def counted(body: Any, usage: Callable[[dict], dict[str, Any]]) -> Reply | None:
    """What was counted for a call that brought no answer, as the provider's `usage` reads it; None where nothing was."""
    if not isinstance(body, dict) or not isinstance(body.get("usage"), dict):
        return None
    reply = Reply("", **usage(body))
    return reply if (reply.tokens_in and reply.tokens_out is not None) or reply.cost_usd else None


def charged(usage: Any) -> float | None:
    """USD that a gateway says a call cost (OpenRouter: `cost`, and beside it what goes to the provider whose key is one's own;
    Perplexity: `cost.total_cost`); None where it says nothing."""
    if not isinstance(usage, dict):
        return None
    cost = usage.get("cost")
    cost = cost.get("total_cost") if isinstance(cost, dict) else cost
    if not _is_usd(cost):
        return None
    beside = (usage.get("cost_details") or {}).get("upstream_inference_cost") if usage.get("is_byok") else 0.0
    return float(cost) + (float(beside) if _is_usd(beside) else 0.0)


def _is_usd(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < math.inf


def count(value: Any) -> int | None:
    """A number of tokens; None where it is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
