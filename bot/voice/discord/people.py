"""The people in a voice channel, as the call sees them: names, how many, who may do what."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import discord

from bot.voice.discord.link import VoiceChannel
from bot.voice.utterances.voice_commands import VoiceCommand

ROLE_PREFIX = "role:"
NOT_IN_THE_CALL = "I only do that for people in the call."


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


@dataclass(frozen=True, slots=True)
class CallRights:
    """Who may do what in a call.

    Attributes:
        barge_in: who may interrupt.
        audience: who (a user id) is answered in a call in a channel.
        refusal: what is answered to somebody whose spoken command is not obeyed, and ``None`` where it is.
    """

    barge_in: BargeInRule
    audience: Callable[[VoiceChannel, int], bool]
    refusal: Callable[[VoiceCommand, discord.Member], str | None]


class Located(Protocol):
    """Something that is in a voice channel, and may be moved."""

    @property
    def channel(self) -> VoiceChannel:
        """Where it is now."""
        ...


class ChannelPeople:
    """The :class:`~bot.voice.transport.People` of a Discord voice channel, wherever the bot is moved.

    Args:
        bot: where the bot is.
    """

    def __init__(self, bot: Located, rights: CallRights) -> None:
        self._bot = bot
        self._rights = rights
        # By user id. Discord's library forgets whoever leaves; their last words come after that.
        self._names: dict[int, str] = {}

    @property
    def _channel(self) -> VoiceChannel:
        return self._bot.channel

    def _member(self, person: int) -> discord.Member | None:
        member = self._channel.guild.get_member(person)
        if member is not None:
            self._names[person] = member.display_name
        return member

    def _people(self) -> list[discord.Member]:
        people = [member for member in self._channel.members if not member.bot]
        self._names.update((member.id, member.display_name) for member in people)
        return people

    @property
    def alone(self) -> bool:
        """Whether nobody but programs is there."""
        return not self._people()

    def name(self, person: int) -> str:
        """The display name, the last one of somebody who has left, or "Someone" of who was never there."""
        self._member(person)
        return self._names.get(person, "Someone")

    def names(self) -> tuple[str, ...]:
        """Everybody's names."""
        return tuple(member.display_name for member in self._people())

    def others(self, person: int) -> tuple[str, ...]:
        """The names of the people in the channel other than ``person``."""
        return tuple(member.display_name for member in self._people() if member.id != person)

    def is_program(self, person: int) -> bool:
        """Whether this is a program: one that plays music, say. May be asked from any thread."""
        member = self._member(person)
        return member is not None and member.bot

    def may_talk(self, person: int) -> bool:
        """Whether they are answered."""
        return self._rights.audience(self._channel, person)

    def may_interrupt(self, person: int, answered: int | None) -> bool:
        """What the rule says of them; who is not answered does not interrupt either."""
        if not self.may_talk(person):
            return False
        rule = self._rights.barge_in
        match rule.who:
            case MayInterrupt.EVERYONE:
                return True
            case MayInterrupt.ANSWERED:
                return answered == person
            case MayInterrupt.NOBODY:
                return False
            case MayInterrupt.ROLE:
                member = self._member(person)
                return member is not None and any(role.name == rule.role for role in member.roles)

    def refusal(self, person: int, command: VoiceCommand) -> str | None:
        """Why a spoken command of theirs is not obeyed, in words for them; ``None`` where it is."""
        member = next((member for member in self._people() if member.id == person), None)
        return NOT_IN_THE_CALL if member is None else self._rights.refusal(command, member)
