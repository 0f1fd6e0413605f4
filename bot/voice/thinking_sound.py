"""A quiet sound while people wait for the model or for a tool, so that they know that the bot is still there."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

import numpy as np

from audio.samples import SPEAKING_FRAME, SPEAKING_RATE
from bot.voice.mixing.levels import to_frame
from bot.voice.mixing.mixer import Mixer
from bot.voice.mixing.stream import FULL_FRAMES, Channel, MixedStream
from bot.voice.turns.events import SpeechPaused, SpeechResumed, TurnDropped, TurnEnded, TurnEvent, TurnStarted

SILENT_SECONDS = 1.0
"""Seconds of silence before the sound begins."""
LOOK_SECONDS = 0.1
"""Seconds between two looks while a reply is being made."""
PULSE_SECONDS = 2.0
PITCHES = (220.0, 277.5, 330.0)
"""The tones of the sound, in Hz. Each has a whole number of waves in a pulse, so the pulse can be repeated."""
LEVEL = 10 ** (-36 / 20)
"""Greatest level, 36 dB below full scale."""


class ThinkingWatcher(Protocol):
    """Is told how far the current reply is. Its methods must not wait."""

    def began(self) -> None:
        """A reply is being made."""
        ...

    def text_came(self) -> None:
        """Text is on its way to the voice, so sound is soon there. A reply may get text before it counts as begun."""
        ...

    def sound_came(self) -> None:
        """Sound of the reply is there, and is sent now."""
        ...

    def ended(self) -> None:
        """The reply is over."""
        ...


class Unwatched:
    """A watcher that does nothing: there is no thinking sound."""

    def began(self) -> None:
        """Do nothing."""

    def text_came(self) -> None:
        """Do nothing."""

    def sound_came(self) -> None:
        """Do nothing."""

    def ended(self) -> None:
        """Do nothing."""


def pulse() -> Sequence[bytes]:
    """A pulse of soft tones in frames of 20 ms. Played again and again it has no seam. It is the same each time."""
    at = np.arange(round(PULSE_SECONDS * SPEAKING_RATE)) / SPEAKING_RATE
    tones = sum(np.sin(2 * np.pi * pitch * at) for pitch in PITCHES) / len(PITCHES)
    swelling = np.sin(np.pi * at / PULSE_SECONDS) ** 2
    both = np.repeat((LEVEL * swelling * tones).astype(np.float32)[:, np.newaxis], 2, axis=1)
    return [to_frame(both[begin : begin + SPEAKING_FRAME]) for begin in range(0, len(both), SPEAKING_FRAME)]


class ThinkingSound:
    """Plays the sound: while a reply is being made, after a second without speech, music and effects.

    It fades out within 100 ms when text of the reply goes to the voice. If sound of the reply comes sooner than that,
    the mixer silences the thinking sound within a frame. So it never holds up the reply. Use it on the event loop.
    :meth:`run` runs during the whole call.

    Args:
        mixer: plays the sound in its channel :attr:`~bot.voice.mixing.stream.Channel.BED`.
        queued: returns how many seconds of the bot's speech wait to be sent.
        clock: returns monotonic seconds.
        sleep: waits for some seconds.
    """

    def __init__(
        self,
        mixer: Mixer,
        queued: Callable[[], float],
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._mixer = mixer
        self._queued = queued
        self._clock = clock
        self._sleep = sleep
        self._pulse = pulse()
        self._next = 0
        self._stream: MixedStream | None = None
        self._begun = asyncio.Event()
        self._text_waits = False
        self._speaking: set[int] = set()
        self._busy_at = 0.0

    async def run(self) -> None:
        """Play the sound when it is time, until cancelled."""
        try:
            while True:
                await self._begun.wait()
                self.look()
                await self._sleep(LOOK_SECONDS)
        finally:
            self._hush()

    def began(self) -> None:
        """A reply is being made."""
        self._begun.set()
        self._hush()

    def text_came(self) -> None:
        """Text is on its way to the voice: fade out."""
        self._text_waits = True
        self._hush()

    def sound_came(self) -> None:
        """Sound of the reply is there: fade out."""
        self._text_waits = False
        self._hush()

    def ended(self) -> None:
        """The reply is over: fade out."""
        self._begun.clear()
        self._text_waits = False
        self._hush()

    def follow(self, event: TurnEvent) -> None:
        """Take a turn event, which says that a person speaks, pauses, or has finished."""
        match event:
            case TurnStarted() | SpeechResumed():
                self._speaking.add(event.turn.person)
                self._hush()
            case SpeechPaused() | TurnEnded() | TurnDropped():
                self._speaking.discard(event.turn.person)
                self._busy_at = self._clock()

    def look(self) -> None:
        """Play the sound after a second of quiet. Fade it out if anything else is heard, or is about to be."""
        other = self._queued() > 0 or self._mixer.plays(Channel.MUSIC, Channel.EFFECTS)
        if self._text_waits or self._speaking or other:
            self._hush()
        elif self._clock() - self._busy_at >= SILENT_SECONDS:
            self._feed()

    def _feed(self) -> None:
        if self._stream is None:
            self._next = 0
            self._stream = MixedStream(Channel.BED)
            self._mixer.add(self._stream)
        for _ in range(FULL_FRAMES):
            if self._stream.full:
                break
            self._stream.write(self._pulse[self._next % len(self._pulse)])
            self._next += 1

    def _hush(self) -> None:
        self._busy_at = self._clock()
        if self._stream is not None:
            self._stream.stop()
            self._stream = None
