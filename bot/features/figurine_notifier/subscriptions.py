"""Who wants to be told of new figurines, where, and of which."""

from __future__ import annotations

from dataclasses import dataclass

from bot.database import Records

DIRECT = 0
"""In place of a channel: by direct message."""
MAX_PER_CHANNEL, MAX_PER_PERSON = 40, 20
MAX_FAILURES = 3


class TooManySubscriptionsError(Exception):
    """One more would be too many, of a person or in a channel."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """Somebody wants to be told, in a channel or (``DIRECT``) themselves; of titles with all of ``words``."""

    user: int
    channel: int
    words: tuple[str, ...] = ()

    @property
    def place(self) -> int:
        """The channel's id, or the person's."""
        return self.channel or self.user

    def wants(self, title: str) -> bool:
        """Whether a title is of interest."""
        plain = title.casefold()
        return all(word in plain for word in self.words)


class SubscriptionRecords(Records):
    """The table. Methods may raise :class:`aiosqlite.Error`."""

    async def add(self, subscription: Subscription) -> None:
        """Keep a subscription, in place of the one that the person has there.

        Raises:
            TooManySubscriptionsError: there are too many others.
        """
        added = await self._database.write(
            "INSERT INTO figurine_subscription (user, channel, words) SELECT ?1, ?2, ?3 WHERE "
            "(SELECT count(*) FROM figurine_subscription WHERE user = ?1 AND channel <> ?2) < ?4 AND (?2 = 0 OR "
            "(SELECT count(*) FROM figurine_subscription WHERE channel = ?2 AND user <> ?1) < ?5) "
            "ON CONFLICT (user, channel) DO UPDATE SET words = excluded.words, failures = 0",
            subscription.user,
            subscription.channel,
            " ".join(subscription.words),
            MAX_PER_PERSON,
            MAX_PER_CHANNEL,
        )
        if not added:
            raise TooManySubscriptionsError

    async def remove(self, user: int, channel: int) -> bool:
        """Forget one; False when there is none."""
        statement = "DELETE FROM figurine_subscription WHERE user = ? AND channel = ?"
        return bool(await self._database.write(statement, user, channel))

    async def all(self) -> list[Subscription]:
        """Every subscription, oldest first."""
        rows = await self._database.rows("SELECT user, channel, words FROM figurine_subscription ORDER BY rowid")
        return [Subscription(user, channel, tuple(words.split())) for user, channel, words in rows]

    async def reached(self, place: int) -> None:
        """A message arrived in this channel, or at this person."""
        await self._database.write(
            "UPDATE figurine_subscription SET failures = 0 "
            "WHERE failures > 0 AND (channel = ?1 OR (channel = 0 AND user = ?1))",
            place,
        )

    async def refused(self, place: int, *, for_good: bool) -> bool:
        """A message could not be written there; returns whether the subscriptions there are given up."""
        await self._database.write(
            "UPDATE figurine_subscription SET failures = failures + ?2 "
            "WHERE channel = ?1 OR (channel = 0 AND user = ?1)",
            place,
            MAX_FAILURES if for_good else 1,
        )
        return bool(await self._database.write("DELETE FROM figurine_subscription WHERE failures >= ?", MAX_FAILURES))
