"""The ledger of what is used of the engines: sums by day and server, the day's end at local midnight, and bounds."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from bot.metering import NOBODY, Account
from bot.usage.ledger import MAX_KEYS_A_DAY, NOBODY_ID, NOTHING, Amounts, Engine, UsageLedger

ADA, BEN = 11, 22
HERE, THERE = 100, 200
HOSTED, LOCAL = "api.example.org", "127.0.0.1:8080"
BERLIN = ZoneInfo("Europe/Berlin")


class Days:
    """A ledger, and the clock that the test moves."""

    def __init__(self, now: datetime, zone: ZoneInfo = BERLIN) -> None:
        self.now = now
        self.zone = zone
        self.ledger = UsageLedger(lambda: self.now.astimezone(self.zone).date())

    def use(self, tokens: int, account: Account = NOBODY, *, paid: bool = True) -> None:
        server = HOSTED if paid else LOCAL
        self.ledger.add(account, Engine.MIND, server, Amounts(1, tokens, 0), paid=paid)


def test_only_what_costs_money_counts_for_the_limits() -> None:
    days = Days(datetime(2026, 11, 29, 12, tzinfo=UTC))
    days.use(100)
    days.use(1_000, paid=False)
    days.use(20, Account(HERE, ADA))
    assert days.ledger.paid_today() == Amounts(2, 120, 0)
    assert days.ledger.by_server_today()[Engine.MIND, LOCAL, False].tokens == 1_000


@pytest.mark.parametrize(
    ("before", "after", "day"),
    [
        # An ordinary night, in winter.
        ("2026-11-29 22:59:59", "2026-11-29 23:00:00", date(2026, 11, 30)),
        # The days on which the clocks are set forward and back. They have 23 and 25 hours.
        ("2026-03-29 21:59:59", "2026-03-29 22:00:00", date(2026, 3, 30)),
        ("2026-10-25 22:59:59", "2026-10-25 23:00:00", date(2026, 10, 26)),
    ],
)
def test_the_day_ends_at_local_midnight(before: str, after: str, day: date) -> None:
    days = Days(datetime.fromisoformat(before).replace(tzinfo=UTC))
    days.use(100)
    assert days.ledger.paid_today().tokens == 100
    days.now = datetime.fromisoformat(after).replace(tzinfo=UTC)
    assert days.ledger.today() == day
    assert days.ledger.paid_today() == NOTHING


def test_the_hour_that_is_repeated_in_autumn_belongs_to_one_day() -> None:
    days = Days(datetime(2026, 10, 24, 22, tzinfo=UTC))  # midnight, in summer time
    for _ in range(25):
        days.use(1)
        days.now += timedelta(hours=1)
    assert days.ledger.paid_today() == NOTHING
    days.now -= timedelta(seconds=1)
    assert days.ledger.paid_today().tokens == 25


def test_a_clock_that_is_set_back_over_midnight_finds_the_figures_of_that_day() -> None:
    days = Days(datetime(2026, 11, 29, 12, tzinfo=UTC))
    days.use(100)
    days.now += timedelta(days=1)
    days.use(5)
    days.now -= timedelta(days=1)
    assert days.ledger.paid_today().tokens == 100


def test_a_restart_goes_on_with_what_is_stored() -> None:
    days = Days(datetime(2026, 11, 29, 12, tzinfo=UTC))
    days.use(100, Account(HERE, ADA))
    stored = days.ledger.take_unstored()
    again = UsageLedger(days.ledger.today, stored)
    assert again.paid_today().tokens == 100
    assert not again.has_unstored, "what was read is not stored a second time"


def test_what_could_not_be_stored_is_stored_later_together_with_what_came_since() -> None:
    days = Days(datetime(2026, 11, 29, 12, tzinfo=UTC))
    days.use(100, Account(HERE, ADA))
    taken = days.ledger.take_unstored()
    days.use(1, Account(HERE, ADA))
    days.ledger.put_back(taken)
    ((key, amounts),) = days.ledger.take_unstored()
    assert (key.place, key.person, amounts) == (HERE, ADA, Amounts(2, 101, 0))


def test_a_forgotten_persons_use_stays_in_the_sums_without_them() -> None:
    days = Days(datetime(2026, 11, 29, 12, tzinfo=UTC))
    days.use(100, Account(HERE, ADA))
    days.use(7, Account(HERE))
    days.use(3, Account(HERE, BEN))
    days.ledger.forget(ADA)
    people = {key.person: amounts.tokens for key, amounts in days.ledger.take_unstored()}
    assert people == {NOBODY_ID: 107, BEN: 3}
    assert days.ledger.paid_today().tokens == 110, "nobody gets more by being forgotten"


def test_a_flood_of_people_makes_a_bounded_number_of_figures_and_loses_no_sum() -> None:
    days = Days(datetime(2026, 11, 29, 12, tzinfo=UTC))
    for person in range(1, MAX_KEYS_A_DAY + 1_000):
        days.use(1, Account(HERE, person))
    days.use(1, Account(HERE, 1))
    figures = dict(days.ledger.take_unstored())
    assert len(figures) <= MAX_KEYS_A_DAY + 1
    assert sum(amounts.tokens for amounts in figures.values()) == MAX_KEYS_A_DAY + 1_000
    assert days.ledger.paid_today().tokens == MAX_KEYS_A_DAY + 1_000


def test_what_a_server_did_while_it_cost_nothing_counts_for_no_limit() -> None:
    days = Days(datetime(2026, 11, 29, 12, tzinfo=UTC))
    for paid in (True, False):
        days.ledger.add(NOBODY, Engine.VOICE, HOSTED, Amounts(1, milliseconds=500), paid=paid)
    assert days.ledger.paid_today().milliseconds == 500
