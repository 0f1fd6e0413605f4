"""Figurine notifier: tells subscribers what is new in feeds, once, ever."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from urllib.parse import urlsplit

import aiohttp
import discord

from bot.discord_away import why
from bot.features.figurine_notifier.feeds import Feed, FeedRecords
from bot.features.figurine_notifier.fetching import FeedError, Item, fetch_page, read_items
from bot.features.figurine_notifier.notice import notice
from bot.features.figurine_notifier.subscriptions import Subscription, SubscriptionRecords
from bot.work_gate import FeatureHeldError, WorkGate, WorkStoppedError
from config.sections import FigurineSettings

_log = logging.getLogger(__name__)

DAY = 86_400.0
MAX_WAIT = DAY
"""Seconds between two tries of a feed that fails."""
POLL = 30.0
_LONGEST_DOUBLING = 16


class FigurineNotifier:
    """Watches the feeds; start :meth:`run` when the bot is ready. A ``Lockable`` of the lease.

    Items are noted before they are told, and each channel and person is noted before they are told: whatever ends the
    process, nobody is told of an item twice.

    Args:
        bot: who tells.
        http: fetches the feeds.
        clock: seconds since 1970.
        chance: spreads the tries of feeds that fail.
        poll: seconds between two looks at the clock.
    """

    name = "figurine notifier"

    def __init__(
        self,
        bot: discord.Client,
        http: aiohttp.ClientSession,
        feeds: FeedRecords,
        subscriptions: SubscriptionRecords,
        settings: FigurineSettings,
        *,
        clock: Callable[[], float] = time.time,
        chance: random.Random | None = None,
        poll: float = POLL,
    ) -> None:
        self._bot = bot
        self._http = http
        self._feeds = feeds
        self._subscriptions = subscriptions
        self._settings = settings
        self._clock = clock
        self._chance = chance or random.Random()
        self._poll = poll
        self._gate = WorkGate(self.name)
        self._wake = asyncio.Event()
        self._waiting: set[str] = set()

    async def hold(self, reason: str) -> None:
        """Fetch nothing and tell nothing."""
        await self._gate.hold(reason)

    async def release(self) -> None:
        """Go on, at once with what is overdue."""
        await self._gate.release()
        self._waiting.clear()
        self._wake.set()

    async def run(self) -> None:
        """Watch the feeds until cancelled."""
        await self._shorten_waits()
        while True:
            self._wake.clear()
            for url in self._settings.feeds:
                try:
                    await self._visit(url)
                except Exception:
                    _log.exception("The feed of %s could not be processed", _host(url))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._poll):
                    await self._wake.wait()

    async def _shorten_waits(self) -> None:
        """Wait no longer for a feed than we would now: the period may have been longer when its wait began."""
        for url in self._settings.feeds:
            feed = await self._feeds.feed(url)
            latest = self._clock() + self._wait_after(max(0, feed.failures - 1))
            if feed.next_look_at > latest:
                await self._feeds.keep(replace(feed, next_look_at=latest))

    async def subscribe(self, subscription: Subscription) -> Subscription | None:
        """Tell somebody from now on; returns the subscription of theirs there that this one replaces.

        Raises:
            TooManySubscriptionsError: from :mod:`~.subscriptions`.
        """
        theirs = await self.subscriptions_of(subscription.user)
        await self._subscriptions.add(subscription)
        return next((each for each in theirs if each.channel == subscription.channel), None)

    async def unsubscribe(self, user: int, channel: int) -> bool:
        """Tell them there no more; False when they had not subscribed."""
        return await self._subscriptions.remove(user, channel)

    async def subscriptions_of(self, user: int) -> list[Subscription]:
        """What somebody has subscribed to, everywhere."""
        return [each for each in await self._subscriptions.all() if each.user == user]

    async def _visit(self, url: str) -> None:
        feed = await self._feeds.feed(url)
        due = self._clock() >= feed.next_look_at
        if not due and not await self._feeds.untold(url):
            return
        try:
            async with self._gate.work():
                await self._tell(url)
                if due:
                    await self._look(feed)
                    await self._tell(url)
        except FeatureHeldError:
            if url not in self._waiting:
                _log.info("The feed of %s waits: %s is held", _host(url), self.name)
            self._waiting.add(url)
        except WorkStoppedError:
            _log.info("A look at the feed of %s was broken off: %s is held", _host(url), self.name)

    async def _look(self, feed: Feed) -> None:
        try:
            page = await fetch_page(self._http, feed.url, feed.validators)
            items = await read_items(page.data) if page else []
        except FeedError as error:
            wait = self._back_off(feed.failures)
            _log.warning("The feed of %s: %s; the next try is in %.0f min", _host(feed.url), error, wait / 60)
            await self._feeds.keep(replace(feed, failures=feed.failures + 1, next_look_at=self._clock() + wait))
            return
        if page:
            # Before the validators: had these been kept alone, the server would never show us the items again.
            await self._feeds.note(feed, items, self._clock())
            feed = replace(feed, validators=page.validators, learned=True)
        await self._feeds.keep(replace(feed, failures=0, next_look_at=self._clock() + self._settings.period))

    def _back_off(self, failures: int) -> float:
        return self._wait_after(failures) * self._chance.uniform(0.75, 1.0)

    def _wait_after(self, failures: int) -> float:
        return min(self._settings.period * 2.0 ** min(failures, _LONGEST_DOUBLING), MAX_WAIT)

    async def _tell(self, url: str) -> None:
        news = await self._feeds.untold(url)
        if not news:
            return
        subscriptions = await self._subscriptions.all()
        for place in dict.fromkeys(each.place for each in subscriptions):
            known = await self._feeds.told_at(url, place)
            fresh = [item for item in news if item.key not in known]
            await self._tell_at(place, [each for each in subscriptions if each.place == place], url, fresh)
        await self._feeds.settle(url)

    async def _tell_at(self, place: int, here: Sequence[Subscription], url: str, fresh: Sequence[Item]) -> None:
        items = [item for item in fresh if any(each.wants(item.title) for each in here)]
        if not items:
            return
        readers = [each.user for each in here if any(each.wants(item.title) for item in items)]
        await self._feeds.note_told(url, place, items)
        mentions = discord.AllowedMentions(
            everyone=False, roles=False, users=[discord.Object(reader) for reader in readers], replied_user=False
        )
        try:
            target = await self._target(here[0])
            await target.send(notice(items, readers if here[0].channel else ()), allowed_mentions=mentions)
        except (discord.Forbidden, discord.NotFound) as error:
            given_up = await self._subscriptions.refused(place, for_good=isinstance(error, discord.NotFound))
            _log.info(
                "Channel or user %d can't be sent figurine news%s: %s",
                place,
                ", and is given up" if given_up else "",
                error,
            )
        except (discord.DiscordException, aiohttp.ClientError, OSError) as error:
            _log.warning("%d could not be told of figurines: %s", place, why(error))
        else:
            await self._subscriptions.reached(place)

    async def _target(self, subscription: Subscription) -> discord.abc.Messageable:
        if not subscription.channel:
            return self._bot.get_user(subscription.user) or await self._bot.fetch_user(subscription.user)
        number = subscription.channel
        channel = self._bot.get_channel(number) or await self._bot.fetch_channel(number)
        if not isinstance(channel, discord.abc.Messageable):
            raise discord.InvalidData(f"channel {number} can't be written to")
        return channel


def _host(url: str) -> str:
    """All of a feed's address that belongs into a log: the rest may hold a key."""
    try:
        return urlsplit(url).hostname or "an address without a host"
    except ValueError:
        return "an address that is not valid"
