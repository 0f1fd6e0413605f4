"""A stand-in for a transcriber: an OpenAI-style server that takes a fixed time and hears what it was told to hear."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from aiohttp import web


@dataclass(frozen=True, slots=True)
class Transcription:
    """One request; monotonic seconds."""

    requested: float
    answered: float


class StandInTranscriber:
    """Answers every request with the same text; an async context manager.

    Args:
        text: what was said, whatever the sound.
        seconds: from the request to the answer.
    """

    def __init__(self, text: str, *, seconds: float) -> None:
        self.times: list[Transcription] = []
        self.url = ""
        self._text = text
        self._seconds = seconds
        app = web.Application(client_max_size=16 * 1024**2)
        app.router.add_post("/v1/audio/transcriptions", self._answer)
        app.router.add_get("/v1/models", self._models)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}/v1"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._runner.cleanup()

    async def _models(self, _: web.Request) -> web.Response:
        return web.json_response({"data": [{"id": "stand-in"}]})

    async def _answer(self, request: web.Request) -> web.Response:
        requested = time.monotonic()
        await request.read()
        await asyncio.sleep(requested + self._seconds - time.monotonic())
        self.times.append(Transcription(requested, time.monotonic()))
        return web.json_response({"text": self._text, "language": "english"})
