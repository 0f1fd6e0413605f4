"""Tests of figurine news that Discord does not take: they are sent again, or sent in private."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.features.figurine_notifier import retries
from bot.features.figurine_notifier.feature import ENDED, REFUSED
from bot.features.figurine_notifier.notice import LOST
from bot.features.figurine_notifier.retries import FIRST_WAIT
from sandbox.world.permissions import Permission
from tests.features.feed_server import Entry
from tests.features.figurine_shop import NEW, OLD, PERIOD, Shop, figurine_shop
from tests.features.talk import running
from tests.timing import LIMIT, Clock, wait_until


@pytest.fixture
async def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Shop]:
    async with figurine_shop(tmp_path, monkeypatch) as shop:
        yield shop


async def test_news_that_discord_does_not_take_are_sent_again_later_and_others_do_not_wait_for_them(shop: Shop) -> None:
    stage, clock = shop.stage, shop.clock
    await stage.ask("!figurines subscribe")
    await stage.ada.dm("!figurines subscribe")
    async with running(shop.notifier.run()):
        await shop.poll_feed()
        general = stage.sandbox.home.general.id
        stage.sandbox.faults.rest.fail(f"POST /channels/{general}/messages", times=2, status=400)
        shop.source.rss([NEW, OLD])
        clock.pass_by(PERIOD)
        await wait_until(lambda: len(shop.written(privately=True)) == 1)
        for wait in (FIRST_WAIT, 2 * FIRST_WAIT):
            await wait_until(lambda: shop.notifier._retries.waits(shop.server.address("shop"), general))
            assert shop.written() == []
            clock.pass_by(wait)
        assert "Nendoroid Rin" in (await shop.news()).content
        shop.source.rss([Entry("3", "Miku nurse"), NEW, OLD])
        await shop.poll_feed()
    assert [len(shop.written()), len(shop.written(privately=True))] == [2, 2], "nobody reads anything twice"


async def test_news_that_discord_never_takes_are_given_up_and_the_next_message_says_so(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retries, "MAX_TRIES", 2)
    await shop.stage.ask("!figurines subscribe")
    async with running(shop.notifier.run()):
        await shop.poll_feed()
        general = shop.stage.sandbox.home.general.id
        shop.stage.sandbox.faults.rest.fail(f"POST /channels/{general}/messages", times=2, status=400)
        shop.source.rss([NEW, OLD])
        tries = shop.notifier._retries
        shop.clock.pass_by(PERIOD)
        await wait_until(lambda: tries.waits(shop.server.address("shop"), general))
        shop.clock.pass_by(FIRST_WAIT)
        await wait_until(lambda: tries.lost[general] == 1)
        for expected in (True, False):
            shop.source.rss([Entry(f"new {expected}", "Miku nurse"), NEW, OLD])
            await shop.poll_feed()
            assert shop.written()[-1].endswith(LOST.format(count=1)) == expected


@pytest.mark.parametrize("deleted", [False, True])
async def test_news_for_a_channel_in_which_the_bot_may_not_write_come_in_private(shop: Shop, deleted: bool) -> None:
    stage, side = shop.stage, shop.stage.sandbox.home.side
    await stage.ada.say(side, "!figurines subscribe rin")
    await stage.ada.wait_for_message(side, timeout=LIMIT)
    async with running(shop.notifier.run()):
        await shop.poll_feed()
        if deleted:
            stage.sandbox.world.directory.delete_channel(side)
        else:
            stage.sandbox.faults.deny(stage.sandbox.bot, side, Permission.SEND_MESSAGES)
        shop.source.rss([NEW, Entry("3", "Miku nurse"), OLD])
        await shop.poll_feed()
    why = (ENDED if deleted else REFUSED).format(channel=side.id)
    assert shop.written(privately=True) == [f"{why}\n🎎 New:\n• **Nendoroid Rin** <{NEW.link}>"]


async def test_news_that_somebody_gets_in_private_anyway_do_not_come_a_second_time_if_a_channel_refuses_them(
    shop: Shop,
) -> None:
    stage, side = shop.stage, shop.stage.sandbox.home.side
    await stage.ada.say(side, "!figurines subscribe")
    await stage.ada.wait_for_message(side, timeout=LIMIT)
    await stage.ada.dm("!figurines subscribe rin")
    await stage.ada.wait_for_message(stage.ada.dm_channel, timeout=LIMIT)
    async with running(shop.notifier.run()):
        await shop.poll_feed()
        stage.sandbox.faults.deny(stage.sandbox.bot, side, Permission.SEND_MESSAGES)
        shop.source.rss([NEW, Entry("3", "Miku nurse"), OLD])
        await shop.poll_feed()
    written = "\n".join(shop.written(privately=True))
    assert [written.count(name) for name in ("Nendoroid Rin", "Miku nurse")] == [1, 1]


async def test_whoever_subscribes_while_news_wait_for_others_does_not_get_the_old_ones(shop: Shop) -> None:
    stage, general, url = shop.stage, shop.stage.sandbox.home.general.id, shop.server.address("shop")
    await stage.ask("!figurines subscribe")
    async with running(shop.notifier.run()):
        await shop.poll_feed()
        stage.sandbox.faults.rest.fail(f"POST /channels/{general}/messages", times=1, status=400)
        shop.source.rss([NEW, OLD])
        shop.clock.pass_by(PERIOD)
        await wait_until(lambda: shop.notifier._retries.waits(url, general))
        await stage.ada.dm("!figurines subscribe")
        await stage.ada.wait_for_message(stage.ada.dm_channel, timeout=LIMIT)
        shop.source.rss([Entry("3", "Miku nurse"), NEW, OLD])
        await shop.poll_feed()
    assert "Nendoroid Rin" in "".join(shop.written())
    (private,) = shop.written(privately=True)
    assert "Miku nurse" in private
    assert "Nendoroid Rin" not in private


def test_the_pauses_between_attempts_grow_up_to_an_hour() -> None:
    clock = Clock(0.0)
    tries = retries.DeliveryRetries(clock)
    waited = []
    while not tries.failed("feed", 7, items=3):
        began = clock.now
        while tries.waits("feed", 7):
            clock.pass_by(60)
        waited.append(clock.now - began)
    assert waited == [60, 120, 240, 480, 960, 1920, *5 * [3600]]
    assert tries.lost == {7: 3}
    tries.delivered("feed", 7)
    assert not tries.lost
