"""The guard: checks the right of a person before every command, button and spoken command."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import discord

from bot.access import NotPermittedError, Permit
from bot.owners import Owners
from bot.rights import RIGHTS, SPOKEN, MissingRightError, Right, Touches, Who
from bot.voice.discord.link import VoiceChannel
from bot.voice.utterances.voice_commands import VoiceCommand
from config.sections import PermitSettings

ELSEWHERE = "❌ I'm in a call on another server."
JOIN_ELSEWHERE = f"{ELSEWHERE} Ask me again later."
SERVER_ONLY = "❌ That works on a server only."
NOT_FOR_YOU = "🔒 `{command}` is for {words}."
SWITCHED_OFF = "🔒 `{command}` is switched off here: the people who run me don't allow it."
OWNERS_ONLY = "🔒 `{command}` is for the people who run me."
IGNORED = (
    "🔇 I ignore you on this server, so `{command}` is not for you. People who may manage the server can undo that."
)
NOT_BY_VOICE = "I may not do that for you. It is for {words}."
NOT_AT_ALL = "I may not do that for anybody."

Permits = Mapping[Who, Permit]


def read_permits(who_may: PermitSettings) -> Permits:
    """The permits from the operator's settings."""
    record, clone = Permit.parse(who_may.record), Permit.parse(who_may.clone)
    return {
        Who.EVERYONE: Permit(everyone=True),
        Who.MANAGERS: Permit(),
        Who.JOIN: Permit.parse(who_may.join),
        Who.LEAVE: Permit.parse(who_may.leave),
        Who.CONTROL: Permit.parse(who_may.control),
        Who.RECORD: record,
        Who.SAMPLE: record if record.nobody else clone,
        Who.CLONE: clone,
        Who.DRAW: Permit.parse(who_may.draw),
        Who.SCHEDULE: Permit.parse(who_may.schedule),
    }


@dataclass(frozen=True, slots=True)
class PermitRequest:
    """A person's wish to use a command, which the guard permits or refuses.

    Attributes:
        client: the bot.
        person: the member of the server; the user in a direct message.
        server: the id of the server; ``None`` in a direct message.
        only_shows: True if the command has no argument. Some commands then only show something, and need fewer rights.
    """

    client: discord.Client
    person: discord.Member | discord.User
    server: int | None
    only_shows: bool = False


class Guard:
    """Checks rights by the table of rights. Not thread-safe.

    Args:
        permits: the operator's permits; see :func:`read_permits`.
        owners: the people who may use commands that affect all servers.
        call: gets a server's id; returns the voice channel of the call that counts there; ``None`` if none does. A call
            counts on its own server, from its request to its end. If only one call is possible at a time, it counts
            everywhere.
        ignored: gets a server's id and a user id; returns whether the person is ignored on the server.
    """

    def __init__(
        self,
        permits: Permits,
        owners: Owners,
        call: Callable[[int | None], VoiceChannel | None],
        ignored: Callable[[int, int], bool],
        prefix: str,
        rights: Mapping[str, Right] = RIGHTS,
    ) -> None:
        self._rights = rights
        self._permits = permits
        self._owners = owners
        self._call = call
        self._ignored = ignored
        self._prefix = prefix

    def require_row(self, command: str) -> None:
        """Check that a command has a row in the table; raises :class:`~bot.rights.MissingRightError`."""
        if command not in self._rights:
            raise MissingRightError(f"The command {command!r} has no row in bot/rights.py, which says who may use it.")

    async def require(self, command: str, request: PermitRequest) -> None:
        """Check that a person may use a command (its qualified name).

        Raises:
            NotPermittedError: the person may not use the command. The text is for the person.
        """
        right, call = self._rights[command], self._call(request.server)
        refusal = _place_refusal(command, right, request.server, call)
        if refusal is None and Who.OWNERS not in right.who:
            refusal = self._refusal(command, right, request, call)
        elif refusal is None and not await self._owners.include(request.client, request.person.id):
            refusal = OWNERS_ONLY.format(command=self._named(command))
        if refusal is not None:
            raise NotPermittedError(refusal)

    def permits(self, command: str, request: PermitRequest) -> bool:
        """Whether a person may use a command. Always False for a command that is only for owners."""
        right = self._rights[command]
        if Who.OWNERS in right.who:
            return False
        # This is asked for many commands before each reply, so the call is looked up only once.
        call = self._call(request.server)
        if _place_refusal(command, right, request.server, call) is not None:
            return False
        return self._refusal(command, right, request, call) is None

    def require_place(self, command: str, server: int | None) -> None:
        """Check that a command that acts on the call is used on the call's own server.

        Raises:
            NotPermittedError: the command is used on another server, or in a direct message.
        """
        refusal = _place_refusal(command, self._rights[command], server, self._call(server))
        if refusal is not None:
            raise NotPermittedError(refusal)

    def spoken_refusal(self, spoken: VoiceCommand, person: discord.Member) -> str | None:
        """The text for a person in the call who may not use a spoken command; ``None`` if they may."""
        command = SPOKEN[spoken]
        if command is None:
            return None
        right = self._rights[command]
        for who in right.needed(call_is_here=True, only_shows=False):
            permit = self._permits[who]
            if not permit.allows(person, in_call=True):
                return NOT_AT_ALL if permit.nobody else NOT_BY_VOICE.format(words=permit.describe())
        return None

    def _refusal(self, command: str, right: Right, request: PermitRequest, call: VoiceChannel | None) -> str | None:
        person = request.person
        call_is_here = call is not None and call.guild.id == request.server
        needed = right.needed(call_is_here=call_is_here, only_shows=request.only_shows)
        if request.server is None and needed == (Who.MANAGERS,):
            return None
        # If no call is on, everybody counts as a person in the call, so that the command runs and says that there is no
        # call. A `lasting` command works without a call, so for this command, nobody counts as a person in the call.
        in_call = not right.lasting if call is None else call_is_here and _is_in(person, call)
        for who in needed:
            permit = self._permits[who]
            if not permit.allows(person, in_call=in_call):
                text = SWITCHED_OFF if permit.nobody else NOT_FOR_YOU
                return text.format(command=self._named(command), words=permit.describe())
        steers = call_is_here and right.touches is not Touches.NOTHING and needed != (Who.EVERYONE,)
        if steers and request.server is not None and self._ignored(request.server, person.id):
            managers = self._permits[Who.MANAGERS]
            return None if managers.allows(person) else IGNORED.format(command=self._named(command))
        return None

    def _named(self, command: str) -> str:
        return f"{self._prefix}{command}"


def _place_refusal(command: str, right: Right, server: int | None, call: VoiceChannel | None) -> str | None:
    """Why a command can't be used where it is used, while this call is on; ``None`` if it can."""
    if right.touches is not Touches.THE_CALL:
        return None
    if server is None:
        return SERVER_ONLY
    if call is not None and call.guild.id != server:
        return JOIN_ELSEWHERE if command == "join" else ELSEWHERE
    return None


def _is_in(person: discord.Member | discord.User, call: VoiceChannel) -> bool:
    voice = person.voice if isinstance(person, discord.Member) else None
    return voice is not None and voice.channel is not None and voice.channel.id == call.id
