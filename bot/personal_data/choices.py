"""What a person has chosen: whether they are listened to, and who the bot is in private with them."""

from __future__ import annotations

from collections.abc import Sequence

from bot.characters import Characters
from bot.consent import ListeningConsent
from bot.database import Database
from bot.personal_data.personal_data import Erased, JsonValue, NotErasedError, Subject

KEPT_OPT_OUT = "Your wish not to be listened to. Without it, I would listen to you again."
NOT_STORED = "Your choice about listening: it could not be deleted just now. Please ask me again later."


class ListeningChoice:
    """Whether a person wants to be listened to. Erasing it also drops what a running call holds of the person."""

    name = "whether you want to be listened to"

    def __init__(self, consent: ListeningConsent) -> None:
        self._consent = consent

    async def export(self, subject: Subject) -> Sequence[JsonValue]:
        """The choice."""
        choice = self._consent.choice(subject.id)
        return [] if choice is None else [{"listen": choice}]

    async def erase(self, subject: Subject) -> Erased:
        """Delete the choice; raises :class:`~bot.personal_data.personal_data.NotErasedError`."""
        had = self._consent.choice(subject.id) is not None
        if not await self._consent.forget(subject.id):
            raise NotErasedError(NOT_STORED)
        stays = self._consent.choice(subject.id) is not None
        return Erased(int(had and not stays), KEPT_OPT_OUT if stays else "")


class PrivateCharacter:
    """The persona and mood that were chosen in private messages with the person."""

    name = "the persona and mood in our private messages"

    def __init__(self, characters: Characters) -> None:
        self._characters = characters

    async def export(self, subject: Subject) -> Sequence[JsonValue]:
        """The choice."""
        chosen = None if subject.private_channel is None else self._characters.chosen(subject.private_channel)
        return [] if chosen is None else [{"persona": chosen[0], "mood": chosen[1]}]

    async def erase(self, subject: Subject) -> Erased:
        """Delete the choice; raises :class:`aiosqlite.Error`."""
        channel = subject.private_channel
        return Erased(int(channel is not None and await self._characters.forget(channel)))


class ChosenChannels:
    """The voice channels that a person has chosen for servers. Erasing keeps the channel, and forgets the person."""

    name = "voice channels that I join by myself because you chose them"

    def __init__(self, database: Database) -> None:
        self._database = database

    async def export(self, subject: Subject) -> Sequence[JsonValue]:
        """The choices; raises :class:`aiosqlite.Error`."""
        rows = await self._database.rows("SELECT guild, channel, quiet FROM autojoin WHERE person = ?", subject.id)
        return [{"server": str(guild), "channel": str(channel), "quiet hours": quiet} for guild, channel, quiet in rows]

    async def erase(self, subject: Subject) -> Erased:
        """Forget who chose them; raises :class:`aiosqlite.Error`."""
        forget = "UPDATE autojoin SET person = NULL WHERE person = ?"
        (forgotten,) = await self._database.write_together((forget, (subject.id,)))
        return Erased(forgotten)
