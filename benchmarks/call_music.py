"""Music in a measured call, and the packets of a reply while music plays."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping
from itertools import takewhile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from audio.encoders import write_audio_file
from benchmarks.errors import MeasurementError
from benchmarks.measured_call import MeasuredCall
from sandbox.guest import Guest
from sandbox.speech_sounds import music
from sandbox.voice.opus import FRAME_SAMPLES, SAMPLE_RATE, Sound
from tts_server.engines.stand_in import TONE_HZ

PIECE = "Piece"
PIECE_SECONDS, PIECES = 180.0, 20
"""Duration of the piece of music in seconds, and how often it is queued after its first play."""
LOWEST_HZ = 700.0
"""The music has no lower frequencies, so that it can be told from the stand-in voice, which is a tone of 220 Hz."""
VOICED_SHARE = 0.5
"""A frame holds the voice if the amplitude of the voice's tone is at least this share of that in the loudest frame.

The codec delays sound by 6.5 ms. So two thirds of the tone are in the first frame, and one third is in the frame that
comes after the last one.
"""
FADE_SECONDS = 1.0
"""Seconds after which music that was paused or resumed has certainly faded."""
LOOK_SECONDS = 0.05
"""Seconds between two looks for the voice."""
ANSWER_LIMIT = 60.0
_AUDIBLE = 0.01


class CallMusic:
    """Music that can be switched on and off in a measured call. Call its methods on the event loop.

    Args:
        folder: where the file with the music is written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "music"
        self._begun = False
        self._plays = False

    async def settings(self) -> Mapping[str, str]:
        """Write the file, and return the settings of a bot that can play it."""
        await asyncio.to_thread(self._write)
        return {"MUSIC_DIR": str(self._folder), "MUSIC_VOLUME": "100"}

    def _write(self) -> None:
        file = self._folder / f"{PIECE}.opus"
        if file.exists():
            return
        self._folder.mkdir()
        sound = without_low_tones(music(PIECE_SECONDS, seed=1))
        write_audio_file(file, sound, SAMPLE_RATE, "libopus", bit_rate=96_000)

    async def switch(self, call: MeasuredCall, guest: Guest, *, on: bool) -> None:
        """Play the music, or pause it, by commands that the guest types. Returns when it has faded.

        Raises:
            MeasurementError: the bot did not obey.
        """
        if on == self._plays:
            return
        if not self._begun:
            self._begun = True
            await self._command(call, guest, f"!play {PIECE}", "▶️")
            for _ in range(PIECES):
                await self._command(call, guest, f"!play {PIECE}", "➕")
        else:
            await self._command(call, guest, "!pause", "▶️" if on else "⏸️")
        self._plays = on
        if not on:
            await guest.voice.receiver.wait_for_silence(call.sandbox.bot_id, 0.1, ANSWER_LIMIT)
        await asyncio.sleep(FADE_SECONDS)

    @staticmethod
    async def _command(call: MeasuredCall, guest: Guest, text: str, answer: str) -> None:
        asked = await guest.say(call.sandbox.text_channel, text)
        try:
            await guest.wait_for_message(
                call.sandbox.text_channel, lambda m: m.content.startswith(answer), ANSWER_LIMIT, after=asked
            )
        except TimeoutError as error:
            raise MeasurementError(f"the bot did not answer {text!r} with {answer}") from error


def packets_with_voice(call: MeasuredCall, guest: Guest, since: float, until: float = math.inf) -> list[float]:
    """When each of the bot's packets reached the server, from the first to the last one that holds the voice.

    Packets that came before ``since`` don't count. The packets are found by what the guest hears, since each packet
    holds music as well. Packets that did not reach the guest are left out.
    """
    bot, receiver = call.sandbox.bot_id, guest.voice.receiver
    packets = receiver.packets(bot)
    first = next((at for at, packet in enumerate(packets) if packet.arrival > since), len(packets))
    heard = [packet.sequence for packet in packets[first:] if not packet.silent and packet.arrival <= until]
    frames = receiver.pcm(bot, since=first)[: len(heard) * FRAME_SAMPLES].reshape(-1, FRAME_SAMPLES)
    voiced = voiced_frames(frames)
    if voiced is None:
        return []
    sequences = set(heard[voiced[0] : voiced[1] + 1])
    log = call.sandbox.voice_server.relay.log
    newest = takewhile(lambda entry: entry.received > since, reversed(log))
    return sorted(entry.received for entry in newest if entry.user == bot and entry.sequence in sequences)


def newest_packet(call: MeasuredCall, at: float) -> float:
    """When the bot's newest packet before ``at`` reached the server. Both times are in monotonic seconds.

    Raises:
        MeasurementError: there is none.
    """
    bot, log = call.sandbox.bot_id, call.sandbox.voice_server.relay.log
    newest = next((entry.received for entry in reversed(log) if entry.user == bot and entry.received <= at), None)
    if newest is None:
        raise MeasurementError("no packet of the music reached the voice server")
    return newest


async def wait_for_voice(call: MeasuredCall, guest: Guest, begin: int) -> None:
    """Wait until a guest hears the bot's voice in the packets from number ``begin`` on, for ever if need be."""
    while True:
        heard = guest.voice.receiver.pcm(call.sandbox.bot_id, since=begin)
        if voiced_frames(heard.reshape(-1, FRAME_SAMPLES)) is not None:
            return
        await asyncio.sleep(LOOK_SECONDS)


def voiced_frames(frames: Sound) -> tuple[int, int] | None:
    """The first and the last of the ``frames`` (each of 20 ms) that hold the voice; ``None`` if none does."""
    levels = _levels(frames)
    if not len(levels) or levels.max() < _AUDIBLE:
        return None
    (found,) = np.nonzero(levels >= VOICED_SHARE * levels.max())
    return int(found[0]), int(found[-1])


def _levels(frames: Sound) -> NDArray[np.float64]:
    """The amplitude of the voice's tone in each frame."""
    wave = np.exp(-2j * np.pi * TONE_HZ * np.arange(FRAME_SAMPLES) / SAMPLE_RATE)
    return np.asarray(2 * np.abs(frames @ wave) / FRAME_SAMPLES)


def without_low_tones(sound: Sound) -> Sound:
    """The sound without what is below :data:`LOWEST_HZ`."""
    spectrum = np.fft.rfft(sound)
    spectrum[: round(LOWEST_HZ * len(sound) / SAMPLE_RATE)] = 0
    return np.asarray(np.fft.irfft(spectrum, len(sound)), np.float32)
