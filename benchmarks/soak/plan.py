"""Who talks with which bot: the bots of the soak and their clients, in one table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum


class Engines(StrEnum):
    """The engines with which a bot hears, thinks and speaks."""

    REAL = "real"
    """Whisper and Moonshine, SmolLM2, and Piper."""
    STAND_INS = "stand-ins"
    """A transcriber, a model and a voice with fixed answers and fixed delays."""


class Way(StrEnum):
    """How a client talks with a bot."""

    DISCORD = "Discord"
    BROWSER = "browser"
    PHONE = "phone"


@dataclass(frozen=True, slots=True)
class ClientPlan:
    """One client of a bot.

    Attributes:
        pause: the shortest and the longest time between an answer and the next words, in seconds.
        call_minutes: how long a call lasts before the client hangs up and calls anew; ``None``: to the end.
    """

    way: Way
    pause: tuple[float, float]
    call_minutes: float | None = None


@dataclass(frozen=True, slots=True)
class BotPlan:
    """One bot process. It holds the calls of all its clients at once."""

    name: str
    engines: Engines
    clients: Sequence[ClientPlan]


_SLOWLY, _QUICKLY = (6.0, 14.0), (1.0, 4.0)
PLAN: Sequence[BotPlan] = (
    BotPlan(
        "real",
        Engines.REAL,
        (ClientPlan(Way.DISCORD, _SLOWLY), ClientPlan(Way.BROWSER, _SLOWLY, call_minutes=25.0)),
    ),
    BotPlan(
        "stand-ins",
        Engines.STAND_INS,
        (
            ClientPlan(Way.DISCORD, _QUICKLY),
            ClientPlan(Way.BROWSER, _QUICKLY),
            ClientPlan(Way.PHONE, _QUICKLY, call_minutes=10.0),
        ),
    ),
)
"""Two bots with five clients. The two clients of the bot with real engines take longer pauses, since these engines need
a core while they answer.
"""


def only_stand_ins(plan: Sequence[BotPlan]) -> Sequence[BotPlan]:
    """The same bots and clients without real engines, for machines that lack the weights or the cores."""
    return tuple(replace(bot, engines=Engines.STAND_INS) for bot in plan)
