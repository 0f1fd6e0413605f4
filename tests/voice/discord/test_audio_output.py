"""Test of the audio source for discord.py: it always has a frame."""

from __future__ import annotations

import asyncio

import discord
import numpy as np

from audio.samples import SPEAKING_FRAME
from bot.voice.discord.audio_output import ReplyAudioSource
from bot.voice.playback.playback import SILENT_FRAME, ReplyPlayback


async def test_read_always_gives_a_frame() -> None:
    playback = ReplyPlayback(asyncio.get_running_loop())
    source: discord.AudioSource = ReplyAudioSource(playback)
    assert source.read() == SILENT_FRAME
    playback.begin("r1")
    playback.write("r1", np.full(SPEAKING_FRAME, 0.5, np.float32))
    assert np.frombuffer(source.read(), "<i2")[0] == 16383
    assert source.read() == SILENT_FRAME
    assert not source.is_opus()
