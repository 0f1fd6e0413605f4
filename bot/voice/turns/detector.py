"""The turn detector of one person: it takes the person's sound and reports when turns begin, pause, go on and end.

The sound is processed in windows of 32 ms. A window is voiced if it contains speech.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

import numpy as np

from audio.samples import HEARING_RATE, Sound16
from bot.voice.frames import AudioFrame, PersonLeft, TransmissionEnded
from bot.voice.turn import Microphone, TurnId
from bot.voice.turns.endpointing import ABRUPT, Endpointing, MicrophoneHistory
from bot.voice.turns.events import (
    SpeechPaused,
    SpeechResumed,
    SpeechSoFar,
    TurnDropped,
    TurnEnded,
    TurnEvent,
    TurnPart,
    TurnStarted,
)
from bot.voice.turns.settings import TurnSettings
from bot.voice.turns.turn_audio import TurnAudio
from bot.voice.turns.voice_activity import (
    WINDOW_SAMPLES,
    WINDOW_SECONDS,
    SpeechProbability,
    VoiceActivityDetector,
    Window,
)


@dataclass(slots=True)
class _Turn:
    """State of the current turn. Times are monotonic seconds, durations are seconds.

    Attributes:
        id: id of the turn.
        began_at: arrival of the packet with the first voiced window.
        last_voiced_at: arrival of the packet with the last voiced window.
        next_interim: length of the turn at which the next :class:`SpeechSoFar` is due.
        voiced: total duration of the voiced windows.
        length: duration of the turn, without the silences of its pauses.
        parts: number of parts that were cut off the turn.
        sound: sound of the last :class:`SpeechPaused`; ``None`` while the person speaks.
        end_probability: probability that the pause is the end of the turn, 0 to 1; ``None`` without an estimate.
        wordless: True if there are no words in the turn up to its pause.
        within_window: True if the pause has begun in a window that is not complete yet.
        broken_off: True if the packets have stopped while the person spoke, or so soon after the last voice that this
            may be a gap within a word. The packets may only be delayed.
    """

    id: TurnId
    began_at: float
    last_voiced_at: float
    next_interim: float
    voiced: float
    length: float
    parts: int = 0
    sound: Sound16 | None = None
    end_probability: float | None = None
    wordless: bool = False
    within_window: bool = False
    broken_off: bool = False


class TurnDetector:
    """Detects the turns of one person. It has no thread, clock or timer: call :meth:`tick` at :attr:`deadline`.

    While packets arrive, silence is measured by the samples in them, so that late packets can't end a turn. After the
    microphone has closed, silence is measured from the arrival of the last packet.

    Args:
        person: user id of the person; it is part of the turns' ids.
        probability: voice activity model of this person, see :meth:`bot.voice.turns.voice_activity.Silero.make_stream`.
        settings: thresholds and waits.
        numbers: increasing numbers for the turns; they count from 1 if none are given.
    """

    def __init__(
        self,
        person: int,
        probability: SpeechProbability,
        settings: TurnSettings | None = None,
        numbers: Iterator[int] | None = None,
    ) -> None:
        self._person = person
        self._settings = settings or TurnSettings()
        self._voice_activity = VoiceActivityDetector(probability, self._settings)
        self._audio = TurnAudio(round(self._settings.pre_roll * HEARING_RATE))
        self._microphone = MicrophoneHistory()
        self._endpointing = Endpointing(self._settings)
        self._turn: _Turn | None = None
        self._numbers = numbers or count(1)
        self._voiced_run = 0  # number of voiced windows in a row
        self._voiced_run_began_at = 0.0  # arrival of the first of these windows
        self._quiet = 0.0  # seconds from the last voiced window of the turn to the last packet
        self._held_back = 0.0  # seconds of sound that must still come before a turn may end
        self._last_at: float | None = None  # arrival of the last packet
        self._transmitting = False
        self._silent_since: float | None = None  # arrival of the last turn's last voiced window

    @property
    def microphone(self) -> Microphone:
        """The kind of microphone that this person seems to have."""
        return self._microphone.kind

    @property
    def deadline(self) -> float | None:
        """Time at which :meth:`tick` is due, in monotonic seconds; ``None`` if only more sound can change the turn."""
        if self._turn is None or self._turn.sound is None or self._last_at is None:
            return None
        due = self._last_at + max(0.0, self._wait(self._turn) - self._quiet)
        if not self._transmitting:
            return due
        return self._last_at if due <= self._last_at and self._may_end() else None

    @property
    def speaking(self) -> bool:
        """Whether the newest sound is voiced. It need not be a turn: a cough may be voiced for a moment."""
        return self._voiced_run > 0 or (self._transmitting and self._voice_activity.begins())

    def process_frame(self, frame: AudioFrame) -> list[TurnEvent]:
        """Process the person's next frame, which may be the first of a new transmission."""
        events: list[TurnEvent] = []
        if not self._transmitting:
            self._begin_transmission(frame, events)
        self._last_at = frame.at
        self._microphone.known = frame.microphone
        for window in self._voice_activity.windows(frame.sound):
            self._microphone.add_window(window)
            self._process_window(window, frame.at, events)
        self._notice_quiet(frame, events)
        return events

    def transmission_ended(self, event: TransmissionEnded) -> list[TurnEvent]:
        """Process the end of a transmission. If a push-to-talk key was released, the turn ends too."""
        events: list[TurnEvent] = []
        if not self._transmitting:
            return events
        for window in self._voice_activity.flush():
            self._microphone.add_window(window)
            self._process_window(window, event.at, events)
        self._transmitting = False
        self._held_back = 0.0
        self._voiced_run = 0
        self._microphone.transmission_ended(event.announced)
        turn = self._turn
        if turn is None:
            return events
        turn.broken_off = not event.announced and (turn.sound is None or self._quiet < ABRUPT)
        sound = self._pause(turn, event.at, events) if turn.sound is None else turn.sound
        if event.announced and self.microphone is Microphone.PUSH_TO_TALK:
            self._end(turn, sound, event.at, events)
        return events

    def person_left(self, event: PersonLeft) -> list[TurnEvent]:
        """Drop the turn and delete the person's sound. The detector must not be used afterwards."""
        turn, self._turn = self._turn, None
        self._audio.clear()
        return [] if turn is None else [TurnDropped(turn.id, event.at)]

    def tick(self, now: float) -> list[TurnEvent]:
        """End the turn if that is due at ``now`` (monotonic seconds)."""
        events: list[TurnEvent] = []
        turn, deadline = self._turn, self.deadline
        if turn is not None and turn.sound is not None and deadline is not None and deadline <= now:
            self._end(turn, turn.sound, now, events)
        return events

    def end_of_turn_estimated(self, turn: TurnId, probability: float, *, wordless: bool = False) -> None:
        """Take the end-of-turn estimate for the last :class:`SpeechPaused` of a turn. It may change :attr:`deadline`.

        An estimate is ignored if the turn has ended or the person has gone on.

        Args:
            turn: the paused turn.
            probability: probability that the turn is over, 0 to 1.
            wordless: True if there are no words in the turn up to the pause.
        """
        if self._turn is None or self._turn.id != turn or self._turn.sound is None:
            return
        self._turn.wordless = wordless
        self._turn.end_probability = probability

    def _begin_transmission(self, frame: AudioFrame, events: list[TurnEvent]) -> None:
        """Begin a transmission, or continue one whose packets were delayed.

        The silence before a new transmission is added to the turn's sound, but not more than ``longest_gap``.
        """
        events += self.tick(frame.at)
        self._transmitting = True
        self._held_back = self._settings.resumption
        if self._turn is not None:
            self._turn.broken_off = False
        if self._last_at is None or frame.delayed:
            return
        gap = max(0.0, frame.at - self._last_at)
        silence = np.zeros(int(min(gap, self._settings.longest_gap) / WINDOW_SECONDS) * WINDOW_SAMPLES, np.float32)
        for window in self._voice_activity.windows(silence):
            self._audio.add(window.sound)
        self._quiet += gap

    def _process_window(self, window: Window, at: float, events: list[TurnEvent]) -> None:
        """Process a window: begin a turn, or continue the speech or the pause of the current turn."""
        seconds = window.seconds
        self._audio.add(window.sound)
        self._held_back -= seconds
        if not window.voiced:
            self._voiced_run = 0
        else:
            self._voiced_run += 1
            if self._voiced_run == 1:
                self._voiced_run_began_at = at
        turn = self._turn
        if turn is None:
            if self._voiced_run >= self._settings.certain_windows:
                self._begin(at, events)
        elif turn.within_window:
            self._complete_window(turn, window, at)
        elif turn.sound is not None:
            self._continue_pause(turn, turn.sound, seconds, at, events)
        elif window.voiced:
            self._continue_speech(turn, seconds, at, events)
        else:
            self._quiet += seconds
            turn.length += seconds
            windows = self._settings.pause_windows if window.still else self._settings.loud_pause_windows
            if self._quiet >= windows * WINDOW_SECONDS:
                self._pause(turn, at, events)

    def _notice_quiet(self, frame: AudioFrame, events: list[TurnEvent]) -> None:
        """Begin a pause if the person has become quiet within a window. The turn is then transcribed sooner."""
        turn = self._turn
        if turn is None or turn.sound is not None or not self._voice_activity.falls_quiet(frame.sound):
            return
        self._voiced_run = 0
        turn.within_window = True
        self._pause(turn, frame.at, events, self._voice_activity.rest)

    def _complete_window(self, turn: _Turn, window: Window, at: float) -> None:
        """Process the window in which the pause has begun. If it is voiced, its voice came before the pause."""
        turn.within_window = False
        self._voiced_run = 0
        if not window.voiced:
            self._quiet += window.seconds
            return
        self._quiet = 0.0
        turn.last_voiced_at = at
        turn.voiced += window.seconds
        turn.length += window.seconds

    def _begin(self, at: float, events: list[TurnEvent]) -> None:
        """Begin a turn, since there were enough voiced windows in a row."""
        self._audio.begin_turn()
        self._quiet = 0.0
        if self._silent_since is not None and (pause := at - self._silent_since) <= self._settings.cut_off_within:
            self._endpointing.turn_was_cut_off(pause)
        self._turn = _Turn(
            TurnId(self._person, next(self._numbers)),
            began_at=self._voiced_run_began_at,
            last_voiced_at=at,
            next_interim=self._settings.first_interim,
            voiced=self._voiced_run * WINDOW_SECONDS,
            length=self._voiced_run * WINDOW_SECONDS,
        )
        events.append(TurnStarted(self._turn.id, self._turn.began_at, at))

    def _continue_speech(self, turn: _Turn, seconds: float, at: float, events: list[TurnEvent]) -> None:
        """Add ``seconds`` of voiced sound to the turn. Cut the turn, or report its sound so far, if that is due."""
        turn.last_voiced_at = at
        turn.voiced += seconds
        turn.length += seconds
        self._quiet = 0.0
        if len(self._audio) >= self._settings.longest_part * HEARING_RATE:
            cut = self._audio.quietest(round(self._settings.part_search * HEARING_RATE))
            self._cut(turn, cut, at, events)
        elif turn.length >= turn.next_interim:
            turn.next_interim = turn.length + self._settings.next_interim
            events.append(SpeechSoFar(turn.id, self._audio.whole(), at))

    def _pause(self, turn: _Turn, at: float, events: list[TurnEvent], rest: Sound16 | None = None) -> Sound16:
        """Begin a pause; returns the sound of the turn up to the pause, with ``rest`` as its end."""
        turn.end_probability = None
        turn.wordless = False
        whole = self._audio.whole()
        turn.sound = whole if rest is None else np.concatenate((whole, rest))
        events.append(SpeechPaused(turn.id, turn.sound, turn.last_voiced_at, at))
        return turn.sound

    def _continue_pause(self, turn: _Turn, paused: Sound16, seconds: float, at: float, events: list[TurnEvent]) -> None:
        """Add ``seconds`` to the pause. End it if the person speaks again; end the turn if the pause is long enough."""
        self._quiet += seconds
        if self._voiced_run >= self._settings.certain_windows:
            pause = self._quiet - self._voiced_run * WINDOW_SECONDS
            self._endpointing.speech_resumed(pause)
            turn.sound = None
            events.append(SpeechResumed(turn.id, at))
            if len(paused) >= self._settings.part_after * HEARING_RATE and pause >= self._settings.part_pause:
                self._cut(turn, len(paused), at, events)
            self._continue_speech(turn, self._voiced_run * WINDOW_SECONDS, at, events)
        elif self._may_end() and self._quiet >= self._wait(turn):
            self._end(turn, paused, at, events)

    def _cut(self, turn: _Turn, samples: int, at: float, events: list[TurnEvent]) -> None:
        """Cut the first ``samples`` off the turn, and report them as a part."""
        turn.parts += 1
        events.append(TurnPart(turn.id, self._audio.take(samples), at))

    def _end(self, turn: _Turn, sound: Sound16, at: float, events: list[TurnEvent]) -> None:
        """End the turn. Drop it if it has no words or too little voice, and no parts were cut off before."""
        self._turn = None
        self._audio.end_turn(len(sound))
        self._endpointing.turn_ended()
        self._silent_since = turn.last_voiced_at
        without_speech = turn.wordless or turn.voiced < self._settings.least_voiced
        if without_speech and not turn.parts:
            events.append(TurnDropped(turn.id, at))
        else:
            events.append(TurnEnded(turn.id, sound, turn.began_at, turn.last_voiced_at, at, self.microphone))

    def _wait(self, turn: _Turn) -> float:
        """The seconds of silence that end the turn."""
        if self._transmitting and self._microphone.known is Microphone.PUSH_TO_TALK:
            return self._settings.known_key_wait
        if turn.broken_off:
            return self._settings.unfinished_wait
        released = self._microphone.key_released
        return self._endpointing.wait(turn.end_probability, self.microphone, self._transmitting, key_released=released)

    def _may_end(self) -> bool:
        """False if a voiced window may be the beginning of speech, or if the microphone has only just opened."""
        return self._voiced_run == 0 and self._held_back <= 0
