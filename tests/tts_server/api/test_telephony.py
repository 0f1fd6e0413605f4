"""Telephone formats: complete frames of 20 ms with audible speech."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from typing import Literal

import numpy as np
import pytest

from audio.telephony import TELEPHONE_RATE, G711Encoder
from tests.tts_server.api.speaking import post
from tests.tts_server.api.tone_engine import SECONDS_PER_CHARACTER, TONE_HZ, ToneEngine
from tests.tts_server.client import RunningServer, running
from tests.tts_server.dsp.measures import frequency

TEXT = "Your call is important."
_FRAMES = {"pcm": 320, "g711_alaw": 160, "g711_ulaw": 160}


@pytest.fixture
async def server() -> AsyncIterator[RunningServer]:
    async with running(ToneEngine()) as server:
        yield server


@pytest.mark.parametrize("form", ["pcm", "g711_alaw", "g711_ulaw"])
async def test_every_message_contains_whole_frames(server: RunningServer, form: str) -> None:
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
async def test_g711_sound_has_the_spoken_tone(server: RunningServer, form: str, kind: str) -> None:
    async with post(server, input=TEXT, response_format=form) as answer:
        assert answer.headers["Content-Type"] == kind
        data = await answer.read()
    levels = _levels("alaw" if form == "g711_alaw" else "ulaw")
    assert frequency(levels[np.frombuffer(data, np.uint8)], TELEPHONE_RATE) == pytest.approx(TONE_HZ, rel=0.02)


def _levels(law: Literal["alaw", "ulaw"]) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    """The sample value of each byte: the middle of the range that is encoded as this byte."""
    encoder = G711Encoder(law)
    samples = (np.arange(-32640, 32640, 4) / 32767).astype(np.float32)
    codes = encoder.encode(samples)
    levels = np.zeros(256, np.float32)
    for code, pairs in itertools.groupby(zip(codes, samples, strict=True), key=lambda pair: pair[0]):
        levels[code] = np.mean([sample for _, sample in pairs])
    return levels
