"""What is known of each feed, as it survives a restart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from bot.database import Records
from bot.features.figurine_notifier.fetching import Item, Validators

MAX_KNOWN = 2_000
"""Items remembered of a feed: the newest."""


@dataclass(frozen=True, slots=True)
class Feed:
    """A feed: ``learned`` once we have seen what is in it, ``failures`` in a row, times in seconds since 1970."""

    url: str
    validators: Validators = field(default_factory=Validators)
    learned: bool = False
    failures: int = 0
    next_look_at: float = 0.0


class FeedRecords(Records):
    """The tables. Methods may raise :class:`aiosqlite.Error`."""

    async def feed(self, url: str) -> Feed:
        """What is known of a feed; a fresh one where nothing is."""
        query = "SELECT etag, modified, learned, failures, next_look_at FROM figurine_feed WHERE url = ?"
        row = await self._database.row(query, url)
        if row is None:
            return Feed(url)
        etag, modified, learned, failures, next_look_at = row
        return Feed(url, Validators(etag, modified), bool(learned), failures, next_look_at)

    async def keep(self, feed: Feed) -> None:
        """Remember a feed as it is now."""
        await self._database.write(
            "INSERT OR REPLACE INTO figurine_feed VALUES (?, ?, ?, ?, ?, ?)",
            feed.url,
            feed.validators.etag,
            feed.validators.modified,
            int(feed.learned),
            feed.failures,
            feed.next_look_at,
        )

    async def note(self, feed: Feed, items: Sequence[Item], now: float) -> None:
        """Remember what is in a feed; what is new is still to be told, unless the feed is new itself."""
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

    async def untold(self, url: str) -> list[Item]:
        """What is new in a feed, in its order."""
        query = "SELECT key, title, link FROM figurine_item WHERE feed = ? AND told = 0 ORDER BY rowid"
        return [Item(*row) for row in await self._database.rows(query, url)]

    async def told_at(self, url: str, place: int) -> frozenset[str]:
        """The keys of the new items of which this channel or person knows already."""
        rows = await self._database.rows("SELECT key FROM figurine_told WHERE feed = ? AND place = ?", url, place)
        return frozenset(str(key) for (key,) in rows)

    async def note_told(self, url: str, place: int, items: Sequence[Item]) -> None:
        """This channel or person is told of these items, now."""
        await self._database.write_many(
            "INSERT OR IGNORE INTO figurine_told VALUES (?, ?, ?)", [(url, item.key, place) for item in items]
        )

    async def settle(self, url: str) -> None:
        """Everybody knows of everything; all that is kept of an item from now on is that it was there."""
        await self._database.write(
            "UPDATE figurine_item SET told = 1, title = '', link = '' WHERE feed = ? AND told = 0", url
        )
        await self._database.write("DELETE FROM figurine_told WHERE feed = ?", url)
