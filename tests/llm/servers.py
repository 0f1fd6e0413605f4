"""Scripted model servers: real HTTP on the loopback interface."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from tests.http_server import Handler, LocalServer, app_of

DONE = b"data: [DONE]\n\n"


def event(fields: object) -> bytes:
    # A lone surrogate, which is half a character, becomes a JSON escape.
    return f"data: {json.dumps(fields, ensure_ascii=False)}\n\n".encode(errors="backslashreplace")


def delta_event(finish: str | None = None, **fields: object) -> bytes:
    """An event with these fields of a delta. With ``finish`` it ends the answer."""
    return event({"choices": [{"index": 0, "delta": fields, "finish_reason": finish}]})


def said(text: str, finish: str | None = None) -> bytes:
    return delta_event(finish, content=text)


FINISHED = delta_event("stop")


@asynccontextmanager
async def serving(handler: Handler, *, llama_paths: bool = False) -> AsyncIterator[str]:
    """Serve ``handler``; yields the base URL. A handler whose client hangs up is cancelled.

    Without ``llama_paths``, the paths that only llama.cpp's server has are not found.
    """

    async def handle(request: web.Request) -> web.StreamResponse:
        if not llama_paths and request.path in ("/props", "/apply-template"):
            return web.Response(status=404)
        return await handler(request)

    async with LocalServer(app_of("/{path:.*}", handle, method="*"), "/v1", cancels=True, shutdown_timeout=1) as server:
        yield server.url


def streaming(*parts: bytes) -> Handler:
    """A server that sends each of ``parts`` in a separate write, and then completes its response."""

    async def handler(request: web.Request) -> web.StreamResponse:
        response = await begin_stream(request)
        for part in parts:
            await response.write(part)
        await response.write_eof()
        return response

    return handler


class Recorded:
    """A series of servers: each request is answered by the next one, and the last one answers all further requests.

    Attributes:
        bodies: the bodies of the requests.
    """

    def __init__(self, *handlers: Handler) -> None:
        self.bodies: list[dict[str, Any]] = []
        self._handlers = list(handlers)

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        self.bodies.append(await request.json())
        handler = self._handlers.pop(0) if len(self._handlers) > 1 else self._handlers[0]
        return await handler(request)


def answering(
    status: int, body: str, content_type: str = "application/json", headers: dict[str, str] | None = None
) -> Handler:
    """A server that answers all requests with the same response."""

    async def handler(request: web.Request) -> web.StreamResponse:
        return web.Response(status=status, text=body, content_type=content_type, headers=headers)

    return handler


async def begin_stream(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    return response


async def for_ever() -> None:
    await asyncio.get_running_loop().create_future()
