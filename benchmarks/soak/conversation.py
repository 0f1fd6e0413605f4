"""The conversation of one client with its bot: words, the answer, a pause, and so on until it is cancelled."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import cycle

import aiohttp

from benchmarks.errors import MeasurementError
from benchmarks.soak.client import CallLostError, Client, ClientCall
from benchmarks.soak.plan import ClientPlan
from sandbox.voice.opus import Sound

ANSWER_LIMIT = 30.0
"""Seconds from the last word to the first sound of the answer. After that, the answer counts as missed."""
LONGEST_ANSWER = 120.0
"""Seconds after which an answer is not listened to any longer."""
QUIET = 1.5
"""Seconds without the bot's voice after which its answer counts as over."""
MISSES = 3
"""After this many missed answers in a row, the client hangs up and calls anew."""
GREETING = 4.0
"""Seconds within which the bot begins to greet, if it does so."""
BEFORE_ANOTHER_CALL = 3.0
POLL = 0.05


@dataclass(frozen=True, slots=True)
class Turn:
    """Words of the client: when they ended, and the seconds to the answer's first sound; ``None`` if none came."""

    said: float
    answered_after: float | None


@dataclass(slots=True)
class Tally:
    """The turns and the calls of one client. ``lost`` has each call that the client did not end, with the reason."""

    turns: list[Turn] = field(default_factory=list)
    calls: int = 0
    lost: list[str] = field(default_factory=list)

    @property
    def missed(self) -> int:
        """The number of turns without an answer."""
        return sum(turn.answered_after is None for turn in self.turns)


async def keep_talking(client: Client, plan: ClientPlan, lines: Sequence[Sound], seed: int, tally: Tally) -> None:
    """Talk with the bot until cancelled, in one call after another. A call that is lost is counted.

    Args:
        lines: what is said, in this order, again and again (48,000 Hz mono).
        seed: the seed from which the lengths of the pauses are drawn.
    """
    pauses, words = random.Random(seed), cycle(lines)
    while True:
        try:
            async with client.call() as call:
                tally.calls += 1
                ends = time.monotonic() + 60 * plan.call_minutes if plan.call_minutes is not None else float("inf")
                await _hear_greeting(client, call)
                while time.monotonic() < ends:
                    await asyncio.sleep(pauses.uniform(*plan.pause))
                    tally.turns.append(await _turn(client, call, next(words)))
                    newest = tally.turns[-MISSES:]
                    if len(newest) == MISSES and all(turn.answered_after is None for turn in newest):
                        raise CallLostError(f"{MISSES} answers in a row were missed")
        except (CallLostError, MeasurementError, OSError, aiohttp.ClientError) as error:
            tally.lost.append(str(error) or type(error).__name__)
        await asyncio.sleep(BEFORE_ANOTHER_CALL)


async def _turn(client: Client, call: ClientCall, words: Sound) -> Turn:
    client.heard.forget()
    said = await call.say(words)
    while (waited := time.monotonic() - said) < LONGEST_ANSWER:
        call.check()
        first = client.heard.first_after(said)
        if (first is None and waited > ANSWER_LIMIT) or (first is not None and _quiet(client)):
            break
        await asyncio.sleep(POLL)
    first = client.heard.first_after(said)
    return Turn(said, None if first is None else first - said)


async def _hear_greeting(client: Client, call: ClientCall) -> None:
    """Wait until the bot has said what it says at the beginning of a call, if it says anything."""
    begun = time.monotonic()
    while (waited := time.monotonic() - begun) < LONGEST_ANSWER and (waited < GREETING or not _quiet(client)):
        call.check()
        await asyncio.sleep(POLL)


def _quiet(client: Client) -> bool:
    return time.monotonic() - client.heard.last_voiced >= QUIET
