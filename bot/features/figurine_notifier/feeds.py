"""Database records of the feeds: the state of each feed, its known items, and who was notified of new ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from bot.database import Records
from bot.features.figurine_notifier.fetching import Item, Validators

MAX_KNOWN = 2_000
"""Maximum number of stored items of a feed. Beyond that, those that were not seen for the longest time are deleted."""


@dataclass(frozen=True, slots=True)
class Feed:
    """The state of a feed.

    ``learned`` is True after the first successful fetch. The items of this fetch count as known, so nobody is notified
    of them. ``failures`` counts the failed attempts in a row. ``next_poll_at`` is in seconds since 1970.
    """

    url: str
    validators: Validators = field(default_factory=Validators)
    learned: bool = False
    failures: int = 0
    next_poll_at: float = 0.0


class FeedRecords(Records):
    """Reads and writes the database tables. All methods may raise :class:`aiosqlite.Error`.

    Some columns have older names: ``told`` is 1 for items that are not pending, ``place`` is the id of a target, and
    ``next_look_at`` is :attr:`Feed.next_poll_at`.
    """

    async def feed(self, url: str) -> Feed:
        """The stored state of a feed; the initial state if the feed is not known."""
        query = "SELECT etag, modified, learned, failures, next_look_at FROM figurine_feed WHERE url = ?"
        row = await self._database.row(query, url)
        if row is None:
            return Feed(url)
        etag, modified, learned, failures, next_poll_at = row
        return Feed(url, Validators(etag, modified), bool(learned), failures, next_poll_at)

    async def keep(self, feed: Feed) -> None:
        """Store the state of a feed."""
        await self._database.write(
            "INSERT OR REPLACE INTO figurine_feed VALUES (?, ?, ?, ?, ?, ?)",
            feed.url,
            feed.validators.etag,
            feed.validators.modified,
            int(feed.learned),
            feed.failures,
            feed.next_poll_at,
        )

    async def note(self, feed: Feed, items: Sequence[Item], now: float) -> None:
        """Store the items of a feed. New items become pending, unless this is the feed's first successful fetch."""
        told = int(not feed.learned)
        await self._database.write_many(
            "INSERT INTO figurine_item (feed, key, title, link, seen_at, told) VALUES (?, ?, ?, ?, ?, ?) "
            "ON CONFLICT (feed, key) DO UPDATE SET seen_at = excluded.seen_at",
            [(feed.url, item.key, "" if told else item.title, "" if told else item.link, now, told) for item in items],
        )
        await self._database.write(
            "DELETE FROM figurine_item WHERE feed = ?1 AND rowid NOT IN "
            "(SELECT rowid FROM figurine_item WHERE feed = ?1 ORDER BY seen_at DESC, told LIMIT ?2)",
            feed.url,
            MAX_KNOWN,
        )

    async def pending(self, url: str) -> list[Item]:
        """The pending items of a feed, in the feed's order.

        A new item is pending until its notification is finished (:meth:`finish_notification`).
        """
        query = "SELECT key, title, link FROM figurine_item WHERE feed = ? AND told = 0 ORDER BY rowid"
        return [Item(*row) for row in await self._database.rows(query, url)]

    async def notified(self, url: str, target: int) -> frozenset[str]:
        """The keys of the pending items of which ``target`` (the id of a channel or person) was notified already."""
        rows = await self._database.rows("SELECT key FROM figurine_told WHERE feed = ? AND place = ?", url, target)
        return frozenset(str(key) for (key,) in rows)

    async def note_notified(self, url: str, target: int, items: Sequence[Item]) -> None:
        """Record that ``target`` (the id of a channel or person) is notified of these items now."""
        await self._database.write_many(
            "INSERT OR IGNORE INTO figurine_told VALUES (?, ?, ?)", [(url, item.key, target) for item in items]
        )

    async def take_back(self, url: str, target: int, items: Sequence[Item]) -> None:
        """Record that ``target`` was not notified of these items after all."""
        await self._database.write_many(
            "DELETE FROM figurine_told WHERE feed = ? AND key = ? AND place = ?",
            [(url, item.key, target) for item in items],
        )

    async def finish_notification(self, url: str) -> None:
        """End the notification: no item of the feed is pending any more. Only the keys of the items are kept."""
        await self._database.write(
            "UPDATE figurine_item SET told = 1, title = '', link = '' WHERE feed = ? AND told = 0", url
        )
        await self._database.write("DELETE FROM figurine_told WHERE feed = ?", url)
