"""A stand-in for a transcriber: an OpenAI-style server that takes a fixed time and hears what it was told to hear."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from aiohttp import web

from benchmarks.stand_in_server import StandInServer


@dataclass(frozen=True, slots=True)
class Transcription:
    """One request; monotonic seconds."""

    requested: float
    answered: float


class StandInTranscriber(StandInServer):
    """Answers every request with the same text; an async context manager.

    Args:
        text: what was said, whatever the sound.
        seconds: from the request to the answer.
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
