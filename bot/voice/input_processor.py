"""The processing of sound on the input thread: people's sound becomes turn events, without the bot's own echo."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from audio.pcm import from_pcm16
from audio.samples import HEARING_RATE, SPEAKING_RATE, Samples, Sound16
from bot.voice.echo.gate import EchoComparison, EchoGate
from bot.voice.echo.mute import EchoMute
from bot.voice.frames import AudioFrame, InputEvent, PersonLeft, TransmissionEnded
from bot.voice.mixing.taken_frame import TakenFrame
from bot.voice.speech_watch import SILENT_CALL, SpeechFollower, SpeechWatch
from bot.voice.turn import TurnId
from bot.voice.turns.events import TurnEvent


class TurnDetection(Protocol):
    """Turn detection for all people of a call; see :class:`~bot.voice.turns.turns.TurnDetectors`."""

    @property
    def deadline(self) -> float | None:
        """Time at which :meth:`tick` is due, in monotonic seconds; ``None`` if nothing is due."""
        ...

    def process(self, event: InputEvent) -> list[TurnEvent]:
        """Process an input event; returns the turn events that follow from it."""
        ...

    def speaking(self, person: int) -> bool:
        """Whether the person's newest sound is voiced."""
        ...

    def tick(self, now: float) -> list[TurnEvent]:
        """Do what is due at ``now`` (monotonic seconds), such as ending turns; returns the turn events."""
        ...

    def end_of_turn_estimated(self, turn: TurnId, probability: float, *, wordless: bool = False) -> None:
        """Receive the ``probability`` (0 to 1) that a turn is over; see
        :meth:`~bot.voice.input_thread.InputWorker.end_of_turn_estimated`."""
        ...


class EchoDetection(EchoComparison, Protocol):
    """Tells echoes of the bot's own voice from people's voices; see :class:`~bot.voice.echo.detector.EchoDetector`."""

    def played(self, sound: Sound16, at: float) -> None:
        """Receive sound that the bot has sent."""
        ...

    def forget(self, person: int) -> None:
        """Delete all data of a person."""
        ...


class SoundRecorder(Protocol):
    """Receives all sound of a call: people's sound and the bot's sound.

    The methods are called on the input thread. They must not block or raise.
    """

    def heard(self, person: int, sound: Sound16, at: float) -> None:
        """Receive a person's sound: mono, 16,000 Hz. It arrived at ``at`` (monotonic seconds)."""
        ...

    def spoken(self, sound: Samples, at: float, reply: str | None) -> None:
        """Receive the bot's voice: mono, 48,000 Hz, sent at ``at``. ``reply`` is the reply's id, if it is known."""
        ...

    def background(self, sound: Samples, at: float) -> None:
        """Receive what was played beneath the bot's voice, such as music: mono, 48,000 Hz, sent at ``at``."""
        ...


SoundReceiver = Callable[[Sound16, float], None]
"""Receiver of one person's sound (mono, 16,000 Hz) and its time of arrival (monotonic seconds).

It is called on the input thread, and must not block or raise.
"""


class InputProcessor:
    """Processes the sound of one call. Use it only on the input thread, apart from :attr:`recorder`.

    Take all turn events that a method returns: the work that follows an event is done when the next one is asked for.

    Args:
        turns: turn detection for all people.
        echo: echo detection for all people.
        follower: learns who speaks, as soon as a voice is noticed.

    Attributes:
        recorder: receiver of all sound of the call, such as a recorder; ``None`` if nothing is recorded.
        turns: the turn detection.
        people: ids of the people whose sound has come, and who have not left.
    """

    def __init__(self, turns: TurnDetection, echo: EchoDetection, *, follower: SpeechFollower = SILENT_CALL) -> None:
        self.recorder: SoundRecorder | None = None
        self.turns = turns
        self.people: set[int] = set()
        self._echo = echo
        self._mute = EchoMute(echo)
        self._gate = EchoGate(self._mute)
        self._watch = SpeechWatch(turns, self._gate, follower)
        self._diverted: dict[int, SoundReceiver] = {}

    def process(self, event: InputEvent) -> Iterator[TurnEvent]:
        """Process an input event. Returns the turn events that follow from it."""
        match event:
            case AudioFrame(person, sound, at):
                self.people.add(person)
                if self.recorder is not None:
                    self.recorder.heard(person, sound, at)
                if person in self._diverted:
                    self._diverted[person](sound, at)
                    return
                heard, event = event, self._mute.process(event)
                yield from self._gate.process_frame(heard)
            case PersonLeft(person):
                self.people.discard(person)
                self._echo.forget(person)
            case TransmissionEnded(person):
                self._mute.transmission_ended(person)
                self._gate.transmission_ended(person)
        yield from self._filtered(self.turns.process(event))
        self._watch.update(event.person, event.at)
        if isinstance(event, PersonLeft):
            self._gate.forget(event.person)
            self._mute.forget(event.person)

    def tick(self, now: float) -> Iterator[TurnEvent]:
        """Do what is due for the turn detection at ``now`` (monotonic seconds). Returns the turn events."""
        return self._filtered(self.turns.tick(now))

    def divert(self, person: int, receiver: SoundReceiver, at: float) -> Iterator[TurnEvent]:
        """Give a person's sound to ``receiver``, and detect no turns in it. Returns the turn events."""
        self._diverted[person] = receiver
        # The detectors get no more sound of this person, so a turn that has begun would never end.
        return self.process(PersonLeft(person, at))

    def end_diversion(self, person: int, receiver: SoundReceiver) -> None:
        """Detect turns in a person's sound again, unless it was diverted to another receiver meanwhile."""
        if self._diverted.get(person) == receiver:
            del self._diverted[person]

    def played(self, pcm: bytes, at: float, reply: str | None, parts: TakenFrame) -> None:
        """Pass a frame that the bot has sent to the echo detection, and its parts to the recorder."""
        mono = from_pcm16(pcm, channels=2) if parts.background is None else _mono(pcm)
        # Reduce 48,000 Hz to 16,000 Hz. The mean of three samples is a sufficient low-pass filter to compare voices.
        self._echo.played(mono.reshape(-1, SPEAKING_RATE // HEARING_RATE).mean(axis=1), at)
        if parts.background is not None:
            self._mute.music_played(at)
        if self.recorder is None:
            return
        if parts.reply is not None:
            self.recorder.spoken(mono if parts.background is None else from_pcm16(parts.reply, channels=2), at, reply)
        if parts.background is not None:
            self.recorder.background(_mono(parts.background), at)

    def _filtered(self, events: Iterable[TurnEvent]) -> Iterator[TurnEvent]:
        """The turn events that the echo gate lets through."""
        for event in events:
            yield from self._gate.filter(event)


def _mono(pcm: bytes) -> Samples:
    """The mean of both channels of stereo 16-bit PCM. The channels are the same in the bot's voice, but not in
    music."""
    both: Samples = from_pcm16(pcm).reshape(-1, 2).mean(axis=1)
    return both
