"""A transcription server with scripted answers: normal ones, in pieces, late or missing."""

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
    """One request that the server has received."""

    fields: dict[str, str]
    rate: int
    samples: int
    authorization: str | None


Answer = Callable[[web.Request, Asked], Awaitable[web.StreamResponse]]


@dataclass(slots=True)
class ScriptedRecogniser:
    """A server that answers each request with the next answer of its script.

    Attributes:
        script: answers; the last one is used for all further requests.
        asked: requests that have arrived.
        url: base URL of the server.
    """

    script: list[Answer]
    asked: list[Asked] = field(default_factory=list)
    url: str = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        asked = await read(request)
        self.asked.append(asked)
        answer = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        return await answer(request, asked)


async def read(request: web.Request) -> Asked:
    """Read the fields and the sound of a request."""
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
    """Run a server with a script."""
    recogniser = ScriptedRecogniser(list(script))
    app = app_of("/v1/audio/transcriptions", recogniser.handle, largest=64 * 1024**2)
    async with LocalServer(app, "/v1") as server:
        recogniser.url = server.url
        yield recogniser


def answering(body: str, status: int = 200, content_type: str = "application/json", **headers: str) -> Answer:
    """An answer with this body. In the names of headers, underscores stand for dashes."""

    async def answer(_: web.Request, __: Asked) -> web.StreamResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.Response(text=body, status=status, content_type=content_type, headers=named)

    return answer


def in_pieces(*pieces: str, pause: float = 0.05, content_type: str = "application/json") -> Answer:
    """An answer in pieces, each in a packet of its own."""

    async def answer(request: web.Request, _: Asked) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": content_type})
        await response.prepare(request)
        for piece in pieces:
            await response.write(piece.encode())
            await asyncio.sleep(pause)
        return response

    return answer


def hanging_up(after: str = "") -> Answer:
    """An answer that breaks off after some text, with a closed connection."""

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
    """An answer that never comes."""

    async def answer(_: web.Request, __: Asked) -> web.StreamResponse:
        await asyncio.sleep(3600)
        return web.Response()

    return answer
