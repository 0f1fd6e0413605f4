"""Turn events: the reports of a turn detector.

In all of them, ``turn`` is the id of the turn, and ``at`` is the time of the event. Times are the arrival times of
packets, in monotonic seconds. Sound is mono, 16,000 Hz. A window is 32 ms of sound; it is voiced if it contains speech.
The pre-roll is the sound just before a turn.
"""

from __future__ import annotations

from dataclasses import dataclass

from audio.samples import Sound16
from bot.voice.turn import Microphone, TurnId


@dataclass(frozen=True, slots=True)
class TurnStarted:
    """A turn has begun: the sound is certainly speech. A reply that is being spoken should pause now.

    Attributes:
        turn: id of the turn.
        began_at: arrival of the packet with the first voiced window.
        at: time at which the sound was certain to be speech.
    """

    turn: TurnId
    began_at: float
    at: float


@dataclass(frozen=True, slots=True, eq=False)
class SpeechSoFar:
    """The turn goes on. Its sound so far can be transcribed to learn early whether there are words in it.

    Attributes:
        turn: id of the turn.
        sound: the whole turn so far, or its rest after the last :class:`TurnPart`, pre-roll included.
        at: time of the event.
        may_be_echo: False if the sound is certainly no echo of the bot's own voice.
    """

    turn: TurnId
    sound: Sound16
    at: float
    may_be_echo: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class SpeechPaused:
    """The person pauses, which may be the end of the turn. Its transcription, and a speculative reply, can begin.

    Attributes:
        turn: id of the turn.
        sound: the whole turn so far, or its rest after the last :class:`TurnPart`, pre-roll included.
        last_voiced_at: arrival of the packet with the last voiced window.
        at: time of the event.
        may_be_echo: False if the sound is certainly no echo of the bot's own voice. If True, the words must decide.
    """

    turn: TurnId
    sound: Sound16
    last_voiced_at: float
    at: float
    may_be_echo: bool = True


@dataclass(frozen=True, slots=True)
class SpeechResumed:
    """The person goes on after a pause. The transcript and the reply that were begun at the pause are out of date."""

    turn: TurnId
    at: float


@dataclass(frozen=True, slots=True, eq=False)
class TurnPart:
    """A long turn was cut into parts, at a pause or at a quiet place. The turn goes on after this part.

    Attributes:
        turn: id of the turn.
        sound: the part. Later events of the turn don't contain it.
        at: time of the event.
    """

    turn: TurnId
    sound: Sound16
    at: float


@dataclass(frozen=True, slots=True, eq=False)
class TurnEnded:
    """The person has finished.

    Attributes:
        turn: id of the turn.
        sound: the sound of the turn's last :class:`SpeechPaused`, the same object.
        began_at: arrival of the packet with the first voiced window.
        last_voiced_at: arrival of the packet with the last voiced window.
        at: time at which the silence was long enough.
        microphone: kind of the person's microphone.
    """

    turn: TurnId
    sound: Sound16
    began_at: float
    last_voiced_at: float
    at: float
    microphone: Microphone


@dataclass(frozen=True, slots=True)
class TurnDropped:
    """The turn does not count: there were no words in it, it was an echo, or the person has left. Forget the turn."""

    turn: TurnId
    at: float


TurnEvent = TurnStarted | SpeechSoFar | SpeechPaused | SpeechResumed | TurnPart | TurnEnded | TurnDropped
