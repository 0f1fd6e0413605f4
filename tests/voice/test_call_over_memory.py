"""A call over a transport in memory: people interrupt the bot, a loudspeaker plays it back, and people opt out."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Protocol

import numpy as np
import pytest

from audio.pcm import from_pcm16
from audio.samples import HEARING_RATE, Samples, Sound16
from bot.llm.history import Turn
from bot.voice.events import ReplyEnded, UtteranceHeard, WordsSpoken
from bot.voice.frames import AudioFrame
from bot.voice.transcribe.corrections import Corrections
from bot.voice.transcribe.whisper import WhisperOptions, WhisperTranscriber
from bot.voice.turn import Outcome, Prompt
from bot.voice.turns.end_of_turn import RuleBasedEndOfTurn
from bot.voice.turns.turns import TurnPolicy, load_turn_policy
from sandbox.speech import ADA as ADAS_VOICE
from sandbox.speech import BEN as BENS_VOICE
from sandbox.speech import DAN, speech
from tests.voice.doubles import ConstantTranscriber, HummingSpeech, RepeatingResponder
from tests.voice.effects import only
from tests.voice.memory_call import ADA, BEN, MemoryCall, memory_call

QUESTION, OTHER = "Do you remember the summer holidays?", "Please turn the volume down."
ANSWER = "The train was late again. The meeting starts at nine. This song is wonderful."
DELAY = 0.15
"""Seconds from a loudspeaker back through a microphone and the network."""


class MakeCall(Protocol):
    """Makes a call in which the bot's speech is the sound ``voice`` (48,000 Hz), with this turn policy."""

    def __call__(
        self, voice: Samples | None = None, policy: TurnPolicy | None = None
    ) -> AbstractAsyncContextManager[MemoryCall]: ...


