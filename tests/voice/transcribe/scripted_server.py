"""A transcription server that answers as a test says: well, in pieces, late, or not at all."""

from __future__ import annotations

import asyncio
import io
import wave
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

from tests.http_server import LocalServer, app_of


@dataclass(frozen=True, slots=True)
class Asked:
    """One request, as it came."""

    fields: dict[str, str]
    rate: int
    samples: int
    authorization: str | None


Answer = Callable[[web.Request, Asked], Awaitable[web.StreamResponse]]


@dataclass(slots=True)
class ScriptedRecogniser:
    """Answers each request with the next of ``script``, the last one for ever; ``asked`` is what came."""

    script: list[Answer]
    asked: list[Asked] = field(default_factory=list)
    url: str = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        asked = await read(request)
        self.asked.append(asked)
        answer = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        return await answer(request, asked)


async def read(request: web.Request) -> Asked:
    """Take a request apart."""
    form = await request.post()
    file = form["file"]
    assert isinstance(file, web.FileField)
    with wave.open(io.BytesIO(file.file.read())) as sound:
        rate, samples = sound.getframerate(), sound.getnframes()
    fields = {name: value for name, value in form.items() if isinstance(value, str)}
    return Asked(fields, rate, samples, request.headers.get("Authorization"))


@asynccontextmanager
async def serving(
    *script: Callable[[web.Request, Asked], Awaitable[web.StreamResponse]],
) -> AsyncIterator[ScriptedRecogniser]:
    """Serve a script on a port of its own."""
    recogniser = ScriptedRecogniser(list(script))
    app = app_of("/v1/audio/transcriptions", recogniser.handle, largest=64 * 1024**2)
    async with LocalServer(app, "/v1") as server:
        recogniser.url = server.url
        yield recogniser


def answering(body: str, status: int = 200, content_type: str = "application/json", **headers: str) -> Answer:
    """Answer with this; a header's name has underscores for its dashes."""

    async def answer(_: web.Request, __: Asked) -> web.StreamResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.Response(text=body, status=status, content_type=content_type, headers=named)

    return answer


def in_pieces(*pieces: str, pause: float = 0.05, content_type: str = "application/json") -> Answer:
    """Answer piece by piece, each in a packet of its own."""

    async def answer(request: web.Request, _: Asked) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": content_type})
        await response.prepare(request)
        for piece in pieces:
            await response.write(piece.encode())
            await asyncio.sleep(pause)
        return response

    return answer


def hanging_up(after: str = "") -> Answer:
    """Begin to answer, and hang up."""

    async def answer(request: web.Request, _: Asked) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": "100"})
        if after:
            await response.prepare(request)
            await response.write(after.encode())
        if request.transport is not None:
            request.transport.close()
        return response

    return answer


def silent() -> Answer:
    """Take the request and say nothing."""

    async def answer(_: web.Request, __: Asked) -> web.StreamResponse:
        await asyncio.sleep(3600)
        return web.Response()

    return answer
