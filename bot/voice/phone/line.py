"""The interface of a phone line: one accepted phone call, over Twilio or over SIP.

A line carries G.711 at 8,000 Hz in frames of 20 ms, the keys that the caller presses, and the end of the phone call.
The phone transport connects it with a call of the bot.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Protocol

from audio.g711 import Law

KIND_NAMES: Mapping[str, str] = MappingProxyType({"sip": "SIP", "twilio": "Twilio"})
"""The names of the kinds of lines, for people."""
FRAME_BYTES = 160
"""Bytes of a frame of 20 ms. A byte is a sample."""
SILENCE_LIMIT = 10.0
"""A phone call ends if nothing comes over its line for this many seconds. Telephones send silence too."""


class LineEnd(StrEnum):
    """The reason for which a phone call ended, as the log of calls names it."""

    CALLER = "caller hung up"
    BOT = "bot hung up"
    SILENT = "no sound came"
    """Nothing came for :data:`SILENCE_LIMIT`."""
    LOST = "connection lost"


class LineListener(Protocol):
    """Receives what comes over a line. All methods are called on the event loop."""

    def sound(self, data: bytes, at: float) -> None:
        """Take the next sound of the caller.

        Args:
            data: G.711 in the law of the line, in the order in which it was spoken, without what was lost on the way.
                It is empty if the caller is still there but silent, for example because they have put the bot on hold.
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
        """The line is gone. No other method is called after this."""
        ...


class PhoneLine(Protocol):
    """An accepted phone call. Use it on the event loop, unless a method says otherwise."""

    @property
    def kind(self) -> str:
        """``twilio`` or ``sip``."""
        ...

    @property
    def number(self) -> str:
        """The caller's number as the network gives it, such as ``+4930123456`` or ``ada@pbx.example``.

        It is empty if the caller withholds it.
        """
        ...

    @property
    def source(self) -> str:
        """Who is responsible for the phone call: the number if the network vouches for it, otherwise the sending host.

        A caller who makes up numbers still has only one source. All who withhold their number share one.
        """
        ...

    @property
    def law(self) -> Law:
        """The law of the sound in both directions."""
        ...

    @property
    def unheard(self) -> int:
        """Number of samples (8,000 Hz) that were sent and not heard yet, as far as the network reports it."""
        ...

    def start(self, listener: LineListener) -> None:
        """Begin to pass sound and keys to ``listener``.

        Sound that came before this is dropped. If the line has ended already, ``listener.ended`` is called at once.
        """
        ...

    def send(self, frame: bytes) -> None:
        """Send 20 ms of sound. Called on the sending thread, one frame every 20 ms while there is something to hear."""
        ...

    def clear(self) -> None:
        """Let the network drop what was sent and is not heard yet, since the answer was interrupted."""
        ...

    async def hang_up(self) -> None:
        """End the phone call once what was sent is heard. Returns within 2 s. Does nothing if it has ended."""
        ...
