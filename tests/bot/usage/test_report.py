"""What the command ``usage`` answers: about a person, about a place, on the page, and if nothing was used."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest.mock import Mock

import pytest

from bot.browser_commands import BrowserCommands
from bot.browser_usage import BrowserUsage
from bot.database import FILE, Database
from bot.metering import DIRECT_MESSAGES, Account
from bot.text import MESSAGE_LIMIT
from bot.usage.report import UsageReport
from bot.usage.usage import Usage
from bot.user_error import UserError
from config.sections import DailySettings

ADA, BEN, HERE = 11, 22, 100
HOSTED, LOCAL = "api.example.org", "127.0.0.1:8080"


class Desk:
    """What was used, the report about it, and the clock that the test moves."""

    def __init__(self, database: Database) -> None:
        self.now = datetime(2026, 11, 29, 12, tzinfo=UTC)
        self.database = database

    async def open(self, usage: Usage) -> None:
        self.usage = usage
        self.report = UsageReport(usage)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with Database.opened(tmp_path / FILE) as database:
        desk = Desk(database)
        limits = DailySettings(tokens=1_000)
        async with Usage.opened(database, lambda: desk.now, limits) as usage:
            await desk.open(usage)
            yield desk


def name_of(person: int) -> str:
    return f"<@{person}>"


async def test_a_person_sees_today_and_the_last_days_by_server(desk: Desk) -> None:
    desk.usage.tokens(Account(HERE, ADA), HOSTED, 900, 12, paid=True)
    desk.now += timedelta(days=1)
    desk.usage.tokens(Account(DIRECT_MESSAGES, ADA), HOSTED, 90, 10, paid=True)
    desk.usage.spoken(Account(HERE, ADA), LOCAL, 42.0, paid=False)
    desk.usage.tokens(Account(HERE, BEN), HOSTED, 5_000, 0, paid=True)
    assert await desk.report.of_person(ADA, "Yours") == "\n".join(
        [
            "Yours",
            "Today: 100 tokens (10 written) · 42 s of speech",
            "Last 7 days: 1,012 tokens (22 written) · 42 s of speech",
            "By engine:",
            "- `api.example.org` (model, costs money): 1,012 tokens (22 written)",
            "- `127.0.0.1:8080` (voice): 42 s of speech",
        ]
    )
    assert "900" not in await desk.report.of_person(ADA, "Yours", DIRECT_MESSAGES)


async def test_nothing_used_is_said_plainly(desk: Desk) -> None:
    desk.usage.tokens(Account(HERE, BEN), HOSTED, 10, 10, paid=True)
    assert await desk.report.of_person(ADA, "Yours", whose=" by you") == (
        "📊 Nothing has been used by you in the last 7 days."
    )
    desk.now += timedelta(days=7)
    assert await desk.report.overview("All", None) == "📊 Nothing has been used in the last 7 days."


async def test_a_place_has_its_sums_by_day_server_and_person(desk: Desk) -> None:
    desk.usage.tokens(Account(HERE, ADA), HOSTED, 400, 12, paid=True)
    desk.usage.heard(Account(HERE), HOSTED, 90.0, paid=True)
    desk.usage.tokens(Account(DIRECT_MESSAGES, ADA), HOSTED, 88, 0, paid=True)
    text = await desk.report.overview("All", HERE, name_of)
    limit = "Today's limit of 1,000 tokens, for everybody together, at model servers that cost money: 50 % used"
    assert f"\n{limit}, 41 % by this server\n" in text
    assert f"\n{limit}\n" in await desk.report.overview("All", None)
    other = await desk.report.overview("All", DIRECT_MESSAGES)
    assert f"\n{limit}, 8 % by this server\n" in other
    assert "- Sun 29 Nov: 412 tokens (12 written) · 1.5 min of speech" in text
    assert "- <@11>: 412 tokens (12 written)" in text
    assert "- nobody in particular: 1.5 min of speech" in text


async def test_the_sums_fit_into_two_messages_however_many_people_used_something(desk: Desk) -> None:
    for person in range(1, 100):
        for number in range(3):
            server = f"{'very-' * 30}long-{person}.example.org"
            desk.usage.tokens(Account(HERE, 10**18 + person), server, 10**9, number * 10**9, paid=True)
        desk.now += timedelta(hours=1)
    text = await desk.report.overview("📊 **All**", None, name_of)
    assert "only the first 10 are shown" in text
    assert len(text) < 2 * MESSAGE_LIMIT


async def test_what_cost_nothing_and_what_was_used_yesterday_are_no_part_of_todays_limit(desk: Desk) -> None:
    desk.usage.tokens(Account(HERE, ADA), HOSTED, 900, 0, paid=True)
    desk.now += timedelta(days=1)
    desk.usage.tokens(Account(HERE, ADA), LOCAL, 900, 0, paid=False)
    assert ": 0 % used, 0 % by this server" in await desk.report.overview("All", HERE)
    desk.usage.tokens(Account(HERE, ADA), HOSTED, 5, 0, paid=True)
    assert ": under 1 % used, under 1 % by this server" in await desk.report.overview("All", HERE)


async def test_on_the_page_a_person_sees_their_figures_and_the_sums_without_people(desk: Desk) -> None:
    desk.usage.tokens(Account(0, ADA), LOCAL, 10, 1, paid=False)
    desk.usage.tokens(Account(HERE, BEN), LOCAL, 20, 2, paid=False)
    page = BrowserUsage(desk.report, "!")
    shown = await page.show(ADA, "Ada", "")
    assert await page.show(ADA, "Ada", " @ada") == shown
    assert "Today: 11 tokens (1 written)" in shown
    assert "Last 7 days: 33 tokens (3 written)" in shown
    assert str(BEN) not in shown
    with pytest.raises(UserError, match="I see nobody called `Ben` on this page but Ada"):
        await page.show(ADA, "Ada", "@Ben")
    await desk.database.write("DROP TABLE usage")
    with pytest.raises(UserError, match="database"):
        await page.show(ADA, "Ada", "")


async def test_the_command_is_typed_on_the_page_as_the_others_are(desk: Desk) -> None:
    desk.usage.tokens(Account(0, ADA), LOCAL, 10, 1, paid=False)
    call = Mock()
    call.transport.people.person = ADA
    call.transport.people.name.return_value = "Ada"
    typed = BrowserCommands(Mock(), Mock(), Mock(), "!", usage=BrowserUsage(desk.report, "!"))
    assert (await typed.answer("!Usage", call, lambda: None)).startswith("📊 **What you have used**\nToday: 11 tokens")
    assert "nobody called `Ben`" in await typed.answer("!usage @Ben", call, lambda: None)
    assert "`!usage`" in await typed.answer("!help", call, lambda: None)
