"""What happens now: the calls, the live turn, the engines, the cards, what is held, what waits, and what is wrong."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import reduce
from typing import Any

from bot.health import READY, UNKNOWN
from bot.lease import Lease
from bot.monitoring.turns import TurnLog
from bot.monitoring.warnings import FigureWarning, broken_parts, full_cards, slow_engines, stuck_features
from bot.usage.usage import Usage
from bot.voice.call import Call
from bot.voice.call_life import CallState
from bot.voice.manager import CallManager
from bot.voice.metrics import ReplySoFar
from bot.voice.transport import EndCause, PacketCounts
from config.sections import WarningSettings
from hardware.poll import CardPoll

PARTS: Mapping[str, str] = {"model": "mind", "ears": "ears", "voice": "voice"}
"""The engines, by their names in ``python -m bot health``, and what people call them."""
NAMED_FOR = 5.0
"""Seconds for which the voice's name is kept. To learn it, the speech server has to be asked."""


@dataclass(frozen=True, slots=True)
class Engine:
    """One of the three engines.

    Attributes:
        part: ``mind``, ``ears`` or ``voice``.
        name: its name, and where it runs.
        state: ``ready``, ``unknown``, or what is wrong.
    """

    part: str
    name: str
    state: str


@dataclass(frozen=True, slots=True)
class EngineNames:
    """Functions that name the engines. ``voice`` asks the speech server; it never raises."""

    mind: Callable[[], str]
    ears: Callable[[], str]
    voice: Callable[[], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Queue:
    """How much waits.

    Attributes:
        prompts: number of prompts that wait for the current reply's end.
        messages: number of messages of the text chat that wait for the call's end.
    """

    prompts: int
    messages: int


@dataclass(frozen=True, slots=True)
class CallNow:
    """What happens in a call now. If no call is on, only ``state`` is set.

    Attributes:
        state: whether a call is on.
        transport: the kind of transport that carries it; ``None`` if there is no call.
        since: when it began, in seconds since 1970; ``None`` if there is no call.
        doing: ``answering``, ``hearing`` (somebody speaks) or ``listening``; ``None`` if there is no call.
        reply: the timings so far of the reply that is being made; ``None`` if there is none.
    """

    state: CallState
    transport: str | None = None
    since: float | None = None
    doing: str | None = None
    reply: ReplySoFar | None = None


async def no_messages() -> int:
    """The number of waiting messages if there is no text chat."""
    return 0


@dataclass(eq=False)
class Monitor:
    """The figures of the running bot. Use it only on the event loop.

    Attributes:
        log: the latest turns of all calls.
        cards: the graphics cards. Whoever builds the monitor polls them.
        limits: the values above which there is a warning.
        engine_state: returns the last result of the engines' checks, by the keys of :data:`PARTS`.
        names: the functions that name the engines.
        small_engines: lines about the engines that are only small models or toys; ``None`` if there are none.
        prefix: the prefix of text commands.
        usage: counts how much the engines are used; ``None`` if that is not counted.
        remedies: what helps here against figures that are too high, by their names.
        waiting_messages: returns the number of messages that wait for the call's end.
    """

    log: TurnLog
    manager: CallManager[Call[Any]]
    lease: Lease
    cards: CardPoll
    limits: WarningSettings
    engine_state: Callable[[], Mapping[str, str]]
    names: EngineNames
    small_engines: str | None
    prefix: str
    waiting_messages: Callable[[], Awaitable[int]] = no_messages
    clock: Callable[[], float] = time.monotonic
    usage: Usage | None = None
    remedies: Mapping[str, str] = field(default_factory=dict)
    _voice: tuple[float, str] | None = field(default=None, init=False)
    _asking: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)
    _ended: PacketCounts = field(default=PacketCounts(), init=False)

    def calls(self) -> tuple[CallNow, ...]:
        """The active calls, and what is done in them. If none is active, one entry that has only the state."""
        status = self.manager.status()
        return tuple(self._call(call) for call in status.calls) or (CallNow(status.state),)

    def _call(self, call: Call[Any]) -> CallNow:
        hears, reply = self.log.people_speaking(call.id), call.conversation.reply_so_far
        doing = "answering" if call.conversation.answering else "hearing" if hears else "listening"
        return CallNow(CallState.ACTIVE, call.transport.kind, self.log.since(call.id), doing, reply)

    async def queue(self) -> Queue:
        """How much waits."""
        return Queue(self.waiting_prompts(), await self.waiting_messages())

    def waiting_prompts(self) -> int:
        """Number of prompts that wait, in all calls."""
        return sum(call.conversation.waiting for call in self.manager.calls)

    async def engines(self) -> tuple[Engine, ...]:
        """The three engines. Asks the speech server for the voice's name, unless that was done a moment ago."""
        state, names = self.engine_state(), {"mind": self.names.mind(), "ears": self.names.ears()}
        names["voice"] = await self._voice_name()
        return tuple(Engine(part, names[part], state.get(known, UNKNOWN)) for known, part in PARTS.items())

    async def _voice_name(self) -> str:
        async with self._asking:
            if self._voice is None or self.clock() - self._voice[0] > NAMED_FOR:
                name = str(await self.names.voice())
                self._voice = (self.clock(), name)
            return self._voice[1]

    def warnings(self) -> tuple[FigureWarning, ...]:
        """What is wrong, or slower than it should be."""
        state = self.engine_state()
        parts = {part: state.get(known, UNKNOWN) for known, part in PARTS.items()}
        small = [] if self.small_engines is None else self.small_engines.splitlines()
        return (
            *broken_parts(parts, frozenset({READY, UNKNOWN})),
            *slow_engines(self.log, self.limits, self.remedies),
            *full_cards(self.cards, self.limits),
            *stuck_features(self.lease.stuck, self.prefix),
            *(FigureWarning("daily_limit", text, "") for text in (self.usage.limits.states() if self.usage else ())),
            *(FigureWarning("small_engine", text.lstrip("⚠️ℹ ").replace("`", ""), "") for text in small),
        )

    def packets(self) -> PacketCounts:
        """The numbers of faulty packets of all calls since the start."""
        return reduce(_sum, (call.transport.packets for call in self.manager.occupants), self._ended)

    async def call_ended(self, call: Call[Any], _: EndCause) -> None:
        """Add the packets of a call that has ended. :class:`~bot.call_ends.CallEnds` calls this."""
        self._ended = _sum(self._ended, call.transport.packets)


def _sum(one: PacketCounts, other: PacketCounts) -> PacketCounts:
    return PacketCounts(one.late + other.late, one.not_decrypted + other.not_decrypted)
