"""The people in a Discord voice channel: their names, and what they may do in a call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import discord

from bot.voice.discord.link import VoiceChannel
from bot.voice.utterances.voice_commands import VoiceCommand

ROLE_PREFIX = "role:"
"""Prefix of a barge-in rule that names a role."""
NOT_IN_THE_CALL = "I only do that for people in the call."


class MayInterrupt(StrEnum):
    """The people who may interrupt the bot."""

    EVERYONE = "everyone"
    ANSWERED = "answered"
    """The person who is being answered."""
    NOBODY = "nobody"
    ROLE = "role"
    """The members of one role."""


@dataclass(frozen=True, slots=True)
class BargeInRule:
    """The rule that says who may interrupt the bot.

    Attributes:
        who: the people who may interrupt.
        role: name of the role, for :attr:`MayInterrupt.ROLE`.
    """

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
    """The rights of people in a call.

    Attributes:
        barge_in: rule that says who may interrupt the bot.
        audience: function that says whether the bot answers a person in calls. It gets the voice channel and the
            person's user id.
        refusal: function that returns the text for a member whose spoken command is refused; ``None`` if the member may
            give the command.
    """

    barge_in: BargeInRule
    audience: Callable[[VoiceChannel, int], bool]
    refusal: Callable[[VoiceCommand, discord.Member], str | None]


class Located(Protocol):
    """Something that is in a voice channel and may be moved to another one."""

    @property
    def channel(self) -> VoiceChannel:
        """The current voice channel."""
        ...


class ChannelPeople:
    """The :class:`~bot.voice.transport.People` of the voice channel that the bot is in now.

    Args:
        bot: object that knows the voice channel that the bot is in.
        rights: the rights of people in the call.
    """

    def __init__(self, bot: Located, rights: CallRights) -> None:
        self._bot = bot
        self._rights = rights
        # Names by user id. discord.py forgets a member who leaves, and the member's last turn may end after that.
        self._names: dict[int, str] = {}

    @property
    def _channel(self) -> VoiceChannel:
        return self._bot.channel

    def _member(self, person: int) -> discord.Member | None:
        """The member with this user id; remembers the name. ``None`` if discord.py does not know the member."""
        member = self._channel.guild.get_member(person)
        if member is not None:
            self._names[person] = member.display_name
        return member

    def _people(self) -> list[discord.Member]:
        """The people in the channel, without bots; remembers their names."""
        people = [member for member in self._channel.members if not member.bot]
        self._names.update((member.id, member.display_name) for member in people)
        return people

    @property
    def alone(self) -> bool:
        """True if there are no people in the channel. Bots don't count as people, neither this bot nor others."""
        return not self._people()

    def name(self, person: int) -> str:
        """The display name of a person. If the person has left, it is the last known name, or else "Someone"."""
        self._member(person)
        return self._names.get(person, "Someone")

    def names(self) -> tuple[str, ...]:
        """The display names of all people in the channel."""
        return tuple(member.display_name for member in self._people())

    def attending(self) -> Mapping[int, str]:
        """The display names of the people in the channel, by user id."""
        return {member.id: member.display_name for member in self._people()}

    def others(self, person: int) -> tuple[str, ...]:
        """The names of the people in the channel other than ``person``."""
        return tuple(member.display_name for member in self._people() if member.id != person)

    def hears(self, person: int) -> bool:
        """True if the person is in the channel and not deafened."""
        member = next((member for member in self._people() if member.id == person), None)
        state = member.voice if member is not None else None
        return state is not None and not state.deaf and not state.self_deaf

    def is_program(self, person: int) -> bool:
        """True if ``person`` is another bot, for example a music bot. May be called from any thread."""
        member = self._member(person)
        return member is not None and member.bot

    def may_talk(self, person: int) -> bool:
        """True if the bot answers the person."""
        return self._rights.audience(self._channel, person)

    def may_interrupt(self, person: int, answered: int | None) -> bool:
        """True if the person may interrupt the bot by the barge-in rule. A person who may not talk may not interrupt.

        Args:
            person: user id of the person who speaks.
            answered: user id of the person whom the bot is answering, if there is one.
        """
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
        """The text for a person whose spoken command is refused; ``None`` if the person may give the command."""
        member = next((member for member in self._people() if member.id == person), None)
        return NOT_IN_THE_CALL if member is None else self._rights.refusal(command, member)
