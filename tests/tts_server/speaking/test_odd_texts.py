"""Texts that take long to say for their length, and texts that can't be said: others wait only for a short portion."""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import closing

import pytest

from audio.espeak import load_espeak
from audio.pcm import from_pcm16
from audio.samples import Samples
from tests.tts_server.api.speaking import post
from tests.tts_server.client import Heard, running
from tests.tts_server.stand_in_engines import FailingEngine
from tts_server.engines import espeak
from tts_server.engines.base import Voice
from tts_server.engines.realtime_tts.engine import RealtimeTtsEngine
from wire.messages import SAMPLE_RATE
from wire.parameters import SpeechParameters

MAX_PORTION_SECONDS = 45
MAX_SPELLED_OUT_SECONDS = 12
PCM_BYTES_PER_SECOND = 2 * 24_000
SAYABLE = "The first sentence is number 1. "
LAST = "The last sentence is number 3."
UNSAYABLE = {"no sound": "Here is nothing 2. ", "no end": "Here is an endless 2. "}


class TimedEspeak(RealtimeTtsEngine):
    """espeak-ng; it keeps the seconds of sound of each portion."""

    def __init__(self) -> None:
        super().__init__(espeak.EspeakEngine(load_espeak()), "en-us", espeak.TRAITS)
        self.portions: list[float] = []

    def synthesize(
        self, text: str, voice: Voice, parameters: SpeechParameters, stop: threading.Event
    ) -> Generator[Samples, None, None]:
        samples = 0
        try:
            for chunk in super().synthesize(text, voice, parameters, stop):
                samples += len(chunk)
                yield chunk
        finally:
            self.portions.append(samples / self.sample_rate)


async def test_spelt_letters_are_spoken_in_short_portions() -> None:
    text = "𓀀𓂀 ᚠᚢᚦ ꙮ " * 10
    with closing(TimedEspeak()) as engine:
        async with running(engine) as server, server.connect() as client:
            await client.say(text, "r1", preprocess_text=False)
            heard = await client.hear()
        assert heard.failure is None
        assert heard.text == text
        assert max(engine.portions) <= MAX_SPELLED_OUT_SECONDS
        assert sum(engine.portions) > MAX_PORTION_SECONDS


async def test_a_file_of_digits_is_spoken_to_the_end() -> None:
    with closing(TimedEspeak()) as engine:
        async with (
            running(engine) as server,
            post(server, input="9" * 400, voice="en-us", response_format="pcm") as answer,
        ):
            assert len(await answer.read()) > 2 * MAX_PORTION_SECONDS * PCM_BYTES_PER_SECOND
        assert max(engine.portions) <= MAX_PORTION_SECONDS


@pytest.mark.parametrize("name", UNSAYABLE)
async def test_a_clause_that_cannot_be_spoken_is_skipped(name: str) -> None:
    heard = await said(SAYABLE + UNSAYABLE[name] + UNSAYABLE[name] + LAST)
    assert heard.failure is None
    assert heard.flushed is not None
    assert values(heard.samples)[-1] == 0.003


@pytest.mark.parametrize("name", UNSAYABLE)
async def test_a_file_goes_on_after_a_clause_that_cannot_be_spoken(name: str) -> None:
    text = SAYABLE + UNSAYABLE[name] + LAST
    async with (
        running(FailingEngine()) as server,
        post(server, input=text, response_format="pcm", sample_rate=SAMPLE_RATE, preprocess_text=False) as answer,
    ):
        assert answer.status == 200
        sound = from_pcm16(await answer.read())
    assert list(dict.fromkeys(values(sound))) == [0.001, 0.003]


@pytest.mark.parametrize("name", UNSAYABLE)
async def test_a_reply_fails_if_no_part_of_it_can_be_spoken(name: str) -> None:
    heard = await said(UNSAYABLE[name] * 2)
    assert heard.failure is not None
    assert heard.failure.code == "engine_failed"


async def said(text: str) -> Heard:
    async with running(FailingEngine()) as server, server.connect() as client:
        await client.say(text, "r1", preprocess_text=False)
        return await client.hear()


def values(sound: Samples) -> list[float]:
    """The samples that are not silent, rounded."""
    return [round(float(value), 3) for value in sound[sound != 0]]
