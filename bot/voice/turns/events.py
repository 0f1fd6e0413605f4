"""What a turn detector reports. A turn is named by its person and a number that grows with each of theirs."""

from __future__ import annotations

from dataclasses import dataclass

from audio.samples import Sound16
from bot.voice.turn import Microphone, TurnId


@dataclass(frozen=True, slots=True)
class TurnStarted:
    """The sound is speech, for sure: a reply that is being spoken should pause now.

    ``began_at`` is when the packet with the first voiced sample arrived, ``at`` when that was known; monotonic seconds.
    """

    turn: TurnId
    began_at: float
    at: float


@dataclass(frozen=True, slots=True, eq=False)
class SpeechSoFar:
    """The turn goes on; this is its sound until now, for whoever wants to know early whether there are words in it.

    ``may_be_echo`` is as in :class:`SpeechPaused`.
    """

    turn: TurnId
    sound: Sound16
    at: float
    may_be_echo: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class SpeechPaused:
    """The first sign of an end: time to transcribe and to think, in the hope that it is one.

    ``sound`` is the whole turn, or what is left of it after its last :class:`TurnPart`, pre-roll included.
    ``may_be_echo``: it may be the bot's own voice, back from loudspeakers, so that its words must tell.
    """

    turn: TurnId
    sound: Sound16
    last_voiced_at: float
    at: float
    may_be_echo: bool = True


@dataclass(frozen=True, slots=True)
class SpeechResumed:
    """The person goes on after a pause: what was made of it is worth nothing."""

    turn: TurnId
    at: float


@dataclass(frozen=True, slots=True, eq=False)
class TurnPart:
    """A very long turn was cut at a pause: this sound is final, and the turn goes on with what comes next."""

    turn: TurnId
    sound: Sound16
    at: float


@dataclass(frozen=True, slots=True, eq=False)
class TurnEnded:
    """The person has finished. ``sound`` is what the last :class:`SpeechPaused` of this turn had, the same object."""

    turn: TurnId
    sound: Sound16
    began_at: float
    last_voiced_at: float
    at: float
    microphone: Microphone


@dataclass(frozen=True, slots=True)
class TurnDropped:
    """It was nothing, or the person is gone: forget whatever was made of the turn."""

    turn: TurnId
    at: float


TurnEvent = TurnStarted | SpeechSoFar | SpeechPaused | SpeechResumed | TurnPart | TurnEnded | TurnDropped
