"""The table of rights: which command touches a call, and who may use it. :mod:`bot.guard` applies it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum
from types import MappingProxyType

from bot.voice.utterances.voice_commands import VoiceCommand


class Who(StrEnum):
    """Whose permit decides; the value is how the operator guide names it."""

    EVERYONE = "everyone"
    MANAGERS = "managers"
    """Who may manage the server. In a direct message there is no server to manage, and so everybody may."""
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
    """What a command has to do with the one call that can be on."""

    NOTHING = "nothing"
    THE_CALL = "the call"
    """It acts on the call, so it works on the call's own server only."""
    A_CALL_HERE = "a call here"
    """It belongs to its server; a call on that server feels it, a call on another server does not."""


@dataclass(frozen=True, slots=True)
class Right:
    """What a command needs.

    Attributes:
        who: every one of these permits is needed.
        on_call: the permits that are needed in place of ``who`` while a call is on on the server of the command.
        showing: the command without any argument only shows something, and then everyone on the server may use it.
        lasting: what it sets holds for later calls, so it works while no call is on; then nobody is in the call.
    """

    who: tuple[Who, ...]
    touches: Touches = Touches.NOTHING
    on_call: tuple[Who, ...] | None = None
    showing: bool = False
    lasting: bool = False

    def needed(self, *, call_is_here: bool, only_shows: bool) -> tuple[Who, ...]:
        """The permits that a use of the command needs."""
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
        "listen": _on_the_call(Who.CONTROL, showing=True),
        "captions": _on_the_call(Who.CONTROL, showing=True),
        "mode": _on_the_call(Who.CONTROL, showing=True),
        "record": _on_the_call(Who.RECORD, showing=True),
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
        "optin": _EVERYONE,
        "optout": _EVERYONE,
        "forget": _MANAGERS,
        "chat": _MANAGERS_CHANGE,
        "draw": _DRAW,
        "draw-cancel": _EVERYONE,
        "schedule": _SCHEDULE,
        "schedule add": _SCHEDULE,
        "schedule list": _SCHEDULE,
        "schedule remove": _SCHEDULE,
        "figurines": _EVERYONE,
        "figurines subscribe": _EVERYONE,
        "figurines unsubscribe": _EVERYONE,
        "figurines list": _EVERYONE,
        "bipolar": _MANAGERS_CHANGE,
        "argue": _MANAGERS,
        "autonomous": _MANAGERS_CHANGE,
        "avatar": _OWNERS,
        "avatar next": _OWNERS,
        "avatar list": _OWNERS,
        "gpu": _OWNERS,
        "low-performance": _OWNERS,
        "release": _OWNERS,
        "help": _EVERYONE,
    }
)
"""By the command's qualified name, as it is typed: sub-commands after a space."""

SPOKEN: Mapping[VoiceCommand, str | None] = MappingProxyType(
    {
        VoiceCommand.LEAVE: "leave",
        VoiceCommand.STOP: "stop",
        VoiceCommand.REPEAT_ME: None,
        VoiceCommand.MOOD: "mood",
        VoiceCommand.PERSONA: "persona",
    }
)
"""The typed command whose right a spoken one needs; ``None`` where everybody who is answered may say it."""


class MissingRightError(TypeError):
    """A command was registered that has no row in the table of rights."""
