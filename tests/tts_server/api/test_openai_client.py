"""OpenAI's own Python client works with this server."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import openai
import pytest
from openai import AsyncOpenAI

from tests.tts_server.api.speaking import played
from tests.tts_server.api.tone_engine import SECONDS_PER_CHARACTER, TONE_HZ, ToneEngine
from tests.tts_server.client import RunningServer, running
from tests.tts_server.dsp.measures import frequency
from tts_server.speaking.reply_slots import OverloadedError
from wire.parameters import SpeechParameters

TEXT = "Hello there, this is a somewhat longer line."
SECONDS = len("Hello there,this is a somewhat longer line.") * SECONDS_PER_CHARACTER


@pytest.fixture
async def server() -> AsyncIterator[RunningServer]:
    async with running(ToneEngine()) as server:
        yield server


@pytest.fixture
async def client(server: RunningServer) -> AsyncIterator[AsyncOpenAI]:
    async with _client(server) as client:
        yield client


def _client(server: RunningServer, key: str = "any") -> AsyncOpenAI:
    return AsyncOpenAI(base_url=server.url("/v1"), api_key=key, max_retries=0)


def _asked(server: RunningServer) -> list[tuple[str, str, Any]]:
    (engine,) = server.pool.engines
    assert isinstance(engine, ToneEngine)
    return engine.asked


@pytest.mark.parametrize("form", ["mp3", "wav", "opus", "aac", "flac"])
async def test_a_stream_can_be_played(client: AsyncOpenAI, form: Any) -> None:
    parts: list[bytes] = []
    async with client.audio.speech.with_streaming_response.create(
        model="tts-1", voice="alloy", input=TEXT, response_format=form
    ) as answer:
        async for part in answer.iter_bytes():
            parts.append(part)  # noqa: PERF401  # as in OpenAI's examples
    samples, rate = played(b"".join(parts))
    assert len(samples) / rate == pytest.approx(SECONDS, abs=0.15)
    assert frequency(samples, rate) == pytest.approx(TONE_HZ, rel=0.02)


async def test_a_file_is_written(client: AsyncOpenAI, tmp_path: Path) -> None:
    file = tmp_path / "speech.mp3"
    async with client.audio.speech.with_streaming_response.create(model="tts-1", voice="coral", input=TEXT) as answer:
        await answer.stream_to_file(file)
    samples, rate = played(file.read_bytes())
    assert len(samples) / rate == pytest.approx(SECONDS, abs=0.15)


async def test_the_simplest_call_works(client: AsyncOpenAI) -> None:
    answer = await client.audio.speech.create(model="gpt-4o-mini-tts", voice="alloy", input=TEXT, response_format="pcm")
    assert len(np.frombuffer(answer.content, "<i2")) / 24_000 == pytest.approx(SECONDS, abs=0.01)


@pytest.mark.parametrize(
    ("voice", "spoken_by"), [("alloy", "tone"), ("nova", "nova"), ("tone", "tone"), ({"id": "nova"}, "nova")]
)
async def test_own_voices_and_the_voices_of_openai_are_accepted(
    client: AsyncOpenAI, server: RunningServer, voice: Any, spoken_by: str
) -> None:
    await client.audio.speech.create(model="tts-1", voice=voice, input="Hello.")
    assert [name for _, name, _ in _asked(server)][-1] == spoken_by


@pytest.mark.parametrize("speed", [0.25, 0.5, 1.0, 1.7, 2.0, 4.0])
async def test_the_requested_speed_is_used(client: AsyncOpenAI, speed: float) -> None:
    answer = await client.audio.speech.create(
        model="tts-1", voice="alloy", input=TEXT, response_format="wav", speed=speed
    )
    samples, rate = played(answer.content)
    assert len(samples) / rate == pytest.approx(SECONDS / speed, rel=0.02)
    assert frequency(samples, rate) == pytest.approx(TONE_HZ, rel=0.02)


async def test_further_parameters_go_into_the_extra_body(client: AsyncOpenAI, server: RunningServer) -> None:
    extra = {
        "language": "en",
        "temperature": 0.4,
        "repetition_penalty": 5,
        "top_k": 20,
        "top_p": 0.7,
        "pitch_shift": -3,
        "gpt_cond_len": 12,
        "preprocess_text": False,
        "sample_rate": 48_000,
    }
    answer = await client.audio.speech.create(
        model="tts-1", voice="alloy", input="Number 5", response_format="wav", extra_body=extra
    )
    assert played(answer.content)[1] == 48_000
    text, _, parameters = _asked(server)[-1]
    assert text == "Number 5"
    for name in extra.keys() - {"sample_rate"}:
        assert getattr(parameters, name) == extra[name], name


async def test_the_events_contain_the_whole_file(client: AsyncOpenAI) -> None:
    events: list[Any] = []
    stream = await client.post(
        "/audio/speech",
        body={"input": TEXT, "voice": "alloy", "response_format": "wav", "stream_format": "sse"},
        cast_to=object,
        stream=True,
        stream_cls=openai.AsyncStream[Any],
    )
    async for event in stream:
        events.append(event)  # noqa: PERF401
    *deltas, done = events
    assert len(deltas) > 3
    assert {event["type"] for event in deltas} == {"speech.audio.delta"}
    assert done["type"] == "speech.audio.done"
    samples, rate = played(b"".join(base64.b64decode(event["audio"]) for event in deltas))
    assert len(samples) / rate == pytest.approx(SECONDS, abs=0.01)


async def test_the_models_can_be_listed_and_found(client: AsyncOpenAI) -> None:
    names = [model.id async for model in client.models.list()]
    assert names[0] == "tone"
    assert {"tts-1", "gpt-4o-mini-tts"} <= set(names)
    assert (await client.models.retrieve("tone")).id == "tone"
    with pytest.raises(openai.NotFoundError):
        await client.models.retrieve("whisper-1")


async def test_errors_become_the_exceptions_of_the_client(client: AsyncOpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        await client.audio.speech.create(model="tts-1", voice="nobody", input=TEXT)
    assert (refused.value.param, refused.value.code) == ("voice", "unknown_voice")
    assert "nobody" in refused.value.message


async def test_the_token_is_accepted_as_api_key() -> None:
    async with running(ToneEngine(), token="correct horse") as server:
        async with _client(server, "correct horse") as client:
            assert await client.models.list()
        async with _client(server, "wrong") as client:
            with pytest.raises(openai.AuthenticationError):
                await client.models.list()


async def test_the_client_repeats_the_request_when_there_is_room() -> None:
    async with running(ToneEngine()) as server:
        statuses: list[int] = []
        crowd = _crowd(server)

        async def watch(response: httpx2.Response) -> None:
            statuses.append(response.status_code)
            if response.status_code == 429:
                assert int(response.headers["Retry-After"]) >= 1
                crowd.close()

        http = httpx2.AsyncClient(event_hooks={"response": [watch]})
        address = server.url("/v1")
        async with AsyncOpenAI(base_url=address, api_key="any", http_client=http, max_retries=1) as client:
            answer = await client.audio.speech.create(model="tts-1", voice="alloy", input="Hello.")
        assert statuses == [429, 200]
        assert answer.content


def _crowd(server: RunningServer) -> ExitStack:
    """Takes every place for a reply."""
    crowd = ExitStack()
    with suppress(OverloadedError):
        while True:
            crowd.enter_context(server.pool.reply(SpeechParameters()))
    return crowd