class RecordingEndOfTurn:
    """Rule-based end-of-turn estimates that record what they are asked about."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, tuple[Turn, ...]]] = []

    async def probability(self, sound: Sound16, text: str, history: Sequence[Turn]) -> float:
        assert len(sound) > HEARING_RATE / 2
        self.asked.append((text, tuple(history)))
        return await RuleBasedEndOfTurn().probability(sound, text, history)


@pytest.fixture
def calling(tmp_path: Path, toy_ears: Path) -> MakeCall:
    @asynccontextmanager
    async def make(voice: Samples | None = None, policy: TurnPolicy | None = None) -> AsyncIterator[MemoryCall]:
        ears = WhisperTranscriber(WhisperOptions(str(toy_ears), "cpu", 1, "en"), Corrections())
        try:
            async with memory_call(tmp_path, ears, RepeatingResponder(), HummingSpeech(voice), policy) as memory:
                yield memory
        finally:
            await ears.close()

    return make


async def test_speech_during_an_answer_ends_it_and_is_answered(calling: MakeCall) -> None:
    async with calling(np.full(20 * 48_000, 0.1, np.float32)) as memory:
        await memory.hear(ADA, speech(QUESTION, ADAS_VOICE))
        await memory.until(lambda event: isinstance(event, WordsSpoken))
        await memory.hear(BEN, speech(OTHER, BENS_VOICE))
        ended = await memory.until(lambda event: isinstance(event, ReplyEnded))
        assert isinstance(ended, ReplyEnded)
        assert ended.trace.outcome is Outcome.INTERRUPTED
        await memory.until(lambda event: isinstance(event, WordsSpoken) and OTHER in event.text)
        assert any(isinstance(event, ReplyEnded) and event.interrupted for event in memory.events)


async def test_the_voice_of_the_bot_from_a_loudspeaker_is_no_turn(calling: MakeCall) -> None:
    async with calling(speech(ANSWER, DAN)) as memory:
        await memory.hear(ADA, speech(QUESTION, ADAS_VOICE))
        echo = asyncio.create_task(_play_back(memory))
        ended = await memory.until(lambda event: isinstance(event, ReplyEnded))
        assert isinstance(ended, ReplyEnded)
        assert ended.trace.outcome is Outcome.SPOKEN
        await asyncio.sleep(2 * DELAY)
        echo.cancel()
        assert [event.text for event in only(UtteranceHeard, memory.events)] == [QUESTION]


async def _play_back(memory: MemoryCall) -> None:
    """Send the call's own sound through Ben's microphone, softer and a little later, until cancelled."""
    for number in count():
        while number >= len(memory.transport.played):
            await asyncio.sleep(0.005)
        mono = from_pcm16(memory.transport.played[number], channels=2)
        # Sound travels on while the machine stalls, so its arrival follows from when it was due, not from the clock.
        at = memory.transport.played_at[number] + DELAY
        await asyncio.sleep(at - time.monotonic())
        memory.transport.receive(AudioFrame(BEN, 0.3 * mono.reshape(-1, 3).mean(axis=1), at))


async def test_a_person_who_opts_out_is_not_heard_and_is_heard_again_after_opting_in(calling: MakeCall) -> None:
    async with calling(None) as memory:
        await memory.consent.opt_out(ADA)
        await memory.hear(ADA, speech(OTHER, ADAS_VOICE))
        await memory.hear(BEN, speech(QUESTION, BENS_VOICE))
        await memory.until(lambda event: isinstance(event, ReplyEnded))
        assert [event.author for event in only(UtteranceHeard, memory.events)] == ["Ben"]
        await memory.consent.opt_in(ADA)
        await memory.hear(ADA, speech(OTHER, ADAS_VOICE))
        await memory.until(lambda event: isinstance(event, UtteranceHeard) and event.author == "Ada")


async def test_the_end_of_turn_estimate_gets_the_sound_the_words_and_the_history(
    calling: MakeCall,
) -> None:
    estimator, usual = RecordingEndOfTurn(), load_turn_policy()
    # On a busy machine, the words come later than the bot usually waits for them.
    settings = replace(usual.settings, unknown_wait=15.0)
    async with calling(policy=replace(usual, end_of_turn=estimator, settings=settings)) as memory:
        await memory.hear(ADA, speech(QUESTION, ADAS_VOICE))
        await memory.until(lambda event: isinstance(event, ReplyEnded))
        await memory.hear(BEN, speech(OTHER, BENS_VOICE))
        await memory.until(lambda event: isinstance(event, UtteranceHeard) and event.author == "Ben")
    before = (Turn.of_person("Ada", QUESTION, ADA), Turn.of_bot(f"Ada said: {QUESTION}"))
    assert (QUESTION, ()) in estimator.asked
    assert estimator.asked[-1] == (OTHER, before)


async def test_prompts_of_a_person_who_opts_out_are_not_answered_any_more(tmp_path: Path) -> None:
    long = HummingSpeech(np.full(20 * 48_000, 0.1, np.float32))
    async with memory_call(tmp_path, ConstantTranscriber(), RepeatingResponder(), long) as memory:
        first, waiting, bens = (
            memory.call.say(Prompt(name, text, 0.0, person=person))
            for name, text, person in (("Ada", QUESTION, ADA), ("Ada", OTHER, ADA), ("Ben", OTHER, BEN))
        )
        await memory.until(lambda event: isinstance(event, WordsSpoken))
        await memory.consent.opt_out(ADA)
        assert (first.outcome, waiting.outcome, bens.outcome) == (Outcome.INTERRUPTED, Outcome.DISCARDED, None)
        assert [turn.speaker for turn in memory.history.newest(9) if turn.role == "user"] == []


async def test_the_words_of_a_person_who_opts_out_are_removed_from_the_history(calling: MakeCall) -> None:
    async with calling() as memory:
        await memory.hear(ADA, speech(QUESTION, ADAS_VOICE))
        await memory.until(lambda event: isinstance(event, ReplyEnded))
        said = memory.history.newest(9)
        assert said == (Turn.of_person("Ada", QUESTION, ADA), Turn.of_bot(f"Ada said: {QUESTION}"))
        await memory.consent.opt_out(ADA)
        assert memory.history.newest(9) == (), "the answer may repeat them, so it goes too"
