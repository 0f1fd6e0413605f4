"""The things that a call needs and can lose: how each one breaks, and how it is mended."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Protocol

from tests.faults.proxy import Change, TcpProxy


class Name(StrEnum):
    """What a call needs."""

    MODEL = "model server"
    SPEECH_SERVER = "speech server"
    EARS = "transcriber"
    GATEWAY = "Discord gateway"
    VOICE_GATEWAY = "voice gateway"
    UDP = "UDP path"
    DISK = "disk"
    TOOLS = "MCP server"


class Fault(StrEnum):
    """A way in which something breaks."""

    KILLED = "killed"
    HUNG = "hung"
    SLOW = "ten times slower"
    RUBBISH = "rubbish"
    BACK = "back after 5 s"
    """Killed, and there again after :data:`AWAY` seconds, whatever has happened in between."""


AWAY = 5.0


class Thing(Protocol):
    """Something that can break in a call."""

    async def break_down(self, fault: Fault) -> None:
        """Let the fault begin."""
        ...

    async def heal(self) -> None:
        """End the fault."""
        ...


class Proxied:
    """A server behind a proxy.

    Args:
        pause: seconds before each piece of what the server sends when it is ten times slower.
        garble: makes rubbish of what the server sends.
    """

    def __init__(self, proxy: TcpProxy, pause: float, garble: Change) -> None:
        self._proxy = proxy
        self._faults: Mapping[Fault, Callable[[], None]] = {
            Fault.KILLED: proxy.cut,
            Fault.BACK: proxy.cut,
            Fault.HUNG: proxy.hold,
            Fault.SLOW: lambda: proxy.slow_down(pause),
            Fault.RUBBISH: lambda: proxy.garble(garble),
        }

    async def break_down(self, fault: Fault) -> None:
        self._faults[fault]()

    async def heal(self) -> None:
        await self._proxy.heal()
