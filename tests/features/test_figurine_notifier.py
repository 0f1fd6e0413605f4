"""Tests of the figurine notifier: it polls feeds of a test's web server and tells people on the sandbox what is new."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.database import Database
from bot.features.figurine_notifier import fetching
from bot.features.figurine_notifier.commands import (
    NOT_SUBSCRIBED,
    NOTHING,
    SEARCH_TOO_LONG,
    UNSUBSCRIBED,
)
from bot.features.figurine_notifier.feature import DAY
from bot.features.figurine_notifier.feeds import MAX_KNOWN, FeedRecords
from bot.features.figurine_notifier.fetching import Item
from bot.features.figurine_notifier.subscriptions import MAX_FAILURES, Subscription, SubscriptionRecords
from tests.features.feed_server import Entry
from tests.features.figurine_shop import NEW, OLD, PERIOD, Shop, figurine_shop
from tests.features.talk import running
from tests.timing import LIMIT, wait_until


@pytest.fixture
async def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Shop]:
    async with figurine_shop(tmp_path, monkeypatch) as shop:
        yield shop


async def test_people_subscribe_and_unsubscribe(shop: Shop) -> None:
    ask, general = shop.stage.ask, shop.stage.sandbox.home.general
    assert await ask("!figurines list") == NOTHING.format(prefix="!")
    assert await ask("!figurines subscribe") == "🎎 You will get news here of every new figurine."
    only_miku = "new figurines with “miku” and “1/7” in the title"
    assert await ask("!figurines subscribe Miku 1/7") == (
        f"🎎 You will get news here of {only_miku}. "
        "That replaces what you had subscribed to here before: every new figurine."
    )
    assert await ask("!figurines subscribe miku 1/7") == f"🎎 You will get news here of {only_miku}."
    assert await ask("!figurines subscribe " + "x" * 101) == SEARCH_TOO_LONG
    ada = shop.stage.ada
    await ada.dm("!figurines subscribe")
    await ada.wait_for_message(
        ada.dm_channel, lambda m: m.content == "🎎 You will get news here of every new figurine.", LIMIT
    )
    assert await ask("!figurines") == (
        f"🎎 Your figurine news:\n• <#{general.id}>: {only_miku}\n• in private: every new figurine"
    )
    assert await ask("!figurines unsubscribe") == UNSUBSCRIBED
    assert await ask("!figurines unsubscribe") == NOT_SUBSCRIBED.format(prefix="!")
    await shop.stage.sandbox.command_registered("figurines", LIMIT)
    pressed = await shop.stage.ada.press(general, "figurines subscribe", words="rin")
    assert (
        await pressed.response(LIMIT)
    ).content == "🎎 You will get news here of new figurines with “rin” in the title."


@pytest.mark.parametrize("form", ["rss", "atom", "json"])
async def test_a_new_figurine_is_announced_exactly_once_to_each_subscriber(shop: Shop, form: str) -> None:
    publish = getattr(shop.source, form)
    publish([OLD])
    await shop.stage.ask("!figurines subscribe")
    await shop.stage.ada.dm("!figurines subscribe NENDOROID")
    async with running(shop.notifier.run()):
        await shop.poll_feed()
        assert shop.written() == [], "the first poll only learns what is there"
        publish([NEW, OLD])
        await shop.poll_feed()
        message = await shop.news()
        assert message.content == f"<@{shop.stage.ada.id}> 🎎 New:\n• **Nendoroid Rin** <{NEW.link}>"
        assert message.allowed_mentions is not None
        assert message.allowed_mentions["parse"] == []
        assert list(map(int, message.allowed_mentions["users"])) == [shop.stage.ada.id]
        assert shop.written(privately=True) == [f"🎎 New:\n• **Nendoroid Rin** <{NEW.link}>"]
        publish([Entry("3", "Miku nurse"), NEW, OLD])
        await shop.poll_feed()
        assert len(shop.written()) == 2
        assert len(shop.written(privately=True)) == 1, "the words of the subscription are not in the title"
    await shop.restart()
    async with running(shop.notifier.run()):
        publish([OLD, NEW])
        await shop.poll_feed()
        assert len(shop.written()) == 2, "nothing is announced a second time"


async def test_requests_name_the_program_because_some_shops_refuse_requests_without_a_name(shop: Shop) -> None:
    shop.source.rss([OLD])
    async with running(shop.notifier.run()):
        await shop.poll_feed()
    assert shop.source.asked[0]["User-Agent"].startswith("Seiyuu/")


async def test_several_people_in_a_channel_read_one_message(shop: Shop) -> None:
    bob = await shop.stage.sandbox.add_guest("Bob")
    await shop.stage.ask("!figurines subscribe")
    await shop.stage.ask("!figurines subscribe rin", who=bob)
    async with running(shop.notifier.run()):
        await shop.poll_feed()
        shop.source.rss([NEW, Entry("3", "Luka"), OLD])
        await shop.poll_feed()
        (text,) = shop.written()
        assert text.startswith(f"<@{shop.stage.ada.id}> <@{bob.id}> 🎎 New:\n• **Nendoroid Rin**")
        assert "**Luka**" in text


async def test_an_unchanged_feed_is_not_sent_again_even_after_a_restart(shop: Shop) -> None:
    async with running(shop.notifier.run()):
        await shop.poll_feed()
    await shop.restart()
    async with running(shop.notifier.run()):
        await shop.poll_feed()
    assert shop.source.answered == [200, 304]
    assert shop.source.asked[1]["If-Modified-Since"] == shop.source.modified


async def test_a_failing_feed_is_tried_less_and_less_often_and_the_others_go_on(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    broken, url = shop.server.source("broken"), shop.server.address("broken")
    records = FeedRecords(shop.stage.database)

    async def wait_after_poll() -> float:
        async with asyncio.timeout(LIMIT):
            while (due := (await records.feed(url)).next_poll_at) <= shop.clock.now:
                await asyncio.sleep(0.01)
        return due - shop.clock.now

    async with running(shop.notifier.run()):
        for failures in range(9):
            wait = await wait_after_poll()
            assert 0.75 <= wait / min(PERIOD * 2**failures, DAY) <= 1.0
            assert len(broken.asked) == failures + 1
            shop.clock.pass_by(wait)
        assert len(shop.source.asked) > 1, "the other feed is polled meanwhile"
        await wait_after_poll()
        broken.status = 200
        broken.rss([OLD])
        shop.clock.pass_by(DAY)
        assert await wait_after_poll() == PERIOD, "once it answers, it is polled as often as other feeds"
    assert "answered with status 500" in caplog.text


async def test_a_shorter_period_takes_effect_at_the_next_start(shop: Shop) -> None:
    async with running(shop.notifier.run()):
        await shop.poll_feed()
    answers = len(shop.source.answered)
    records, url = FeedRecords(shop.stage.database), shop.server.address("shop")

    async def shortened() -> bool:
        return (await records.feed(url)).next_poll_at <= shop.clock.now + 60.0

    assert not await shortened()
    await shop.restart(period=60.0)
    async with running(shop.notifier.run()):
        await wait_until(shortened)
        await asyncio.sleep(0.1)
        assert len(shop.source.answered) == answers
        shop.clock.pass_by(61.0)
        await wait_until(lambda: len(shop.source.answered) > answers)


async def test_nothing_is_fetched_or_announced_while_the_notifier_is_held(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    await shop.stage.ask("!figurines subscribe")
    async with running(shop.notifier.run()):
        await shop.poll_feed()
        await shop.notifier.hold("a call")
        shop.source.rss([NEW, OLD])
        asked = len(shop.source.asked)
        shop.clock.pass_by(10 * PERIOD)
        await wait_until(lambda: caplog.text.count("waits: figurine notifier is paused") >= 2)
        await asyncio.sleep(0.3)
        assert len(shop.source.asked) == asked
        assert shop.written() == []
        assert caplog.text.count("waits: figurine notifier is paused") == 2, "one line for each feed"
        await shop.notifier.release()
        assert "Nendoroid Rin" in (await shop.news()).content


async def test_a_hold_stops_a_poll_that_takes_too_long(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    await shop.stage.ask("!figurines subscribe")
    async with running(shop.notifier.run()):
        await shop.poll_feed()
        shop.source.rss([NEW, OLD])
        shop.source.seconds = 30.0
        monkeypatch.setattr(shop.notifier._gate, "_limit", 0.1)
        shop.clock.pass_by(PERIOD)
        async with asyncio.timeout(LIMIT):
            while len(shop.source.asked) < 2:
                await asyncio.sleep(0.01)
            await shop.notifier.hold("a call")
        shop.source.seconds = 0.0
        await shop.notifier.release()
        assert "Nendoroid Rin" in (await shop.news()).content


async def test_news_found_before_a_kill_are_announced_after_the_restart(shop: Shop) -> None:
    await shop.stage.ask("!figurines subscribe")
    records, url = FeedRecords(shop.stage.database), shop.server.address("shop")
    async with running(shop.notifier.run()):
        await shop.poll_feed()
    await records.note(await records.feed(url), [Item("2", "Nendoroid Rin", "")], shop.clock.now)
    await shop.restart()
    async with running(shop.notifier.run()):
        assert "Nendoroid Rin" in (await shop.news()).content
        await asyncio.sleep(0.2)
        assert len(shop.written()) == 1


async def test_after_a_kill_during_the_announcements_the_rest_follows_and_nobody_is_notified_twice(shop: Shop) -> None:
    general = shop.stage.sandbox.home.general
    await shop.stage.ask("!figurines subscribe")
    await shop.stage.ada.dm("!figurines subscribe")
    async with running(shop.notifier.run()):
        await shop.poll_feed()
    records, url, rin = FeedRecords(shop.stage.database), shop.server.address("shop"), Item("2", "Nendoroid Rin", "")
    await records.note(await records.feed(url), [rin], shop.clock.now)
    await records.note_notified(url, general.id, [rin])
    await shop.restart()
    async with running(shop.notifier.run()):
        await shop.stage.ada.wait_for_message(shop.stage.ada.dm_channel, lambda m: "New:" in m.content, LIMIT)
        assert shop.written() == []


async def test_after_several_failures_a_person_who_accepts_no_messages_is_unsubscribed(shop: Shop) -> None:
    await shop.stage.ada.dm("!figurines subscribe")
    await shop.stage.ada.wait_for_message(shop.stage.ada.dm_channel, timeout=LIMIT)
    shop.stage.ada.user.takes_dms = False
    async with running(shop.notifier.run()):
        await shop.poll_feed()
        for number in range(MAX_FAILURES):
            assert len(await shop.notifier.subscriptions_of(shop.stage.ada.id)) == 1
            shop.source.rss([Entry(f"new {number}", "New one"), OLD])
            await shop.poll_feed()
        assert await shop.notifier.subscriptions_of(shop.stage.ada.id) == []
    assert shop.written() == []
    assert shop.written(privately=True) == []


async def test_subscriptions_in_a_deleted_channel_end_at_once(shop: Shop) -> None:
    side = shop.stage.sandbox.home.side
    await shop.stage.ada.say(side, "!figurines subscribe")
    await shop.stage.ada.wait_for_message(side, timeout=LIMIT)
    async with running(shop.notifier.run()):
        await shop.poll_feed()
        shop.stage.sandbox.world.directory.delete_channel(side)
        shop.source.rss([NEW, OLD])
        await shop.poll_feed()
    assert await shop.notifier.subscriptions_of(shop.stage.ada.id) == []


async def test_two_channels_that_refuse_news_at_the_same_time_are_both_reported_as_unsubscribed(tmp_path: Path) -> None:
    async with Database.opened(tmp_path / "bot.sqlite") as database:
        subscriptions = SubscriptionRecords(database)
        for channel in (1, 2):
            await subscriptions.add(Subscription(user=9, channel=channel))
        refusals = (subscriptions.note_refused(channel, for_good=True) for channel in (1, 2))
        assert await asyncio.gather(*refusals) == [True, True]
        assert await subscriptions.all() == []


async def test_a_feed_full_of_news_makes_one_message(shop: Shop) -> None:
    await shop.stage.ask("!figurines subscribe")
    async with running(shop.notifier.run()):
        await shop.poll_feed()
        shop.source.rss([Entry(f"f{number}", f"Figurine {number}") for number in range(MAX_KNOWN + 100)])
        await shop.poll_feed()
        text = (await shop.news()).content
        assert text.count("•") == 10
        assert text.endswith(f"… and {MAX_KNOWN - 10} more")
    rows = await shop.stage.database.rows("SELECT count(*) FROM figurine_item")
    assert rows == [(MAX_KNOWN,)]


async def test_titles_and_links_from_feeds_mention_nobody_and_format_nothing(shop: Shop) -> None:
    await shop.stage.ask("!figurines subscribe")
    title = "@everyone <@123456789012345678> **loud** [x](https://evil.example) `code` https://evil.example <b>b</b>"
    links = [
        "javascript:alert(1)",
        "https://discord.com@evil.example/",
        "file:///etc/passwd",
        "https://a.example/> @here",
    ]
    entries = [Entry(f"evil {number}", title, link) for number, link in enumerate(links)]
    async with running(shop.notifier.run()):
        await shop.poll_feed()
        shop.source.rss([*entries, OLD])
        await shop.poll_feed()
        text = (await shop.news()).content
    lines = text.splitlines()[1:]
    safe = (
        "• **@\u200beveryone \\<@\u200b123456789012345678\\> \\*\\*loud\\*\\* \\[x\\]\\(https\\://evil.example\\) "
        "\\`code\\` https\\://evil.example b**"
    )
    assert lines == [safe, safe, safe, f"{safe} <https://a.example/%3E%20@here>"]


@pytest.mark.parametrize(("endless", "seconds"), [(True, 0.0), (False, 30.0)])
async def test_a_huge_or_slow_feed_is_given_up(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, endless: bool, seconds: float
) -> None:
    monkeypatch.setattr(fetching, "FETCH_LIMIT", 0.5 if seconds else 20.0)
    shop.source.endless, shop.source.seconds = endless, seconds
    records, url = FeedRecords(shop.stage.database), shop.server.address("shop")

    async def failures() -> int:
        return (await records.feed(url)).failures

    async with running(shop.notifier.run()):
        await wait_until(failures)
    assert await failures() == 1
    assert "more than 5 MB" in caplog.text or "did not come within" in caplog.text
