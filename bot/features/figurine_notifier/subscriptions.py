"""Database records of the subscriptions to figurine news."""

from __future__ import annotations

from dataclasses import dataclass

from bot.database import Records

DIRECT = 0
"""The ``channel`` of a subscription by direct message."""
MAX_PER_CHANNEL = 40
"""Maximum number of subscriptions in one channel."""
MAX_PER_PERSON = 20
"""Maximum number of subscriptions of one person."""
MAX_FAILURES = 3
"""If Discord refuses this number of messages in a row, the subscription is deleted."""


class TooManySubscriptionsError(Exception):
    """The person or the channel has as many subscriptions as allowed."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """A person's subscription in a channel, or by direct message (:data:`DIRECT`).

    The person gets the items with all of ``words`` in their title. ``words`` are in lower case.
    """

    user: int
    channel: int
    words: tuple[str, ...] = ()

    @property
    def target(self) -> int:
        """The id of the channel; the id of the person if the news go by direct message."""
        return self.channel or self.user

    def wants(self, title: str) -> bool:
        """Whether a title contains all words of the subscription."""
        plain = title.casefold()
        return all(word in plain for word in self.words)


class SubscriptionRecords(Records):
    """Reads and writes the database table. All methods may raise :class:`aiosqlite.Error`."""

    async def add(self, subscription: Subscription) -> None:
        """Store a subscription. It replaces the person's subscription in the same channel.

        Raises:
            TooManySubscriptionsError: the person or the channel has too many other subscriptions.
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
        """Delete a subscription. Returns False if there was none."""
        statement = "DELETE FROM figurine_subscription WHERE user = ? AND channel = ?"
        return bool(await self._database.write(statement, user, channel))

    async def all(self) -> list[Subscription]:
        """Every subscription, oldest first."""
        rows = await self._database.rows("SELECT user, channel, words FROM figurine_subscription ORDER BY rowid")
        return [Subscription(user, channel, tuple(words.split())) for user, channel, words in rows]

    async def note_delivered(self, target: int) -> None:
        """Record that a message reached ``target`` (the id of a channel or person)."""
        await self._database.write(
            "UPDATE figurine_subscription SET failures = 0 "
            "WHERE failures > 0 AND (channel = ?1 OR (channel = 0 AND user = ?1))",
            target,
        )

    async def note_refused(self, target: int, *, for_good: bool) -> bool:
        """Record that a message could not be sent to ``target`` (the id of a channel or person).

        Args:
            for_good: True if no later message can be sent either.

        Returns:
            whether the subscriptions of this target were deleted.
        """
        await self._database.write(
            "UPDATE figurine_subscription SET failures = failures + ?2 "
            "WHERE channel = ?1 OR (channel = 0 AND user = ?1)",
            target,
            MAX_FAILURES if for_good else 1,
        )
        deleted = await self._database.write(
            "DELETE FROM figurine_subscription WHERE failures >= ?2 AND (channel = ?1 OR (channel = 0 AND user = ?1))",
            target,
            MAX_FAILURES,
        )
        return bool(deleted)
