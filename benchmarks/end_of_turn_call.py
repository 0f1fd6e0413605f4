"""A simulated call of one person: microphone, turn detection, and a transcriber with a fixed delay.

It does not run in real time.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from audio.samples import HEARING_RATE, Sound16
from benchmarks.end_of_turn_speech import SpokenSentence
from bot.voice.frames import AudioFrame, TransmissionEnded
from bot.voice.turns.end_of_turn import EndOfTurn
from bot.voice.turns.events import SpeechPaused, SpeechResumed, TurnDropped, TurnEnded, TurnEvent, TurnStarted
from bot.voice.turns.turns import TurnDetectors, TurnPolicy
from sandbox.voice.microphone import MicrophoneFrame, OpenMicrophone, SimulatedMicrophone
from sandbox.voice.opus import FRAME_SAMPLES, SAMPLE_RATE, MonoDecoder, MonoEncoder, Sound

FRAME_SECONDS = FRAME_SAMPLES / SAMPLE_RATE


class HearingDecoder(MonoDecoder):
    """Decodes Opus to the bot's input format: 16,000 Hz mono."""

    SAMPLING_RATE = HEARING_RATE
    SAMPLES_PER_FRAME = HEARING_RATE // 50
    FRAME_SIZE = SAMPLES_PER_FRAME * MonoDecoder.SAMPLE_SIZE


class Line(Protocol):
    """The way of one person's sound from the microphone to the bot."""

    def carry(self, frames: Sound) -> Sound16:
        """What the bot hears, at 16,000 Hz, when these 20 ms come in at 48,000 Hz."""
        ...


class DiscordLine:
    """Opus, as on Discord."""

    def __init__(self) -> None:
        self._encoder = MonoEncoder()
        self._decoder = HearingDecoder()

    def carry(self, frames: Sound) -> Sound16:
        """What the bot hears of this frame."""
        return self._decoder.decode_frame(self._encoder.encode(frames))


@dataclass(frozen=True, slots=True)
class SentenceOutcome:
    """The result for one sentence. All times are in seconds.

    Attributes:
        cut_off: whether the turn ended, or was dropped, before the last word was over.
        wait: from the packet with the last voiced sample to the end of the turn; ``None`` if it never ended.
        after_release: from the last packet of the transmission to the end of the turn; ``None`` if it never ended.
        onset: from the first voiced packet to :class:`TurnStarted`.
        pauses: the number of pauses that were noticed. At each of them, the sound so far is transcribed.
    """

    cut_off: bool
    wait: float | None
    after_release: float | None
    onset: float | None
    pauses: int


@dataclass(frozen=True, slots=True, eq=False)
class _Packet:
    at: float
    sound: Sound16 | None


class SimulatedCall:
    """One person who says sentences into one microphone. The detector learns the person's usual pauses.

    Args:
        policy: the bot's turn policy.
        microphone: the kind of microphone.
        transcription: seconds that the stand-in transcriber needs for one sound. This transcriber knows the true words.
        queued: whether the transcriber works on one sound at a time, and finishes each sound that it has begun, as the
            bot's worker does. If not, it drops a sound as soon as the person goes on.
        silence: seconds between two sentences.
        on_event: called with every event.
        line: the way of the sound; ``None`` for Opus.
    """

    def __init__(
        self,
        policy: TurnPolicy,
        microphone: SimulatedMicrophone,
        *,
        transcription: float,
        queued: bool = False,
        silence: float = 3.0,
        on_event: Callable[[TurnEvent], None] = lambda _: None,
        line: Line | None = None,
    ) -> None:
        self._policy = policy
        self._turns = TurnDetectors(policy)
        self._microphone = microphone
        self._transcription = transcription
        self._queued = queued
        self._silence = silence
        self._on_event = on_event
        self._line = line or DiscordLine()
        self._now = 1000.0

    async def say(self, speech: SpokenSentence, *, before: float = 0.0) -> SentenceOutcome:
        """Say one sentence. ``before`` is the noise that the microphone puts in front of it, in seconds."""
        began = self._now
        packets = list(self._packets(self._microphone.frames(speech.sound)))
        self._now = packets[-1].at + self._silence
        transcriber = _StandIn(self._transcription, queued=self._queued)
        listening = _Listening(
            self._turns, self._policy.end_of_turn, transcriber, speech, began + before, self._on_event
        )
        for packet in packets:
            await listening.pass_time(packet.at)
            if packet.sound is None:
                listening.take(self._turns.process(TransmissionEnded(1, packet.at, announced=True)))
            else:
                listening.take(self._turns.process(AudioFrame(1, packet.sound, packet.at)))
        await listening.pass_time(self._now)
        return listening.outcome(max(packet.at for packet in packets if packet.sound is not None))

    def _packets(self, frames: Iterator[MicrophoneFrame]) -> Iterator[_Packet]:
        """The packets with their arrival times. The first frame of silence ends a transmission."""
        at = self._now
        sending = False
        for frame in frames:
            at += FRAME_SECONDS
            if frame is not None:
                yield _Packet(at, self._line.carry(frame))
            elif sending:
                yield _Packet(at, None)
            sending = frame is not None
        if sending and not isinstance(self._microphone, OpenMicrophone):
            yield _Packet(at + FRAME_SECONDS, None)


