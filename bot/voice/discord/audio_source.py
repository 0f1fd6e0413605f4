"""What Discord plays: discord.py's kind of source, over the frames of a call."""

from __future__ import annotations

from collections.abc import Callable

import discord

from bot.voice.speaking.playback import SILENT_FRAME
from bot.voice.transport import FrameSource


class ReplyAudioSource(discord.AudioSource):
    """The frames of a call as a ``discord.AudioSource`` that never ends, and as a :class:`FrameSource` for the sender.

    For one sending thread; ``wake`` is called from the event loop when there is something for it.
    """

    def __init__(self, frames: FrameSource) -> None:
        self._frames = frames

    @property
    def wake(self) -> Callable[[], None]:
        """What ends the waiting of the thread that takes."""
        return self._frames.wake

    @wake.setter
    def wake(self, wake: Callable[[], None]) -> None:
        self._frames.wake = wake

    @property
    def making(self) -> bool:
        """True while a reply is being made that has not sounded yet."""
        return self._frames.making

    def take(self) -> bytes | None:
        """The next 20 ms of PCM, or ``None`` between replies; never blocks."""
        return self._frames.take()

    def read(self) -> bytes:
        """The next 20 ms, stereo 16-bit at 48,000 Hz: 3,840 bytes; silence where there is none. Never blocks."""
        return self._frames.take() or SILENT_FRAME

    def is_opus(self) -> bool:
        """Frames are PCM."""
        return False
