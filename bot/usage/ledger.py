"""The ledger: how much of each engine was used on which day, by place and person. Pure logic, driven by a clock."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum

from bot.lone_people import is_passing
from bot.metering import Account

NOBODY_ID = 0
"""Stands for nobody in particular, and for people whose data were erased."""
MAX_KEYS_A_DAY = 5_000
"""Maximum number of figures of one day. What further people use on that day counts as used by nobody in particular."""
KEPT_DAYS = 3
"""Number of the newest days whose figures the ledger knows: not only today, as a clock may go back past midnight."""


class Engine(StrEnum):
    """The kind of engine: the language model, the recogniser or the voice."""

    MIND = "mind"
    EARS = "ears"
    VOICE = "voice"


@dataclass(frozen=True, slots=True)
class UsageKey:
    """What a figure is about.

    Attributes:
        day: the day in the people's time zone.
        place: id of the Discord server or other place; see :class:`~bot.metering.Account`.
        person: user id, or :data:`NOBODY_ID`.
        server: the shown name of the engine's server: host and port, or what stands for the bot's own engine.
        paid: whether the server costs money.
    """

    day: date
    place: int
    person: int
    engine: Engine
    server: str
    paid: bool


@dataclass(frozen=True, slots=True)
class Amounts:
    """How much was used.

    Attributes:
        requests: number of requests. All sound that the voice makes for one reply counts as one request, or as two if
            only a part of it costs money.
        prompt_tokens, answer_tokens: tokens that the model read and wrote.
        milliseconds: sound that was spoken or recognised.
    """

    requests: int = 0
    prompt_tokens: int = 0
    answer_tokens: int = 0
    milliseconds: int = 0

    def __add__(self, other: Amounts) -> Amounts:
        return Amounts(
            self.requests + other.requests,
            self.prompt_tokens + other.prompt_tokens,
            self.answer_tokens + other.answer_tokens,
            self.milliseconds + other.milliseconds,
        )

    @property
    def tokens(self) -> int:
        """All tokens."""
        return self.prompt_tokens + self.answer_tokens

    @property
    def minutes(self) -> float:
        """Minutes of sound."""
        return self.milliseconds / 60_000


NOTHING = Amounts()
ServerKey = tuple[Engine, str, bool]
"""An engine, the shown name of its server, and whether it costs money."""


@dataclass(slots=True)
class _Day:
    keys: set[UsageKey] = field(default_factory=set)
    by_server: dict[ServerKey, Amounts] = field(default_factory=dict)

    def add(self, key: UsageKey, amounts: Amounts) -> None:
        self.keys.add(key)
        server = (key.engine, key.server, key.paid)
        self.by_server[server] = self.by_server.get(server, NOTHING) + amounts


class UsageLedger:
    """Adds up what is used, and knows what is not stored yet. Use it on one thread.

    Args:
        today: returns the day in the people's time zone.
        stored: the figures of the newest days that are stored already.
    """

    def __init__(self, today: Callable[[], date], stored: Iterable[tuple[UsageKey, Amounts]] = ()) -> None:
        self.today = today
        self._days: dict[date, _Day] = {}
        self._unstored: dict[UsageKey, Amounts] = {}
        for key, amounts in stored:
            self._of(key.day).add(key, amounts)

    def add(self, account: Account, engine: Engine, server: str, amounts: Amounts, *, paid: bool) -> None:
        """Count a use of today."""
        person = account.person
        if person is None or is_passing(person):
            person = NOBODY_ID
        key = UsageKey(self.today(), account.place, person, engine, server, paid)
        day = self._of(key.day)
        if key not in day.keys and len(day.keys) >= MAX_KEYS_A_DAY:
            key = replace(key, person=NOBODY_ID)
        day.add(key, amounts)
        self._put(key, amounts)

    def paid_today(self) -> Amounts:
        """What was used today of servers that cost money."""
        return sum((amounts for (_, _, paid), amounts in self.by_server_today().items() if paid), NOTHING)

    def by_server_today(self) -> Mapping[ServerKey, Amounts]:
        """What was used today, by the server of each engine."""
        return self._of(self.today()).by_server

    def take_unstored(self) -> list[tuple[UsageKey, Amounts]]:
        """What is to be stored now. It counts as stored from now on."""
        taken, self._unstored = list(self._unstored.items()), {}
        return taken

    def put_back(self, taken: Iterable[tuple[UsageKey, Amounts]]) -> None:
        """Give back what could not be stored."""
        for key, amounts in taken:
            self._put(key, amounts)

    @property
    def has_unstored(self) -> bool:
        """Whether anything is to be stored."""
        return bool(self._unstored)

    def forget(self, person: int) -> None:
        """Take a person out of all figures. What they used counts as used by nobody in particular from now on."""
        for day in self._days.values():
            day.keys = {_disowned(key, person) for key in day.keys}
        unstored, self._unstored = self._unstored, {}
        for key, amounts in unstored.items():
            self._put(_disowned(key, person), amounts)

    def _put(self, key: UsageKey, amounts: Amounts) -> None:
        self._unstored[key] = self._unstored.get(key, NOTHING) + amounts

    def _of(self, day: date) -> _Day:
        if day not in self._days:
            self._days[day] = _Day()
            for old in sorted(self._days)[:-KEPT_DAYS]:
                if old != day:
                    del self._days[old]
        return self._days[day]


def _disowned(key: UsageKey, person: int) -> UsageKey:
    return replace(key, person=NOBODY_ID) if key.person == person else key
