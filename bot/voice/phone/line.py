"""The interface of a phone line: one accepted phone call, over Twilio or over SIP.

A line carries G.711 at 8,000 Hz in frames of 20 ms, digits, and the end of the phone call. The transport of phone calls
makes a call of it.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol

from audio.g711 import Law

FRAME_BYTES = 160
"""Bytes of a frame of 20 ms. A byte is a sample."""


class LineEnd(StrEnum):
    """The reason for which a phone call ended, as the log of calls names it."""

    CALLER = "caller hung up"
    BOT = "bot hung up"
    SILENT = "no sound came"
    """No packet came for 10 s."""
    LOST = "connection lost"


class LineListener(Protocol):
    """What a line tells. All methods are called on the event loop."""

    def sound(self, data: bytes, at: float) -> None:
        """Take the next sound of the caller.

        Args:
            data: G.711 in the law of the line, in the order in which it was spoken, without what was lost on the way.
                Empty: the caller is there and silent, for example because they hold the phone call.
            at: time at which its packet arrived, in monotonic seconds.
        """
        ...

    def gap(self, samples: int, at: float) -> None:
        """Sound of this length was lost on the way, before the next :meth:`sound`."""
        ...

    def digit(self, digit: str) -> None:
        """The caller has pressed a key: one of ``0`` to ``9``, ``*``, ``#``, ``A`` to ``D``."""
        ...

    def ended(self, cause: LineEnd) -> None:
        """The line is gone. Nothing else is told after it."""
        ...


class PhoneLine(Protocol):
    """An accepted phone call. Use it on the event loop, unless a method says otherwise."""

    @property
    def kind(self) -> str:
        """``twilio`` or ``sip``."""
        ...

    @property
    def number(self) -> str:
        """The caller's number as the network told it, such as ``+4930123456`` or ``ada@pbx.example``.

        It is empty if the caller withholds it.
        """
        ...

    @property
    def law(self) -> Law:
        """The law of the sound in both directions."""
        ...

    @property
    def unheard(self) -> int:
        """Number of samples (8,000 Hz) that were sent and not heard yet, as far as the network tells."""
        ...

    def start(self, listener: LineListener) -> None:
        """Begin to tell ``listener`` of sound and digits.

        Sound that came before it is dropped. If the line has ended already, the end is told at once.
        """
        ...

    def send(self, frame: bytes) -> None:
        """Send 20 ms of sound. Called on the sending thread, one frame every 20 ms while there is something to hear."""
        ...

    def clear(self) -> None:
        """Let the network drop what was sent and is not heard yet, since the answer was interrupted."""
        ...

    async def hang_up(self) -> None:
        """End the phone call, after what was sent is heard. Returns within 2 s. Does nothing if it has ended."""
        ...
