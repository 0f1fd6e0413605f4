"""``POST /v1/audio/speech``: the answer is as requested, and invalid requests get a clear error."""

from __future__ import annotations

import io
import wave
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import av
import numpy as np
import pytest

from tests.tts_server.api.speaking import PATH, played, post
from tests.tts_server.client import RunningServer, running
from tests.tts_server.stand_in_engines import CHUNK, CountingEngine
from tts_server.api.speech_request import FORMATS, MAX_BODY_BYTES, MAX_INPUT_CHARACTERS
from wire.messages import SAMPLE_RATE

TEXT = "Number 500 now."
SECONDS = len("Number five hundred now.") * CHUNK / SAMPLE_RATE


@pytest.fixture
async def server() -> AsyncIterator[RunningServer]:
    async with running(CountingEngine()) as server:
        yield server


@pytest.mark.parametrize(
    ("form", "rate"), [(name, rate) for name, form in FORMATS.items() for rate in form.rates if name != "pcm"]
)
async def test_every_format_is_produced_at_every_rate(server: RunningServer, form: str, rate: int) -> None:
    async with post(server, input=TEXT, response_format=form, sample_rate=rate) as answer:
        assert answer.status == 200, await answer.text()
        data = await answer.read()
    if form.startswith("g711"):
        assert len(data) / rate == pytest.approx(SECONDS, abs=0.021)
        return
    samples, played_rate = played(data)
    # Opus is always played at 48 kHz. Lossy formats add silence: at most two frames, as MP3 does at the lowest rate.
    assert played_rate == (48_000 if form == "opus" else rate)
    assert len(samples) / played_rate == pytest.approx(SECONDS, abs=0.3 if rate == 8_000 else 0.15)


async def test_pcm_is_24_khz_16_bit(server: RunningServer) -> None:
    async with post(server, input="Hello there, this is number 5.", response_format="pcm") as answer:
        assert answer.status == 200
        samples = np.frombuffer(await answer.read(), "<i2")
    spoken = sum(len(text) for text in ("Hello there,", "this is number five."))
    assert len(samples) == pytest.approx(spoken * CHUNK / 2, abs=4)


@pytest.mark.parametrize(
    ("form", "kind"),
    [("wav", "audio/wav"), ("opus", "audio/ogg"), ("flac", "audio/flac"), ("aac", "audio/aac"), (None, "audio/mpeg")],
)
async def test_the_headers_describe_the_sound(server: RunningServer, form: str | None, kind: str) -> None:
    async with post(server, input=TEXT, **({"response_format": form} if form else {})) as answer:
        assert answer.headers["Content-Type"] == kind


