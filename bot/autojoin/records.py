"""Database records of the voice channels that the bot joins automatically."""

from __future__ import annotations

from dataclasses import dataclass

from bot.autojoin.quiet_times import QuietTimes
from bot.database import Records, Row


@dataclass(frozen=True, slots=True)
class Choice:
    """The voice channel that the bot joins automatically on a server, as people there have chosen it.

    Attributes:
        server: the server's id.
        channel: the id of the voice channel.
        prompts: the id of the text channel in which it was chosen. Calls get their prompts from there.
        quiet: when the bot does not come; ``None`` if it always comes.
        person: the user id of the person who chose it; ``None`` once that person's data were erased.
    """

    server: int
    channel: int
    prompts: int
    quiet: QuietTimes | None
    person: int | None


class AutoJoinRecords(Records):
    """Reads and writes the table of the servers' choices. All methods may raise :class:`aiosqlite.Error`."""

    async def all(self) -> dict[Choice, bool]:
        """The choice of each server, and whether the bot was sent away from the channel."""
        rows = await self._database.rows("SELECT guild, channel, prompts, quiet, person, away FROM autojoin")
        return {_choice(row): bool(row[5]) for row in rows}

    async def at(self, server: int) -> Choice | None:
        """A server's choice; ``None`` if it has none."""
        row = await self._database.row(
            "SELECT guild, channel, prompts, quiet, person FROM autojoin WHERE guild = ?", server
        )
        return _choice(row) if row is not None else None

    async def store(self, choice: Choice) -> None:
        """Store a server's choice. It replaces an earlier one."""
        await self._database.write(
            "INSERT OR REPLACE INTO autojoin (guild, channel, prompts, quiet, person, away) VALUES (?, ?, ?, ?, ?, 0)",
            choice.server,
            choice.channel,
            choice.prompts,
            str(choice.quiet or ""),
            choice.person,
        )

    async def remember_away(self, server: int, *, away: bool) -> None:
        """Store whether the bot stays away until the channel was empty once."""
        await self._database.write("UPDATE autojoin SET away = ? WHERE guild = ?", int(away), server)

    async def delete(self, server: int) -> None:
        """Delete a server's choice."""
        await self._database.write("DELETE FROM autojoin WHERE guild = ?", server)


def _choice(row: Row) -> Choice:
    server, channel, prompts, quiet, person = row[:5]
    return Choice(
        int(server), int(channel), int(prompts), QuietTimes.parse(quiet) if quiet else None, person and int(person)
    )
