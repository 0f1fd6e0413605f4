"""What a telephone exchange gets: G.711 as the standard has it, in whole frames of 20 ms."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from typing import Literal

import numpy as np
import pytest

from tests.tts_server.api.speaking import post
from tests.tts_server.api.tone_engine import SECONDS_PER_CHARACTER, TONE_HZ, ToneEngine
from tests.tts_server.client import RunningServer, running
from tests.tts_server.dsp.measures import frequency
from tts_server.api.encoders import Encoder
from tts_server.api.telephony import FRAME_SAMPLES, TELEPHONE_RATE, G711Encoder, TelephonePcmEncoder

TEXT = "Your call is important."
_FRAMES = {"pcm": 320, "g711_alaw": 160, "g711_ulaw": 160}
# 16-bit samples, and what ITU-T G.711 makes of them by A-law and by mu-law.
_TABLE = {
    0: (0xD5, 0xFF),
    8: (0xD5, 0xFE),
    -8: (0x55, 0x7E),
    100: (0xD3, 0xF2),
    -100: (0x53, 0x72),
    1000: (0xFA, 0xCE),
    -1000: (0x7A, 0x4E),
    5000: (0x86, 0xAB),
    -5000: (0x06, 0x2B),
    12345: (0xBD, 0x97),
    -12345: (0x3D, 0x17),
    32767: (0xAA, 0x80),
    -32767: (0x2A, 0x00),
}


@pytest.fixture
async def server() -> AsyncIterator[RunningServer]:
    async with running(ToneEngine()) as server:
        yield server


@pytest.mark.parametrize(("law", "column"), [("alaw", 0), ("ulaw", 1)])
def test_g711_is_that_of_the_standard(law: Literal["alaw", "ulaw"], column: int) -> None:
    encoder = G711Encoder(law)
    samples = np.array(list(_TABLE), np.float32) / np.float32(32767)
    encoded = encoder.encode(samples) + encoder.finish()
    assert list(encoded[: len(_TABLE)]) == [entry[column] for entry in _TABLE.values()]
    silence = _TABLE[0][column]
    assert encoded[len(_TABLE) :] == bytes([silence]) * (FRAME_SAMPLES - len(_TABLE))


@pytest.mark.parametrize(
    ("encoder", "size"), [(TelephonePcmEncoder(), 320), (G711Encoder("alaw"), 160), (G711Encoder("ulaw"), 160)]
)
def test_only_whole_frames_come_out(encoder: Encoder, size: int) -> None:
    given = 0
    out = b""
    for samples in (1, 159, 160, 161, 7, 1000, 0, 33):
        part = encoder.encode(np.full(samples, 0.5, np.float32))
        given += samples
        out += part
        assert len(part) % size == 0
        assert len(out) == given // FRAME_SAMPLES * size
    assert len(out + encoder.finish()) == -(-given // FRAME_SAMPLES) * size
    assert encoder.finish() == b""


@pytest.mark.parametrize("form", ["pcm", "g711_alaw", "g711_ulaw"])
async def test_every_message_is_whole_frames(server: RunningServer, form: str) -> None:
    chunks: list[bytes] = []
    async with post(server, input=TEXT, response_format=form, sample_rate=8000) as answer:
        assert answer.status == 200
        parts: list[bytes] = []
        async for data, is_end in answer.content.iter_chunks():
            parts.append(data)
            if is_end:
                chunks.append(b"".join(parts))
                parts.clear()
    assert len(chunks) > 3
    assert all(len(chunk) % _FRAMES[form] == 0 for chunk in chunks)
    frames = sum(map(len, chunks)) // _FRAMES[form]
    assert frames * 0.02 == pytest.approx(len(TEXT) * SECONDS_PER_CHARACTER, abs=0.021)


@pytest.mark.parametrize(("form", "kind"), [("g711_alaw", "audio/PCMA"), ("g711_ulaw", "audio/PCMU")])
async def test_g711_is_heard(server: RunningServer, form: str, kind: str) -> None:
    async with post(server, input=TEXT, response_format=form) as answer:
        assert answer.headers["Content-Type"] == kind
        data = await answer.read()
    levels = _levels("alaw" if form == "g711_alaw" else "ulaw")
    assert frequency(levels[np.frombuffer(data, np.uint8)], TELEPHONE_RATE) == pytest.approx(TONE_HZ, rel=0.02)


def _levels(law: Literal["alaw", "ulaw"]) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    """What each byte stands for: the middle of the samples that become it."""
    encoder = G711Encoder(law)
    samples = (np.arange(-32640, 32640, 4) / 32767).astype(np.float32)
    codes = encoder.encode(samples)
    levels = np.zeros(256, np.float32)
    for code, pairs in itertools.groupby(zip(codes, samples, strict=True), key=lambda pair: pair[0]):
        levels[code] = np.mean([sample for _, sample in pairs])
    return levels
