"""Files that the server holds, for a download or from an upload, are for the person they belong to, where people log in.

Streamlit gives a file held for a download to whoever knows its link, logged in or not, for as long as the session lives that it was
made in; an upload it takes from whoever knows the session's id. Here the cookie of the login says who asks, and a file is given to
none but those it was made for: those whose sessions show it, or who asked for the download.
"""

from __future__ import annotations

import json
from contextlib import closing
from typing import Any

from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from streamlit import config, runtime
from streamlit.web.server.starlette import starlette_websocket
from streamlit.web.server.starlette.starlette_server_config import USER_COOKIE_NAME

from core import database, people
from core.errors import InputError
from core.ui import access

MEDIA, UPLOAD, METRICS = "/media/", "/_stcore/upload_file/", "/_stcore/metrics"
REFUSED = "This file is not yours, or you are not logged in any more: open the page again.\n"


class OwnFiles:
    """ASGI middleware: 403 for a file of somebody else, and for whoever is not logged in. Alone it lets everything pass."""

    def __init__(self, app: ASGIApp):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and access.together() and scope["method"] != "OPTIONS":
            path = scope["path"].removeprefix("/" + (config.get_option("server.baseUrlPath") or "").strip("/"))
            path = path if path.startswith("/") else f"/{path}"
            if path.startswith((MEDIA, UPLOAD, METRICS)) and not _ones_own(path, HTTPConnection(scope).cookies):
                await PlainTextResponse(REFUSED, status_code=403)(scope, receive, send)
                return
        await self.app(scope, receive, send)


def _ones_own(path: str, cookies: dict[str, str]) -> bool:
    who = _address(cookies)
    if who is None:
        return False
    if path.startswith(UPLOAD):
        return who in _people_of({path.removeprefix(UPLOAD).partition("/")[0]})
    if path.startswith(METRICS):
        return True
    file_id = path.removeprefix(MEDIA).partition(".")[0]
    shown = runtime.get_instance().media_file_mgr._files_by_session_and_coord
    sessions = {session for session, files in list(shown.items()) if file_id in list(files.values())}
    return who in access.given_to(file_id) | _people_of(sessions)


def _address(cookies: dict[str, str]) -> str | None:
    """Who asks, by the signed cookie of the login; None for nobody, or whom nobody lets in any more."""
    signed = starlette_websocket._get_signed_cookie_with_chunks(cookies, USER_COOKIE_NAME)
    try:
        who = access.address_in(json.loads(signed)) if signed else ""
    except (InputError, ValueError):
        return None
    with closing(database.connect()) as db:
        return who if who and people.find(db, who) else None


def _people_of(sessions: set[str]) -> set[str]:
    """The addresses logged in to these sessions."""
    every: list[Any] = runtime.get_instance()._session_mgr.list_sessions()
    found = set()
    for info in every:
        if info.session.id in sessions:
            try:
                found.add(access.address_in(info.session._user_info))
            except InputError:
                continue
    return found - {""}
