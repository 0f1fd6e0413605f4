"""The table of rights: who may use each command, and which commands act on the call. :mod:`bot.guard` applies it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum
from types import MappingProxyType

from bot.voice.utterances.voice_commands import VoiceCommand


class Who(StrEnum):
    """The permits that a command can need. The values are their names in the operator's guide."""

    EVERYONE = "everyone"
    MANAGERS = "managers"
    """People who may manage the server. In a direct message there is no server, so everybody may."""
    OWNERS = "`OWNERS`"
    JOIN = "`WHO_MAY_JOIN`"
    LEAVE = "`WHO_MAY_LEAVE`"
    CONTROL = "`WHO_MAY_CONTROL`"
    RECORD = "`WHO_MAY_RECORD`"
    SAMPLE = "`WHO_MAY_CLONE`, but nobody with `WHO_MAY_RECORD=nobody`"
    CLONE = "`WHO_MAY_CLONE`"
    DRAW = "`WHO_MAY_DRAW`"
    SCHEDULE = "`WHO_MAY_SCHEDULE`"


class Touches(Enum):
    """The connection between a command and the current call."""

    NOTHING = "nothing"
    THE_CALL = "the call"
    """The command acts on the call, so it works only on the call's server."""
    A_CALL_HERE = "a call here"
    """The command acts on the server where it is used. It affects the call only if the call is on this server."""


@dataclass(frozen=True, slots=True)
class Right:
    """The right to use a command.

    Attributes:
        who: the needed permits. All of them are needed.
        on_call: the permits that are needed instead of ``who`` while a call is on the command's server.
        showing: without an argument the command only shows something, so everyone on the server may use it.
        lasting: the command also changes later calls, so it works while no call is on. In this case,
            nobody counts as in the call.
    """

    who: tuple[Who, ...]
    touches: Touches = Touches.NOTHING
    on_call: tuple[Who, ...] | None = None
    showing: bool = False
    lasting: bool = False

    def needed(self, *, call_is_here: bool, only_shows: bool) -> tuple[Who, ...]:
        """The permits that this use of the command needs."""
        if self.showing and only_shows:
            return (Who.EVERYONE,)
        return self.on_call if self.on_call is not None and call_is_here else self.who


def _on_the_call(*who: Who, showing: bool = False, lasting: bool = False) -> Right:
    return Right(who, Touches.THE_CALL, showing=showing, lasting=lasting)


def _on_a_call_here(outside_of_calls: Who, on_call: Who = Who.CONTROL, *, showing: bool = False) -> Right:
    return Right((outside_of_calls,), Touches.A_CALL_HERE, (on_call,), showing)


_EVERYONE = Right((Who.EVERYONE,))
_MANAGERS = Right((Who.MANAGERS,))
_MANAGERS_CHANGE = Right((Who.MANAGERS,), showing=True)
_OWNERS = Right((Who.OWNERS,))
_SCHEDULE = Right((Who.SCHEDULE,))
_DRAW = Right((Who.DRAW,))

