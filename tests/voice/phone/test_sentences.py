"""The sentences that are spoken on a phone line outside of a call."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import numpy as np

from audio.samples import SPEAKING_RATE, Samples
from bot.llm.spoken_lines import PhoneSentence, load_spoken_lines
from bot.speech_server.errors import SpeechUnavailable
from bot.voice.phone.sentences import Sentences
from tests.voice.phone.memory_line import MemoryLine

LINES = load_spoken_lines()


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

    def sentences(self, language: str | None = None) -> Sentences:
        return Sentences(self.speak, lambda sentence: LINES.sentence(sentence, language), lambda: "calm")


async def test_callers_hear_their_language() -> None:
    voice, line = Voice(), MemoryLine()
    sentences = voice.sentences("de")
    await sentences.say(line, PhoneSentence.PIN)
    await sentences.say(line, PhoneSentence.PIN)
    assert voice.spoken == ["Bitte geben Sie Ihre PIN ein."], "its sound is kept"
    assert len(line.heard) == 2 * 8_000 // 5
    await sentences.prepare()
    assert voice.spoken[1:] == [LINES.sentence(each, "de") for each in PhoneSentence if each is not PhoneSentence.PIN]
