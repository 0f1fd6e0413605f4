"""Sounds in a call whose transport is in memory. An interruption of the bot does not end a sound."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import numpy as np
import pytest

from audio.samples import SPEAKING_RATE
from bot.music.call_sounds import MAX_SECONDS
from bot.music.sound_board import SoundBoard
from bot.voice.events import ReplyEnded
from bot.voice.turn import Prompt
from sandbox.speech import ADA as ADAS_VOICE
from sandbox.speech import speech
from tests.bot.music.pieces import wav, write
from tests.timing import LIMIT
from tests.voice.doubles import ConstantTranscriber, HummingSpeech, RepeatingResponder
from tests.voice.memory_call import ADA, MemoryCall, memory_call

pytestmark = pytest.mark.usefixtures("forked_decoders")

PITCH = 3_000
"""Pitch of the sound, in Hz."""
FRAMES = 25
"""Number of frames of half a second."""


async def level(memory: MemoryCall) -> float:
    """The level of the sound's pitch in the next half a second of what the bot sends."""
    played = memory.transport.played
    since = len(played)
    async with asyncio.timeout(LIMIT):
        while len(played) < since + FRAMES:
            await asyncio.sleep(0.02)
    pcm = np.frombuffer(b"".join(played[since : since + FRAMES]), "<i2").reshape(-1, 2)[:, 0] / 32_767
    return float(np.abs(pcm @ np.exp(-2j * np.pi * PITCH * np.arange(len(pcm)) / SPEAKING_RATE)) / len(pcm))


async def full_volume(place: int) -> float:
    del place
    return 1.0


async def test_an_interruption_ends_the_bots_speech_and_not_the_sound(tmp_path: Path) -> None:
    # Nearly as long as a sound may be, so that it outlasts the test.
    write(tmp_path / "sounds" / "tone.wav", wav(MAX_SECONDS - 2, 0.1, pitch=PITCH, rate=16_000, channels=1))
    board = SoundBoard(tmp_path / "sounds", tmp_path, full_volume)
    hum = HummingSpeech(np.full(20 * SPEAKING_RATE, 0.1, np.float32))
    async with memory_call(tmp_path, ConstantTranscriber(), RepeatingResponder(), hum) as memory:
        assert await board.play(memory.call, "tone") == "tone"
        await level(memory)  # The sound fades in.
        alone = await level(memory)
        memory.call.say(Prompt("Ada", "Tell me something long.", time.monotonic()))
        async with asyncio.timeout(LIMIT):
            while memory.call.mixer.sounding is None:
                await asyncio.sleep(0.02)
        speaking = asyncio.create_task(memory.hear(ADA, speech("Please turn the volume down.", ADAS_VOICE)))
        under = await level(memory)
        await memory.until(lambda event: isinstance(event, ReplyEnded) and event.interrupted)
        after = await level(memory)
        await speaking
        assert 0.9 * alone < under < 1.1 * alone, "it is as loud under speech as alone"
        assert 0.9 * alone < after < 1.1 * alone, "it plays on"
        assert board.stop(memory.call)
