"""The parts of a frame that the mixer has given to the sending thread."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, eq=False)
class TakenFrame:
    """What is in a frame of 20 ms.

    Attributes:
        reply: the bot's own voice, stereo 16-bit PCM at 48,000 Hz; ``None`` if there was none.
        background: the other channels, stereo 16-bit PCM at 48,000 Hz; ``None`` if there was only the voice.
    """

    reply: bytes | None
    background: bytes | None
