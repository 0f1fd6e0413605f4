"""Interim transcripts in a call over a transport in memory, with the toy Whisper as transcriber."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from pathlib import Path

import numpy as np

from bot.voice.events import UtteranceHeard, WordsSoFar
from bot.voice.frames import TransmissionEnded
from bot.voice.speculation import Speculation
from bot.voice.transcribe.corrections import Corrections
from bot.voice.transcribe.whisper import WhisperOptions, WhisperTranscriber
from sandbox.speech import ADA as ADAS_VOICE
from sandbox.speech import BEN as BENS_VOICE
from sandbox.speech import speech
from tests.voice.doubles import HummingSpeech, RepeatingResponder
from tests.voice.effects import only
from tests.voice.memory_call import ADA, BEN, memory_call

QUESTION, OTHER = "Do you remember the summer holidays?", "Please turn the volume down."


class ReadingResponder(RepeatingResponder):
    """A responder that records the words that it is told to read ahead, by the person's name."""

    def __init__(self) -> None:
        self.read: dict[str, list[str]] = defaultdict(list)

    async def read_ahead(self, speaker: str, words: str = "", person: int | None = None) -> None:
        self.read[speaker].append(words)


async def test_words_are_shown_before_the_turn_is_over_but_not_those_of_people_who_opted_out(
    tmp_path: Path, toy_ears: Path
) -> None:
    ears = WhisperTranscriber(WhisperOptions(str(toy_ears), "cpu", 1, "en"), Corrections())
    mind = ReadingResponder()
    call = memory_call(tmp_path, ears, mind, HummingSpeech(), speculation=Speculation(interims=True))
    try:
        async with call as memory:
            await memory.consent.opt_out(ADA)
            await memory.hear(ADA, speech(OTHER, ADAS_VOICE))
            # On a busy machine the ears need longer than the question takes, so Ben repeats it until they have some
            # words.
            question = np.trim_zeros(speech(QUESTION, BENS_VOICE))
            speaking = asyncio.create_task(memory.hear(BEN, np.tile(question, 8)))
            shown = asyncio.create_task(memory.until(lambda event: isinstance(event, WordsSoFar)))
            await asyncio.wait({speaking, shown}, return_when=asyncio.FIRST_COMPLETED)
            speaking.cancel()
            memory.transport.receive(TransmissionEnded(BEN, time.monotonic(), announced=True))
            first = await shown
            assert isinstance(first, WordsSoFar)
            # If the machine stalls, a turn may end between two questions. The first words that were shown may then be
            # those of a later turn.
            heard = await memory.until(lambda event: isinstance(event, UtteranceHeard) and event.turn == first.turn)
            so_far = only(WordsSoFar, memory.events)
            assert {event.author for event in so_far} == {"Ben"}
            assert all(event.at < heard.at for event in so_far if event.turn == first.turn)
            assert set(mind.read) == {"Ben"}
            assert {"", *(event.text for event in so_far)} >= set(mind.read["Ben"])
    finally:
        await ears.close()
