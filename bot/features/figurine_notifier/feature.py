"""The figurine notifier feature: polls web feeds, and notifies subscribers once of each new item."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from urllib.parse import urlsplit

import discord

from bot.discord_errors import DISCORD_ERRORS, discord_error_text
from bot.features.figurine_notifier.feeds import Feed, FeedRecords
from bot.features.figurine_notifier.fetching import FeedError, Item, fetch_feed, read_items
from bot.features.figurine_notifier.notice import news_message
from bot.features.figurine_notifier.retries import MAX_TRIES, DeliveryRetries
from bot.features.figurine_notifier.subscriptions import DIRECT, Subscription, SubscriptionRecords
from bot.fetching.fetcher import Fetcher
from bot.work_gate import FeatureHeldError, WorkGate, WorkStoppedError
from config.feature_sections import FigurineSettings

_log = logging.getLogger(__name__)

DAY = 86_400.0
MAX_WAIT = DAY
"""Maximum number of seconds between two attempts to fetch a failing feed."""
POLL = 30.0
"""Seconds between two checks whether a feed is due."""
REFUSED = "🎎 I am not allowed to write in <#{channel}>, so these news come here."
ENDED = (
    "🎎 I can't write in <#{channel}>, so these news come here. They are the last ones: your subscription there has "
    "ended. Subscribe here to get more."
)
_MAX_DOUBLINGS = 16
"""Each failure in a row doubles the pause before the next attempt. After this number of failures, it grows no
further.
"""


class FigurineNotifier:
    """Polls feeds and notifies subscribers. It is paused during a call (:class:`~bot.lease.Lockable`).

    Start :meth:`run` when the bot is ready. A new item is stored before anybody is notified of it, and each channel and
    person is recorded as notified before the message is sent. So nobody is notified of an item twice, even if the
    bot crashes in between. If Discord does not take a message, it is sent again later; if the bot may not write in a
    channel, its subscribers get the news in private.

    Args:
        bot: the client that sends the messages.
        fetcher: fetches the feeds.
        clock: returns seconds since 1970.
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
        self._retries = DeliveryRetries(clock)
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
        known = await self._subscriptions.all()
        if all(each.target != subscription.target for each in known):
            # Items that are still pending are older than this subscription, so they are no news for the new subscriber.
            for url in self._settings.feeds:
                await self._feeds.note_notified(url, subscription.target, await self._feeds.pending(url))
        await self._subscriptions.add(subscription)
        return next(
            (each for each in known if (each.user, each.channel) == (subscription.user, subscription.channel)), None
        )

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
        subscriptions, all_done = await self._subscriptions.all(), True
        private = {each.user: each for each in subscriptions if each.channel == DIRECT}
        for target_id in dict.fromkeys(each.target for each in subscriptions):
            known = await self._feeds.notified(url, target_id)
            here = [each for each in subscriptions if each.target == target_id]
            items = [item for item in news if item.key not in known and any(each.wants(item.title) for each in here)]
            if items:
                waits = self._retries.waits(url, target_id)
                all_done &= not waits and await self._notify_target(target_id, here, private, url, items)
        if all_done:
            await self._feeds.finish_notification(url)

    async def _notify_target(
        self,
        target_id: int,
        here: Sequence[Subscription],
        private: Mapping[int, Subscription],
        url: str,
        items: Sequence[Item],
    ) -> bool:
        """Notify one channel or person. Returns False if that is to be tried again.

        Args:
            here: the subscriptions of the channel or person.
            private: for each person with a subscription by direct message, this subscription.
        """
        readers = _readers(here, items)
        await self._feeds.note_notified(url, target_id, items)
        lost = self._retries.lost[target_id]
        try:
            target = await self._target(here[0])
            text = news_message(items, readers if here[0].channel else (), lost)
            await target.send(text, allowed_mentions=_mention_only(readers))
        except (discord.Forbidden, discord.NotFound) as error:
            given_up = await self._subscriptions.note_refused(target_id, for_good=isinstance(error, discord.NotFound))
            _log.info(
                "Channel or user %d can't be sent figurine news%s: %s",
                target_id,
                ", so its subscriptions are deleted" if given_up else "",
                error,
            )
            self._retries.forget(url, target_id)
            if channel := here[0].channel:
                await self._send_privately(channel, here, private, items, ended=given_up)
        except DISCORD_ERRORS as error:
            given_up = self._retries.failed(url, target_id, len(items))
            _log.warning(
                "Channel or user %d could not be sent figurine news%s: %s",
                target_id,
                f" after {MAX_TRIES} attempts, and so many items are given up: {len(items)}" if given_up else "",
                discord_error_text(error),
            )
            if not given_up:
                await self._feeds.take_back(url, target_id, items)
            return given_up
        else:
            self._retries.delivered(url, target_id)
            await self._subscriptions.note_delivered(target_id)
        return True

    async def _send_privately(
        self,
        channel: int,
        here: Sequence[Subscription],
        private: Mapping[int, Subscription],
        items: Sequence[Item],
        *,
        ended: bool,
    ) -> None:
        """Send the news to those who wanted them in a channel in which the bot may not write.

        News that a person gets in private anyway are left out, unless that person has to be told that the subscription
        in the channel has ``ended``.
        """
        why = (ENDED if ended else REFUSED).format(channel=channel)
        for subscription in here:
            own = None if ended else private.get(subscription.user)
            wanted = [each for each in items if subscription.wants(each.title) and not (own and own.wants(each.title))]
            if not wanted:
                continue
            try:
                reader = await self._target(replace(subscription, channel=DIRECT))
                await reader.send(f"{why}\n{news_message(wanted, (), reserved=len(why) + 1)}")
            except DISCORD_ERRORS as error:
                text = "User %d can't be sent figurine news, neither in channel %d nor in private: %s"
                _log.warning(text, subscription.user, channel, discord_error_text(error))

    async def _target(self, subscription: Subscription) -> discord.abc.Messageable:
        if not subscription.channel:
            return self._bot.get_user(subscription.user) or await self._bot.fetch_user(subscription.user)
        number = subscription.channel
        channel = self._bot.get_channel(number) or await self._bot.fetch_channel(number)
        if not isinstance(channel, discord.abc.Messageable):
            raise discord.InvalidData(f"channel {number} can't be written to")
        return channel


def _readers(here: Sequence[Subscription], items: Sequence[Item]) -> list[int]:
    return [each.user for each in here if any(each.wants(item.title) for item in items)]


def _mention_only(people: Sequence[int]) -> discord.AllowedMentions:
    users = [discord.Object(person) for person in people]
    return discord.AllowedMentions(everyone=False, roles=False, users=users, replied_user=False)


def _host(url: str) -> str:
    """The host of a feed's address, for the log. The path and query may hold a secret key."""
    try:
        return urlsplit(url).hostname or "an address without a host"
    except ValueError:
        return "an address that is not valid"
