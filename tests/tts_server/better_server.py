"""Runs a speech server with an engine that speaks tones, and optionally with a second engine of better quality."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from hardware.poll import CardPoll
from tests.tts_server.api.tone_engine import ToneEngine
from tests.tts_server.client import RunningServer
from tests.tts_server.local_speech import LocalSpeech
from tts_server.engines.base import SpeechEngine
from tts_server.server import SpeechServer
from tts_server.speaking.engine_pool import EnginePool
from tts_server.voices.library import VoiceLibrary


@asynccontextmanager
async def running_server(
    folder: Path, better_engine: SpeechEngine | None, token: str | None = None
) -> AsyncIterator[RunningServer]:
    """Run the server during the block. ``folder`` is for voices, and stays empty."""
    server = SpeechServer(VoiceLibrary(folder), CardPoll(["0.9"], read=tuple), token)
    async with LocalSpeech(server.application) as http, aiohttp.ClientSession() as session:
        pool = await server.load(
            lambda: EnginePool([ToneEngine()]), lambda: EnginePool([better_engine]) if better_engine else None
        )
        yield RunningServer(server, http, session, pool)
