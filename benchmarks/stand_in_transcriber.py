"""A stand-in for a transcriber: an OpenAI-style server with a fixed delay and a fixed transcript."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from aiohttp import web

from benchmarks.stand_in_server import StandInServer


@dataclass(frozen=True, slots=True)
class Transcription:
    """The times of one request, in monotonic seconds."""

    requested: float
    answered: float


class StandInTranscriber(StandInServer):
    """Answers every request with the same text. Use it as an async context manager.

    Args:
        text: the transcript of every sound.
        seconds: the time from a request to its answer.
    """

    def __init__(self, text: str, *, seconds: float) -> None:
        super().__init__("/audio/transcriptions", self._answer)
        self.times: list[Transcription] = []
        self._text = text
        self._seconds = seconds

    async def _answer(self, request: web.Request) -> web.Response:
        requested = time.monotonic()
        await request.read()
        await asyncio.sleep(requested + self._seconds - time.monotonic())
        self.times.append(Transcription(requested, time.monotonic()))
        return web.json_response({"text": self._text, "language": "english"})
