"""Which host names the dashboard answers to: those of server.allowedHosts, for every request.

Streamlit looks at them where a connection that drives the app is opened, and answers everything else under any name: the pages'
code, uploads, files held for a download. A web page whose own name is pointed at this machine (DNS rebinding) would read and
write those as if they were its own.
"""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from streamlit.web.server.starlette.starlette_websocket import is_host_allowed

REFUSED = (
    "Understudy does not answer under this name. Open it as http://127.0.0.1 with its port, or list the name in"
    " UNDERSTUDY_HOSTS before the program starts.\n"
)


class AllowedHosts:
    """ASGI middleware: 403 for what asks for another host, or names none or several. WebSockets are Streamlit's own to refuse."""

    def __init__(self, app: ASGIApp):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            named = Headers(scope=scope).getlist("host")
            if len(named) != 1 or not is_host_allowed(named[0]):
                await PlainTextResponse(REFUSED, status_code=403)(scope, receive, send)
                return
        await self.app(scope, receive, send)
