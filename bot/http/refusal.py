"""Refuses requests. A WebSocket is accepted first, because a page in a browser can't see the status of an upgrade."""

from __future__ import annotations

import asyncio

from aiohttp import WSCloseCode, hdrs, web

from bot.http.errors import HttpError
from web_access.socket_messages import read_in_small_pieces

MAX_AT_ONCE = 16
"""Largest number of WebSockets that are being refused at once. Further ones are refused with an HTTP status."""
CLOSE_LIMIT = 1.0
"""Seconds that a refused client has to close its side."""


def wants_websocket(request: web.Request) -> bool:
    """Whether the request asks for a WebSocket."""
    return request.headers.get(hdrs.UPGRADE, "").lower() == "websocket"


class Refusals:
    """Refuses requests that may not use the server."""

    def __init__(self) -> None:
        self._closing = 0

    async def refuse(self, request: web.Request, error: HttpError) -> web.StreamResponse:
        """Answer with the error.

        A WebSocket gets ``{"type": "error", "code", "message"}`` and is closed with code 1008 (policy violation). The
        message has the code and the text once more in ``error``, for clients of ``/v1/realtime``.
        """
        socket = web.WebSocketResponse(timeout=CLOSE_LIMIT, max_msg_size=1024, compress=False)
        if not wants_websocket(request) or self._closing >= MAX_AT_ONCE or not socket.can_prepare(request).ok:
            return error.response()
        self._closing += 1
        try:
            async with asyncio.timeout(2 * CLOSE_LIMIT):
                await socket.prepare(request)
                read_in_small_pieces(request.transport)
                await socket.send_json({"type": "error", **error.fields, "error": error.fields})
                await socket.close(code=WSCloseCode.POLICY_VIOLATION, message=error.code.encode())
        except TimeoutError:
            if request.transport is not None:
                request.transport.abort()
        finally:
            self._closing -= 1
        return socket