async def test_strict_readers_accept_a_wav_file_of_unknown_length_too(server: RunningServer) -> None:
    async with post(server, input=TEXT, response_format="wav") as answer:
        data = await answer.read()
    with wave.open(io.BytesIO(data)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (24_000, 1, 2)
        # Like OpenAI's, the file claims the greatest possible length.
        assert file.getnframes() == 0xFFFFFFFF // 2
        assert len(file.readframes(file.getnframes())) / 48_000 == pytest.approx(SECONDS, abs=0.001)


@pytest.mark.parametrize("form", [form for form in FORMATS if not form.startswith(("g711", "pcm"))])
async def test_a_text_without_words_gives_a_moment_of_silence(server: RunningServer, form: str) -> None:
    async with post(server, input="😀", response_format=form) as answer:
        assert answer.status == 200
        samples, rate = played(await answer.read())
    assert 0.2 < len(samples) / rate < 0.5
    assert np.abs(samples).max() < 0.001


@pytest.mark.parametrize(("rate", "bits"), [(8_000, 64_000), (16_000, 128_000), (24_000, 128_000), (48_000, 128_000)])
async def test_the_bit_rate_of_mp3_suits_the_sample_rate(server: RunningServer, rate: int, bits: int) -> None:
    async with post(server, input=TEXT * 5, sample_rate=rate) as answer:
        data = await answer.read()
    with av.open(io.BytesIO(data), "r") as container:
        assert container.streams.audio[0].bit_rate == bits
    samples, _ = played(data)
    assert len(data) * 8 / (len(samples) / rate) == pytest.approx(bits, rel=0.1)


@pytest.mark.parametrize(
    ("fields", "parameter"),
    [
        ({}, "input"),
        ({"input": ""}, "input"),
        ({"input": " \n"}, "input"),
        ({"input": 5}, "input"),
        ({"input": "a" * (MAX_INPUT_CHARACTERS + 1)}, "input"),
        ({"voice": "nobody"}, "voice"),
        ({"voice": 7}, "voice"),
        ({"voice": ""}, "voice"),
        ({"voice": {"id": 7}}, "voice"),
        ({"voice": "../../etc/passwd"}, "voice"),
        ({"preset": "drunk"}, "preset"),
        ({"language": 5}, "language"),
        ({"response_format": "ogg"}, "response_format"),
        ({"response_format": ["mp3"]}, "response_format"),
        ({"stream_format": "smoke"}, "stream_format"),
        ({"speed": 5}, "speed"),
        ({"speed": 0.24}, "speed"),
        ({"speed": True}, "speed"),
        ({"speed": float("nan")}, "speed"),
        ({"speed": "1"}, "speed"),
        ({"pitch_shift": 13}, "pitch_shift"),
        ({"temperature": 0}, "temperature"),
        ({"repetition_penalty": 11}, "repetition_penalty"),
        ({"top_k": 0}, "top_k"),
        ({"top_p": 1.1}, "top_p"),
        ({"gpt_cond_len": 2}, "gpt_cond_len"),
        ({"preprocess_text": 1}, "preprocess_text"),
        ({"sample_rate": 11_025}, "sample_rate"),
        ({"sample_rate": "8000"}, "sample_rate"),
        ({"sample_rate": True}, "sample_rate"),
        ({"sample_rate": [8000]}, "sample_rate"),
        ({"response_format": "opus", "sample_rate": 44_100}, "sample_rate"),
        ({"response_format": "g711_ulaw", "sample_rate": 24_000}, "sample_rate"),
    ],
)
async def test_bad_requests_name_the_parameter(server: RunningServer, fields: dict[str, Any], parameter: str) -> None:
    body = fields if parameter == "input" else {"input": "a", **fields}
    async with post(server, **body) as answer:
        assert answer.status == 400
        error = (await answer.json())["error"]
    assert error["type"] == "invalid_request_error"
    assert error["param"] == parameter
    assert error["message"]


async def test_null_means_the_same_as_a_missing_field(server: RunningServer) -> None:
    fields = dict.fromkeys(["voice", "speed", "response_format", "stream_format", "sample_rate", "preset", "top_k"])
    async with post(server, input="Hello.", **fields) as answer:
        assert answer.status == 200


async def test_a_misspelt_field_is_not_called_an_empty_text(server: RunningServer) -> None:
    async with server.session.post(server.url(PATH), json={"inptu": "Hello."}) as answer:
        assert answer.status == 400
        assert (await answer.json())["error"]["message"] == "the field input is missing: it is the text to speak"


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff\xfe", b"[" * 50_000, b'{"input": "\\ud800"'])
async def test_a_body_that_is_not_an_object_is_refused(server: RunningServer, body: bytes) -> None:
    async with server.session.post(server.url(PATH), data=body) as answer:
        assert answer.status == 400
        assert (await answer.json())["error"]["message"]


async def test_the_error_names_the_place_where_the_body_stops_being_json(server: RunningServer) -> None:
    body = b'{\n  "input": Hello\n}'
    async with server.session.post(server.url(PATH), data=body) as answer:
        assert (await answer.json())["error"]["message"] == "the body is not JSON: see line 2, column 12"


async def test_half_of_a_surrogate_pair_does_no_harm(server: RunningServer) -> None:
    body = b'{"input": "a \\ud83d b", "voice": "alloy"}'
    async with server.session.post(server.url(PATH), data=body) as answer:
        assert answer.status == 200


async def test_a_body_that_is_too_large_is_refused(server: RunningServer) -> None:
    body = b'{"input": "' + b"a" * (100 * MAX_BODY_BYTES) + b'"}'
    try:
        async with server.session.post(server.url(PATH), data=body) as answer:
            assert answer.status == 413
            assert (await answer.json())["error"]["code"] == "too_large"
    except aiohttp.ClientOSError:
        # The server had answered before all of it was sent, and hung up.
        pass
    async with post(server, input="Hello.") as answer:
        assert answer.status == 200
