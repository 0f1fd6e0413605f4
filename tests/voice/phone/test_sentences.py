"""The sentences that are spoken on a phone line outside of a call."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from audio.g711 import decode_g711
from audio.samples import SPEAKING_RATE, Samples
from bot.llm.spoken_lines import PhoneSentence, load_spoken_lines
from bot.speech_server.errors import SpeechUnavailable
from bot.voice.phone.sentences import Sentences, play
from tests.timing import wait_until
from tests.voice.phone.memory_line import MemoryLine

LINES = load_spoken_lines()
LEAD_IN_SAMPLES = 3_200
"""The silence before a sentence, at 8,000 Hz: 0.4 s."""


class Voice:
    """Speaks a text as a fifth of a second of sound."""

    def __init__(self) -> None:
        self.spoken: list[str] = []
        self.there = True

    async def speak(self, text: str) -> AsyncGenerator[Samples, None]:
        if not self.there:
            raise SpeechUnavailable("the voice is away")
        self.spoken.append(text)
        yield np.full(SPEAKING_RATE // 5, 0.3, np.float32)
        await asyncio.sleep(0)

    def sentences(self, language: str | None = None) -> Sentences:
        return Sentences(self.speak, lambda sentence: LINES.sentence(sentence, language), lambda: "calm")


async def test_callers_hear_their_language() -> None:
    voice, line = Voice(), MemoryLine()
    sentences = voice.sentences("de")
    await sentences.say(line, PhoneSentence.PIN)
    await sentences.say(line, PhoneSentence.PIN)
    assert voice.spoken == ["Bitte geben Sie Ihre PIN ein."], "its sound is kept"
    assert len(line.heard) == 2 * (LEAD_IN_SAMPLES + 8_000 // 5)
    await sentences.prepare()
    assert voice.spoken[1:] == [LINES.sentence(each, "de") for each in PhoneSentence if each is not PhoneSentence.PIN]


async def test_the_first_syllable_comes_after_a_telephone_has_switched_its_earpiece_on() -> None:
    line = MemoryLine()
    await Voice().sentences().say(line, PhoneSentence.PIN)
    heard = np.abs(decode_g711(bytes(line.heard), line.law).astype(np.int32))
    assert heard[:LEAD_IN_SAMPLES].max() < 100
    assert heard[LEAD_IN_SAMPLES : LEAD_IN_SAMPLES + 400].max() > 5_000


async def test_a_sentence_is_spoken_even_if_all_of_asyncios_threads_are_busy() -> None:
    """A sentence has a thread of its own, since it lasts seconds, and asyncio has few threads."""
    released, line = threading.Event(), MemoryLine()
    with ThreadPoolExecutor(1) as pool:
        asyncio.get_running_loop().set_default_executor(pool)
        reading = asyncio.ensure_future(asyncio.to_thread(released.wait, 60))
        try:
            async with asyncio.timeout(30):
                await Voice().sentences().say(line, PhoneSentence.BUSY)
            assert not reading.done()
            assert len(line.heard) == LEAD_IN_SAMPLES + 8_000 // 5
        finally:
            released.set()
            await reading


async def test_a_sentence_that_is_cut_off_falls_silent_and_leaves_no_thread() -> None:
    before, line = set(threading.enumerate()), MemoryLine()
    saying = asyncio.create_task(play(line, np.full(60 * SPEAKING_RATE, 0.3, np.float32)))
    while not line.heard:
        await asyncio.sleep(0.01)
    saying.cancel()
    await asyncio.gather(saying, return_exceptions=True)
    heard = len(line.heard)
    await wait_until(lambda: set(threading.enumerate()) <= before)
    assert len(line.heard) == heard


async def test_a_voice_that_is_away_is_asked_once_and_tones_are_heard_in_its_place() -> None:
    voice, line = Voice(), MemoryLine()
    voice.there = False
    sentences = voice.sentences()
    await sentences.prepare()
    assert sentences.ready(PhoneSentence.BUSY) is None
    await sentences.say(line, PhoneSentence.BUSY)
    assert len(line.heard) == LEAD_IN_SAMPLES + 3 * 8_000
    voice.there = True
    await sentences.prepare()
    assert sentences.ready(PhoneSentence.BUSY) is not None