RIGHTS: Mapping[str, Right] = MappingProxyType(
    {
        "join": _on_the_call(Who.JOIN),
        "leave": _on_the_call(Who.LEAVE),
        "voice-status": _on_the_call(Who.EVERYONE),
        "speak": _on_the_call(Who.CONTROL),
        "stop": _on_the_call(Who.CONTROL),
        "volume": _on_the_call(Who.CONTROL, showing=True, lasting=True),
        "play": _on_the_call(Who.CONTROL),
        "pause": _on_the_call(Who.CONTROL),
        "skip": _on_the_call(Who.CONTROL),
        "queue": _on_the_call(Who.EVERYONE),
        "nowplaying": _on_the_call(Who.EVERYONE),
        "sound": _on_the_call(Who.CONTROL, showing=True),
        "sound stop": _on_the_call(Who.CONTROL),
        "sound add": _MANAGERS,
        "sound remove": _MANAGERS,
        "listen": _on_the_call(Who.CONTROL, showing=True),
        "captions": _on_the_call(Who.CONTROL, showing=True),
        "mode": _on_the_call(Who.CONTROL, showing=True),
        "follow": _on_the_call(Who.CONTROL, showing=True),
        "record": _on_the_call(Who.RECORD, showing=True),
        "notes": _on_the_call(Who.RECORD, showing=True),
        "persona": _on_a_call_here(Who.MANAGERS, showing=True),
        "mood": _on_a_call_here(Who.EVERYONE, showing=True),
        "ignore": _on_a_call_here(Who.MANAGERS, showing=True),
        "voice": _EVERYONE,
        "voice list": _EVERYONE,
        "voice use": _on_a_call_here(Who.EVERYONE),
        "voice preview": _on_a_call_here(Who.EVERYONE),
        "voice record": _on_the_call(Who.SAMPLE, Who.CONTROL),
        "voice clone": Right((Who.CLONE,)),
        "voice delete": _EVERYONE,
        "voice-message": _EVERYONE,
        "optin": _EVERYONE,
        "optout": _EVERYONE,
        "forget": _MANAGERS,
        "knowledge": _MANAGERS,
        "knowledge on": _MANAGERS,
        "knowledge off": _MANAGERS,
        "knowledge search": _MANAGERS,
        "chat": _MANAGERS_CHANGE,
        "draw": _DRAW,
        "draw-cancel": _EVERYONE,
        "schedule": _SCHEDULE,
        "schedule add": _SCHEDULE,
        "schedule list": _SCHEDULE,
        "schedule remove": _SCHEDULE,
        "reminders": _EVERYONE,
        "memory": _EVERYONE,
        "memory me": _EVERYONE,
        "memory about": _EVERYONE,
        "memory correct": _EVERYONE,
        "memory forget": _EVERYONE,
        "memory off": _EVERYONE,
        "memory on": _EVERYONE,
        "memory export": _EVERYONE,
        "my-data": _EVERYONE,
        "erase-me": _EVERYONE,
        "usage": _EVERYONE,
        "figurines": _EVERYONE,
        "figurines subscribe": _EVERYONE,
        "figurines unsubscribe": _EVERYONE,
        "figurines list": _EVERYONE,
        "bipolar": _MANAGERS_CHANGE,
        "argue": _MANAGERS,
        "autonomous": _MANAGERS_CHANGE,
        "autojoin": _MANAGERS_CHANGE,
        "avatar": _OWNERS,
        "avatar next": _OWNERS,
        "avatar list": _OWNERS,
        "gpu": _OWNERS,
        "low-performance": _OWNERS,
        "release": _OWNERS,
        "why": _OWNERS,
        "help": _EVERYONE,
    }
)
"""The right of each command, by its qualified name (subcommands after a space)."""

SPOKEN: Mapping[VoiceCommand, str | None] = MappingProxyType(
    {
        VoiceCommand.LEAVE: "leave",
        VoiceCommand.STOP: "stop",
        VoiceCommand.REPEAT_ME: None,
        VoiceCommand.MOOD: "mood",
        VoiceCommand.PERSONA: "persona",
        VoiceCommand.REMEMBER: None,
        VoiceCommand.FORGET_THAT: None,
        VoiceCommand.FORGET_ME: None,
        VoiceCommand.WHAT_YOU_KNOW: None,
        VoiceCommand.NOTES_ON: "notes",
        VoiceCommand.NOTES_OFF: "notes",
        VoiceCommand.PLAY: "play",
        VoiceCommand.MUSIC_PAUSE: "pause",
        VoiceCommand.MUSIC_RESUME: "pause",
        VoiceCommand.MUSIC_SKIP: "skip",
        VoiceCommand.MUSIC_STOP: "skip",
    }
)
"""The typed command whose right a spoken command needs; ``None`` if everybody whom the bot answers may say it."""


class MissingRightError(TypeError):
    """A command without a row in the table of rights was registered."""
