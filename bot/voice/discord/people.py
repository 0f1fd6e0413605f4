"""The people in a voice channel, as the conversation sees them: names, how many, who may interrupt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import discord

MAX_NAMES = 20
"""Names that are passed on as likely to be said; more would only mislead a transcriber."""
ROLE_PREFIX = "role:"


class MayInterrupt(StrEnum):
    """Whom the bot falls silent for."""

    EVERYONE = "everyone"
    ANSWERED = "answered"
    """Who is being answered."""
    NOBODY = "nobody"
    ROLE = "role"


@dataclass(frozen=True, slots=True)
class BargeInRule:
    """Who may interrupt; ``role`` is a role's name where that decides."""

    who: MayInterrupt = MayInterrupt.EVERYONE
    role: str = ""

    @classmethod
    def parse(cls, text: str) -> BargeInRule:
        """Read ``everyone``, ``answered``, ``nobody`` or ``role:NAME``; raises ``ValueError``."""
        if text.startswith(ROLE_PREFIX):
            return cls(MayInterrupt.ROLE, text.removeprefix(ROLE_PREFIX).strip())
        return cls(MayInterrupt(text))


class ChannelParticipants:
    """A :class:`~bot.voice.ports.Participants` over a Discord voice channel, wherever the bot is moved.

    Args:
        channel: the channel that the bot is in now.
        answered: who is being answered now, by their user id.
        also_said: other names that are likely to be said, the persona's first of all; asked whenever they are wanted.
        audience: who is answered, of the people (user ids) in a channel.
    """

    def __init__(
        self,
        channel: Callable[[], discord.VoiceChannel | discord.StageChannel],
        rule: BargeInRule,
        answered: Callable[[], int | None],
        also_said: Callable[[], tuple[str, ...]],
        audience: Callable[[discord.VoiceChannel | discord.StageChannel, int], bool],
    ) -> None:
        self._channel = channel
        self._rule = rule
        self._answered = answered
        self._also_said = also_said
        self._audience = audience

    def _member(self, person: int) -> discord.Member | None:
        return self._channel().guild.get_member(person)

    def _people(self) -> list[discord.Member]:
        return [member for member in self._channel().members if not member.bot]

    def name(self, person: int) -> str:
        """The display name, or "Someone" of who is unknown."""
        member = self._member(person)
        return member.display_name if member is not None else "Someone"

    def names(self) -> tuple[str, ...]:
        """The persona's and the people's names."""
        return (*self._also_said(), *(member.display_name for member in self._people()))[:MAX_NAMES]

    def others(self, person: int) -> tuple[str, ...]:
        """The names of the people in the channel other than ``person``."""
        return tuple(member.display_name for member in self._people() if member.id != person)

    def is_bot(self, person: int) -> bool:
        """Whether this is a program: one that plays music, say. May be asked from any thread."""
        member = self._member(person)
        return member is not None and member.bot

    def may_talk(self, person: int) -> bool:
        """Whether they are answered."""
        return self._audience(self._channel(), person)

    def may_interrupt(self, person: int) -> bool:
        """What the rule says of them; who is not answered does not interrupt either."""
        if not self.may_talk(person):
            return False
        match self._rule.who:
            case MayInterrupt.EVERYONE:
                return True
            case MayInterrupt.ANSWERED:
                return self._answered() == person
            case MayInterrupt.NOBODY:
                return False
            case MayInterrupt.ROLE:
                member = self._member(person)
                return member is not None and any(role.name == self._rule.role for role in member.roles)
