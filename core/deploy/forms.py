"""Forms with images (multipart/form-data) as the JSON they stand for: whatever is behind knows one way to be asked.

Fields `text` and files `image`, one beside the other in their order; `why` and `tasks` as in JSON. Nothing touches the disk.
"""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

from starlette.datastructures import FormData, Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from core.deploy.gate import MOST_FORM, is_form, refuse
from core.deploy.schema import MOST_CHARACTERS, MOST_TASKS, MOST_TEXTS

WANTED = (
    'Send a form with files called "image", and beside each, where there is one, a field called "text"; of several images either '
    "each has a text or none."
)
ELSEWHERE = "A page of another site may not send forms here."


class Forms:
    """ASGI middleware behind the gate."""

    def __init__(self, app: Callable):
        self.app = app

    async def __call__(self, scope: dict, receive: Callable, send: Callable) -> None:
        if scope["type"] != "http" or not is_form(scope):
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if not _from_here(headers):  # else such a page could send one unasked, as it may not send JSON
            await refuse(send, 403, ELSEWHERE)
            return
        parser = MultiPartParser(
            headers,
            _stream(receive),
            max_files=MOST_TEXTS,
            max_fields=MOST_TEXTS + MOST_TASKS,
            max_part_size=4 * MOST_CHARACTERS + 4,  # bytes; what is too long by a little is refused in characters
        )
        parser.spool_max_size = MOST_FORM
        try:
            form = await parser.parse()
            asked = json.dumps(await _asked(form)).encode()
        except (MultiPartException, ValueError):
            await refuse(send, 422, WANTED)
            return
        kept = [one for one in scope["headers"] if one[0] not in (b"content-type", b"content-length")]
        told = [(b"content-type", b"application/json"), (b"content-length", str(len(asked)).encode())]
        await self.app({**scope, "headers": [*kept, *told]}, _replayed(asked, receive), send)


def _from_here(headers: Headers) -> bool:
    """Whether no page of another site sends this: browsers say where a page comes from."""
    origin = headers.get("origin")
    return origin is None or origin.partition("://")[2] == headers.get("host")


async def _stream(receive: Callable) -> AsyncIterator[bytes]:
    more = True
    while more:
        message = await receive()
        yield message.get("body", b"")
        more = message.get("more_body", False)


async def _asked(form: FormData) -> dict[str, Any]:
    """The JSON of a form. ValueError where texts and images do not go together."""
    asked: dict[str, Any] = {}
    texts, images = [], []
    for name, value in form.multi_items():
        if name == "image":
            if not isinstance(value, UploadFile):
                raise ValueError
            images.append(base64.b64encode(await value.read()).decode())
        elif isinstance(value, UploadFile):
            raise ValueError
        elif name == "text":
            texts.append(value)
        elif name == "tasks":
            asked.setdefault(name, []).append(value)
        else:
            asked[name] = value
    await form.close()
    if not images:
        return asked | ({"text": texts[0]} if len(texts) == 1 else {"texts": texts})
    if texts and len(texts) != len(images):
        raise ValueError
    items = [{"image": image, "text": text} for image, text in zip(images, texts or [""] * len(images))]
    return asked | (items[0] if len(items) == 1 else {"items": items})


def _replayed(body: bytes, receive: Callable) -> Callable:
    """A `receive` that hands out the body first."""
    left = [body]

    async def replay() -> dict:
        return {"type": "http.request", "body": left.pop(), "more_body": False} if left else await receive()

    return replay
