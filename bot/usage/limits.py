"""The daily limits (``DAILY_TOKENS``, ``DAILY_SPEECH_MINUTES``) of engines that cost money. Pure logic with a clock."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from bot.metering import Paid
from bot.usage.ledger import Amounts
from config.sections import DailySettings

NEARLY = 0.8
"""Share of a limit from which on nothing is done in advance, and the operator is told."""
REACHED = "Today's limit of {amount} is reached, for {what} that cost money. It begins anew at midnight, in {wait}."
NEARLY_REACHED = "{share:.0f} % of today's limit of {amount} ({setting}={limit:g}) is used."
USED_UP = (
    "Today's limit of {amount} ({setting}={limit:g}) is reached: until midnight, in {wait}, nothing new is begun with "
    "{what} that cost money."
)
SHARES = "Today's limit of {amount}, for everybody together, at {what} that cost money: {used} used{part}"


@dataclass(frozen=True, slots=True)
class _Words:
    """The words for a limit, and the variable that sets it."""

    setting: str
    amount: str
    what: str


_WORDS: Mapping[Paid, _Words] = {
    Paid.TOKENS: _Words("DAILY_TOKENS", "{:,.0f} tokens", "model servers"),
    Paid.SPEECH: _Words("DAILY_SPEECH_MINUTES", "{:,g} minutes of speech", "voices and recognisers"),
}


class DailyLimits:
    """Decides what may still be begun today. Use it on one thread.

    What has begun is finished: an answer that is being spoken is never cut.

    Args:
        settings: the operator's limits; 0 means no limit.
        paid_today: returns what was used today of servers that cost money.
        clock: returns the current time in the people's time zone.
        costing: the kinds of use for which a server costs money, as far as the settings tell.
    """

    def __init__(
        self,
        settings: DailySettings,
        paid_today: Callable[[], Amounts],
        clock: Callable[[], datetime],
        costing: Collection[Paid] = tuple(Paid),
    ) -> None:
        self._limits = {Paid.TOKENS: float(settings.tokens), Paid.SPEECH: settings.speech_minutes}
        self._paid_today = paid_today
        self._clock = clock
        self._costing = costing
        self._told: dict[Paid, tuple[date, float]] = {}
        # The operator was told of what was reached before this start, so it is not told again.
        self.news()

    def used(self, paid: Paid) -> float | None:
        """The used share of a limit: 1 when it is reached; ``None`` if there is no limit."""
        limit = self._limits[paid]
        return self._amount(paid) / limit if limit else None

    def refusal(self, paid: Paid, *, guess: bool = False) -> str | None:
        """Why nothing that costs money may be begun now, in a sentence for people; ``None`` if there is no reason.

        Args:
            guess: whether the work would be done in advance, and may be in vain. Such work ends at :data:`NEARLY` of
                the limit.
        """
        used = self.used(paid)
        if used is None or used < (NEARLY if guess else 1.0):
            return None
        words = _WORDS[paid]
        return REACHED.format(amount=words.amount.format(self._limits[paid]), what=words.what, wait=self._wait())

    def news(self) -> list[str]:
        """What the operator is to be told now. Each thing is told once a day."""
        today, told = self._clock().date(), list[str]()
        for paid, words in _WORDS.items():
            used = self.used(paid)
            level = 0.0 if used is None or used < NEARLY else NEARLY if used < 1.0 else 1.0
            day, before = self._told.get(paid, (today, 0.0))
            if level > (before if day == today else 0.0):
                told.append(self._state(paid, words))
                self._told[paid] = (today, level)
        return told

    def states(self) -> list[str]:
        """The limits that are reached, or nearly, for the operator."""
        return [self._state(paid, words) for paid, words in _WORDS.items() if (self.used(paid) or 0.0) >= NEARLY]

    def reached(self) -> list[str]:
        """The limits that are reached, in sentences for people."""
        return [text for paid in _WORDS if (text := self.refusal(paid)) is not None]

    def summary(self, here: Amounts | None = None) -> list[str]:
        """How much of each limit is used, in words. Limits that are not set, or that limit no server, are left out.

        Args:
            here: what was used today of servers that cost money, in the one place that the summary is for; ``None`` if
                the summary is for all places.
        """
        lines = []
        for paid, words in _WORDS.items():
            used = self.used(paid)
            if used is not None and (used or paid in self._costing):
                amount = words.amount.format(self._limits[paid])
                part = "" if here is None else f", {_percent(_of(here, paid) / self._limits[paid])} by this server"
                lines.append(SHARES.format(amount=amount, what=words.what, used=_percent(used), part=part))
        return lines

    def _state(self, paid: Paid, words: _Words) -> str:
        used, limit = self.used(paid) or 0.0, self._limits[paid]
        text = NEARLY_REACHED if used < 1.0 else USED_UP
        return text.format(
            share=math.floor(100 * used),
            amount=words.amount.format(limit),
            setting=words.setting,
            limit=limit,
            what=words.what,
            wait=self._wait(),
        )

    def _amount(self, paid: Paid) -> float:
        return _of(self._paid_today(), paid)

    def _wait(self) -> str:
        return wait_text(until_midnight(self._clock()))


def _of(amounts: Amounts, paid: Paid) -> float:
    return amounts.tokens if paid is Paid.TOKENS else amounts.minutes


def _percent(share: float) -> str:
    return "under 1 %" if 0 < share < 0.01 else f"{math.floor(100 * share)} %"


def until_midnight(now: datetime) -> timedelta:
    """How long the day of ``now`` still lasts. A day has 23 or 25 hours when the clocks are changed."""
    tomorrow = datetime.combine(now.date() + timedelta(days=1), time(), now.tzinfo)
    # Two times of one zone are subtracted as if the clocks were never changed.
    return max(tomorrow.astimezone(UTC) - now.astimezone(UTC), timedelta())


def wait_text(wait: timedelta) -> str:
    """A wait in words: "4 h 10 min"."""
    minutes = max(1, math.ceil(wait.total_seconds() / 60))
    hours, rest = divmod(minutes, 60)
    return f"{hours} h {rest} min" if hours and rest else f"{hours} h" if hours else f"{rest} min"
