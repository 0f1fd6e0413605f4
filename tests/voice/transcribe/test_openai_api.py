"""The client of a transcription server, against a real HTTP server that answers well and badly."""

from __future__ import annotations

import io
import wave
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp
import numpy as np
import pytest
from aiohttp import web

from bot.voice.transcribe.corrections import Corrections
from bot.voice.transcribe.openai_api import OpenAITranscriber, TranscriptionServer
from bot.voice.transcribe.transcriber import TranscriptionError, TranscriptionRequest, Urgency

SOUND = (0.5 * np.sin(np.arange(16_000) / 20)).astype(np.float32)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def serving(handler: Handler, *, key: str | None = None) -> AsyncIterator[OpenAITranscriber]:
    app = web.Application()
    app.router.add_post("/v1/audio/transcriptions", handler)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    async with aiohttp.ClientSession() as http:
        server = TranscriptionServer(url, "whisper-large", key, "en")
        transcriber = OpenAITranscriber(server, http, Corrections({"say you": "Seiyuu"}))
        yield transcriber
        await transcriber.close()
    await runner.cleanup()


def request(urgency: Urgency = Urgency.FINAL) -> TranscriptionRequest:
    return TranscriptionRequest(SOUND, urgency, ("Seiyuu", "Ada"))


async def test_the_sound_and_the_hot_words_arrive_and_the_text_is_corrected() -> None:
    seen: dict[str, object] = {}

    async def answer(call: web.Request) -> web.Response:
        form = await call.post()
        seen.update({name: value for name, value in form.items() if isinstance(value, str)})
        file = form["file"]
        assert isinstance(file, web.FileField)
        with wave.open(io.BytesIO(file.file.read())) as sound:
            seen["rate"], seen["samples"] = sound.getframerate(), sound.getnframes()
        seen["key"] = call.headers.get("Authorization")
        return web.json_response({"text": " say you,\n hello ", "language": "english"})

    async with serving(answer, key="secret") as transcriber:
        transcript = await transcriber.transcribe(request())
    assert transcript.text == "Seiyuu, hello"
    assert seen == {
        "model": "whisper-large",
        "response_format": "json",
        "language": "en",
        "prompt": "Seiyuu, Ada",
        "rate": 16_000,
        "samples": 16_000,
        "key": "Bearer secret",
    }


@pytest.mark.parametrize(
    ("status", "body", "says"),
    [
        (401, "{}", "STT_API_KEY"),
        (404, "{}", "STT_URL"),
        (429, "{}", "too much"),
        (500, "{}", "500"),
        (200, "not json", "does not answer"),
        (200, "[]", "does not answer"),
        (200, '{"text": 7}', "does not answer"),
    ],
)
async def test_a_server_that_fails_is_told_in_words_that_help(status: int, body: str, says: str) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=status, text=body)

    async with serving(answer) as transcriber:
        with pytest.raises(TranscriptionError, match=says):
            await transcriber.transcribe(request())


async def test_a_server_that_is_not_there_is_named() -> None:
    async with aiohttp.ClientSession() as http:
        transcriber = OpenAITranscriber(TranscriptionServer("http://127.0.0.1:9/v1"), http, Corrections())
        with pytest.raises(TranscriptionError, match=r"127\.0\.0\.1:9"):
            await transcriber.warm_up()
        await transcriber.close()