class _StandIn:
    """A transcriber that needs a fixed time for each sound. It tells when the words would be known."""

    def __init__(self, takes: float, *, queued: bool) -> None:
        self._takes = takes
        self._queued = queued
        self._begins = -math.inf  # when the newest sound is begun
        self._free = -math.inf  # when the sounds that were begun before it are done

    def begin(self, at: float) -> float:
        """Take a sound in place of the one before it; returns the time at which its words are known."""
        self.drop(at)
        self._begins = max(at, self._free) if self._queued else at
        return self._begins + self._takes

    def drop(self, at: float) -> None:
        """Drop the newest sound. If it was begun already, it still keeps a queued transcriber busy until it is done."""
        if self._begins <= at:
            self._free = max(self._free, self._begins + self._takes)
        self._begins = -math.inf


class _Listening:
    """Lets time pass for the detector: runs its deadlines, and gives it the words once the transcriber has them."""

    def __init__(
        self,
        turns: TurnDetectors,
        end_of_turn: EndOfTurn,
        transcriber: _StandIn,
        speech: SpokenSentence,
        began: float,
        on_event: Callable[[TurnEvent], None],
    ) -> None:
        self._turns = turns
        self._end_of_turn = end_of_turn
        self._transcriber = transcriber
        self._speech = speech
        self._began = began
        self._on_event = on_event
        self._pending: tuple[float, SpeechPaused, str] | None = None
        self._pauses = 0
        self._ends: list[float] = []
        self._onset: float | None = None

    async def pass_time(self, until: float) -> None:
        while (due := self._next()) is not None and due <= until:
            if self._pending is not None and self._pending[0] <= due:
                _, paused, words = self._pending
                self._pending = None
                # The estimate counts as ready at once.
                over = await self._end_of_turn.probability(paused.sound, words, ())
                self._turns.end_of_turn_estimated(paused.turn, over)
                if self._turns.deadline is None or self._turns.deadline > due:
                    continue
            self.take(self._turns.tick(due))

    def _next(self) -> float | None:
        ready = self._pending[0] if self._pending is not None else None
        due = [at for at in (ready, self._turns.deadline) if at is not None]
        return min(due, default=None)

    def take(self, events: Sequence[TurnEvent]) -> None:
        for event in events:
            self._on_event(event)
            match event:
                case TurnStarted() if self._onset is None:
                    self._onset = event.at - self._arrival(self._speech.parts[0].begin)
                case SpeechPaused():
                    words = self._speech.words_until(round((event.at - self._began) * SAMPLE_RATE))
                    self._pending = (self._transcriber.begin(event.at), event, words)
                    self._pauses += 1
                case SpeechResumed():
                    self._transcriber.drop(event.at)
                    self._pending = None
                case TurnEnded() | TurnDropped():
                    self._pending = None
                    self._ends.append(event.at)
                case _:
                    pass

    def outcome(self, released: float) -> SentenceOutcome:
        last = self._arrival(self._speech.end - 1)
        ended = self._ends[-1] if self._ends and self._ends[-1] >= last else None
        return SentenceOutcome(
            cut_off=any(end < last for end in self._ends),
            wait=None if ended is None else ended - last,
            after_release=None if ended is None else ended - released,
            onset=self._onset,
            pauses=self._pauses,
        )

    def _arrival(self, sample: int) -> float:
        """The arrival time of the packet with this sample."""
        return self._began + (sample // FRAME_SAMPLES + 1) * FRAME_SECONDS
