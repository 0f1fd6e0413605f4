"""A monitor without a bot, and turns for it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from bot.call_ends import CallEnds
from bot.health import READY
from bot.lease import Lease
from bot.monitoring.monitor import EngineNames, Monitor
from bot.monitoring.turns import TurnLog
from bot.voice.call import Call
from bot.voice.events import CallBegan, ReplyEnded
from bot.voice.manager import CallManager
from bot.voice.metrics import ReplyTrace
from bot.voice.turn import Outcome, TurnId
from config.sections import WarningSettings
from hardware.memory import CardMemory
from hardware.poll import CardPoll

BEGAN = 1_790_000_000.0
"""The time at which a test begins, in seconds since 1970."""
SPOKEN_TURN = ReplyTrace(
    "r1",
    Outcome.SPOKEN,
    310.0,
    "open",
    speech_paused=120.0,
    transcribed=300.0,
    turn_ended=290.0,
    first_token=450.0,
    first_clause=520.0,
    first_audio=600.0,
    first_packet=605.0,
    last_packet=3_200.0,
    audio=2_600.0,
    underruns=1,
    prompt_tokens=412,
    cached_tokens=396,
    answer_tokens=31,
    tokens_per_second=42.5,
)


@dataclass(eq=False)
class Figures:
    """A monitor, and what it reads.

    Attributes:
        now: the time of the log's clock, in seconds since 1970.
        state: what the checks of the engines have found.
        messages: number of messages that wait for the end of the call.
    """

    now: float = BEGAN
    state: dict[str, str] = field(default_factory=lambda: dict.fromkeys(("model", "ears", "voice"), READY))
    cards: tuple[CardMemory, ...] = ()
    messages: int = 0
    limits: WarningSettings = field(default_factory=WarningSettings)

    def __post_init__(self) -> None:
        self.lease = Lease()
        self.ends = CallEnds()
        self.manager: CallManager[Call[Any]] = CallManager(self.lease, self.ends)
        self.log = TurnLog(lambda: self.now)
        self.poll = CardPoll(("0.9",), lambda: self.cards)
        self.monitor = Monitor(
            self.log,
            self.manager,
            self.lease,
            self.poll,
            self.limits,
            self._state,
            EngineNames(lambda: "a script", lambda: "a script", self._voice),
            None,
            "!",
            self._waiting,
        )
        self.ends.subscribe(self.monitor.call_ended)

    def _state(self) -> Mapping[str, str]:
        return self.state

    async def _voice(self) -> str:
        return "a tone"

    async def _waiting(self) -> int:
        return self.messages

    async def poll_cards(self, *cards: CardMemory) -> None:
        """Let the monitor's poll of the cards find these once."""
        self.cards = cards
        polling = asyncio.create_task(self.poll.run(lambda _: None))
        async with asyncio.timeout(30):
            while self.poll.cards != cards:
                await asyncio.sleep(0.001)
        polling.cancel()
        with suppress(asyncio.CancelledError):
            await polling

    def call(self, transport: str = "browser") -> None:
        """Note the beginning of a call in the log. There is no real call."""
        self.log(CallBegan(transport, "a secret place", False, call="c1"))

    def turn(self, trace: ReplyTrace = SPOKEN_TURN, *, spoken: bool = True, later: float = 10.0) -> None:
        """Note the end of a turn in the log, ``later`` seconds after the last one."""
        self.now += later
        self.log(ReplyEnded(trace, "secret words", TurnId(77, 1) if spoken else None, call="c1"))
