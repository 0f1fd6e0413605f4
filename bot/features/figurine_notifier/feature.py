"""The figurine notifier feature: polls web feeds, and notifies subscribers once of each new item."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from urllib.parse import urlsplit

import discord

from bot.discord_errors import DISCORD_ERRORS, discord_error_text
from bot.features.figurine_notifier.feeds import Feed, FeedRecords
from bot.features.figurine_notifier.fetching import FeedError, Item, fetch_feed, read_items
from bot.features.figurine_notifier.notice import news_message
from bot.features.figurine_notifier.subscriptions import Subscription, SubscriptionRecords
from bot.fetching.fetcher import Fetcher
from bot.work_gate import FeatureHeldError, WorkGate, WorkStoppedError
from config.feature_sections import FigurineSettings

_log = logging.getLogger(__name__)

DAY = 86_400.0
MAX_WAIT = DAY
"""Maximum number of seconds between two attempts to fetch a failing feed."""
POLL = 30.0
"""Seconds between two checks whether a feed is due."""
_MAX_DOUBLINGS = 16
"""Each failure in a row doubles the pause before the next attempt. After this number of failures, it grows no
further.
"""


class FigurineNotifier:
    """Polls feeds and notifies subscribers. It is paused during a call (:class:`~bot.lease.Lockable`).

    Start :meth:`run` when the bot is ready. A new item is stored before anybody is notified of it, and each channel and
    person is recorded as notified before the message is sent. So nobody is notified of an item twice, even if the
    bot crashes in between.

    Args:
        bot: the client that sends the messages.
        fetcher: fetches the feeds.
        clock: seconds since 1970.
        rng: randomises the time of the next attempt after a failure.
        poll: seconds between two checks whether a feed is due.
    """

    name = "figurine notifier"

    def __init__(
        self,
        bot: discord.Client,
        fetcher: Fetcher,
        feeds: FeedRecords,
        subscriptions: SubscriptionRecords,
        settings: FigurineSettings,
        *,
        clock: Callable[[], float] = time.time,
        rng: random.Random | None = None,
        poll: float = POLL,
    ) -> None:
        self._bot = bot
        self._fetcher = fetcher
        self._feeds = feeds
        self._subscriptions = subscriptions
        self._settings = settings
        self._clock = clock
        self._rng = rng or random.Random()
        self._poll = poll
        self._gate = WorkGate(self.name)
        self._wake = asyncio.Event()
        self._waiting: set[str] = set()

    async def hold(self, reason: str) -> None:
        """Pause."""
        await self._gate.hold(reason)

    async def release(self) -> None:
        """Resume. Overdue feeds are fetched now."""
        await self._gate.release()
        self._waiting.clear()
        self._wake.set()

    async def run(self) -> None:
        """Poll the feeds until cancelled."""
        await self._shorten_waits()
        while True:
            self._wake.clear()
            for url in self._settings.feeds:
                try:
                    await self._process(url)
                except Exception:
                    _log.exception("The feed of %s could not be processed", _host(url))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._poll):
                    await self._wake.wait()

    async def _shorten_waits(self) -> None:
        """Shorten stored waits: the setting FIGURINE_MINUTES may have been larger in an earlier run."""
        for url in self._settings.feeds:
            feed = await self._feeds.feed(url)
            latest = self._clock() + self._wait_after(max(0, feed.failures - 1))
            if feed.next_poll_at > latest:
                await self._feeds.keep(replace(feed, next_poll_at=latest))

    async def subscribe(self, subscription: Subscription) -> Subscription | None:
        """Add a subscription. It replaces the person's earlier subscription in this channel.

        Returns:
            the earlier subscription; ``None`` if there was none.

        Raises:
            TooManySubscriptionsError: the person or the channel has too many subscriptions.
        """
        theirs = await self.subscriptions_of(subscription.user)
        await self._subscriptions.add(subscription)
        return next((each for each in theirs if each.channel == subscription.channel), None)

    async def unsubscribe(self, user: int, channel: int) -> bool:
        """Remove a person's subscription in a channel. Returns False if there was none."""
        return await self._subscriptions.remove(user, channel)

    async def subscriptions_of(self, user: int) -> list[Subscription]:
        """A person's subscriptions in all channels."""
        return [each for each in await self._subscriptions.all() if each.user == user]

    async def _process(self, url: str) -> None:
        feed = await self._feeds.feed(url)
        due = self._clock() >= feed.next_poll_at
        if not due and not await self._feeds.pending(url):
            return
        try:
            async with self._gate.work():
                await self._notify(url)
                if due:
                    await self._fetch(feed)
                    await self._notify(url)
        except FeatureHeldError:
            if url not in self._waiting:
                _log.info("The feed of %s waits: %s is paused", _host(url), self.name)
            self._waiting.add(url)
        except WorkStoppedError:
            _log.info("A look at the feed of %s was broken off: %s is paused", _host(url), self.name)

    async def _fetch(self, feed: Feed) -> None:
        try:
            fetched = await fetch_feed(self._fetcher, feed.url, feed.validators)
            items = await read_items(fetched.data) if fetched else []
        except FeedError as error:
            wait = self._back_off(feed.failures)
            _log.warning("The feed of %s: %s; the next try is in %.0f min", _host(feed.url), error, wait / 60)
            await self._feeds.keep(replace(feed, failures=feed.failures + 1, next_poll_at=self._clock() + wait))
            return
        if fetched:
            # The items are stored before the validators. If only the validators were stored before a crash, the server
            # would answer "not modified" from then on, and the items would be lost.
            await self._feeds.note(feed, items, self._clock())
            feed = replace(feed, validators=fetched.validators, learned=True)
        await self._feeds.keep(replace(feed, failures=0, next_poll_at=self._clock() + self._settings.period))

    def _back_off(self, failures: int) -> float:
        return self._wait_after(failures) * self._rng.uniform(0.75, 1.0)

    def _wait_after(self, failures: int) -> float:
        return min(self._settings.period * 2.0 ** min(failures, _MAX_DOUBLINGS), MAX_WAIT)

    async def _notify(self, url: str) -> None:
        news = await self._feeds.pending(url)
        if not news:
            return
        subscriptions = await self._subscriptions.all()
        for target_id in dict.fromkeys(each.target for each in subscriptions):
            known = await self._feeds.notified(url, target_id)
            fresh = [item for item in news if item.key not in known]
            await self._notify_target(
                target_id, [each for each in subscriptions if each.target == target_id], url, fresh
            )
        await self._feeds.finish_notification(url)

    async def _notify_target(
        self, target_id: int, here: Sequence[Subscription], url: str, fresh: Sequence[Item]
    ) -> None:
        items = [item for item in fresh if any(each.wants(item.title) for each in here)]
        if not items:
            return
        readers = [each.user for each in here if any(each.wants(item.title) for item in items)]
        await self._feeds.note_notified(url, target_id, items)
        mentions = discord.AllowedMentions(
            everyone=False, roles=False, users=[discord.Object(reader) for reader in readers], replied_user=False
        )
        try:
            target = await self._target(here[0])
            await target.send(news_message(items, readers if here[0].channel else ()), allowed_mentions=mentions)
        except (discord.Forbidden, discord.NotFound) as error:
            given_up = await self._subscriptions.note_refused(target_id, for_good=isinstance(error, discord.NotFound))
            _log.info(
                "Channel or user %d can't be sent figurine news%s: %s",
                target_id,
                ", and is given up" if given_up else "",
                error,
            )
        except DISCORD_ERRORS as error:
            _log.warning("Channel or user %d could not be sent figurine news: %s", target_id, discord_error_text(error))
        else:
            await self._subscriptions.note_delivered(target_id)

    async def _target(self, subscription: Subscription) -> discord.abc.Messageable:
        if not subscription.channel:
            return self._bot.get_user(subscription.user) or await self._bot.fetch_user(subscription.user)
        number = subscription.channel
        channel = self._bot.get_channel(number) or await self._bot.fetch_channel(number)
        if not isinstance(channel, discord.abc.Messageable):
            raise discord.InvalidData(f"channel {number} can't be written to")
        return channel


def _host(url: str) -> str:
    """The host of a feed's address, for the log. The path and query may hold a secret key."""
    try:
        return urlsplit(url).hostname or "an address without a host"
    except ValueError:
        return "an address that is not valid"
