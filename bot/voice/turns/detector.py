"""The turn detector of one person: when a turn begins, pauses, goes on and ends. Sound in, events out."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

import numpy as np

from audio.samples import HEARING_RATE, Sound16
from bot.voice.frames import AudioFrame, PersonLeft, TransmissionEnded
from bot.voice.turn import Microphone, TurnId
from bot.voice.turns.endpointing import Endpointing, MicrophoneHistory
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
from bot.voice.turns.voice_activity import (
    WINDOW_SAMPLES,
    WINDOW_SECONDS,
    SpeechProbability,
    VoiceActivityDetector,
    Window,
)

_STEP = HEARING_RATE // 100
_QUIET_STEPS = 10


class TurnAudio:
    """Forgets all but the last bit, the pre-roll, until it is told to keep everything.

    Args:
        pre_roll: how many samples are kept from before, rounded up to whole pieces.
    """

    def __init__(self, pre_roll: int) -> None:
        self._pre_roll = pre_roll
        self._pieces: deque[Sound16] = deque()
        self._samples = 0
        self._keeping = False

    def __len__(self) -> int:
        """Samples held."""
        return self._samples

    def add(self, piece: Sound16) -> None:
        """The next piece of sound; it must not be changed afterwards."""
        self._pieces.append(piece)
        self._samples += len(piece)
        self._forget()

    def keep(self) -> None:
        """A turn has begun: forget nothing from now on."""
        self._keeping = True

    def whole(self) -> Sound16:
        """All that is held, as one new array."""
        return np.concatenate(self._pieces) if self._pieces else np.zeros(0, np.float32)

    def take(self, samples: int) -> Sound16:
        """Take the first ``samples`` out."""
        whole = self.whole()
        self._pieces = deque([whole[samples:]])
        self._samples = len(whole) - samples
        return whole[:samples]

    def end(self, samples: int) -> None:
        """The turn is over, and its first ``samples`` were handed on: the rest may be the pre-roll of the next."""
        self._keeping = False
        self.take(samples)
        self._forget()

    def clear(self) -> None:
        """Hold nothing, and keep nothing but the pre-roll."""
        self._pieces.clear()
        self._samples = 0
        self._keeping = False

    def quietest(self, within: int) -> int:
        """Where the last ``within`` samples are quietest: the middle of the quietest tenth of a second."""
        whole = self.whole()
        begin = max(0, len(whole) - within)
        steps = (len(whole) - begin) // _STEP
        energy = np.square(whole[begin : begin + steps * _STEP]).reshape(steps, _STEP).sum(axis=1)
        if steps < _QUIET_STEPS:
            return len(whole)
        tenths = np.convolve(energy, np.ones(_QUIET_STEPS), mode="valid")
        return begin + (int(np.argmin(tenths)) + _QUIET_STEPS // 2) * _STEP

    def _forget(self) -> None:
        while not self._keeping and self._pieces and self._samples - len(self._pieces[0]) >= self._pre_roll:
            self._samples -= len(self._pieces.popleft())


@dataclass(slots=True)
class _Turn:
    """The turn that is on. ``sound`` is what the last pause handed on; ``None`` while there is speech."""

    id: TurnId
    began_at: float
    last_voiced_at: float
    next_interim: float
    voiced: float
    length: float
    parts: int = 0
    sound: Sound16 | None = None
    finished: float | None = None
    wordless: bool = False


class TurnDetector:
    """The turns of one person. No threads, no clock, no timers: call :meth:`tick` when :attr:`deadline` is due.

    Silence is counted in samples while sound comes, so late packets end no turn; where the microphone has closed,
    it is counted from the arrival of the last packet.

    Args:
        person: whose sound it is; names the turns.
        probability: the model for this person's sound, see :meth:`bot.voice.turns.voice_activity.Silero.listen`.
        numbers: what turns are numbered with, growing; from 1 on if not given.
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
        self._recording = TurnAudio(round(self._settings.pre_roll * HEARING_RATE))
        self._microphone = MicrophoneHistory()
        self._endpointing = Endpointing(self._settings)
        self._turn: _Turn | None = None
        self._numbers = numbers or count(1)
        self._run = 0  # voiced windows in a row
        self._run_began_at = 0.0
        self._quiet = 0.0  # seconds since the last voiced window of a turn, up to the last packet
        self._held_back = 0.0  # seconds of sound during which no turn ends
        self._last_at: float | None = None
        self._transmitting = False
        self._silent_since: float | None = None  # when the last voiced sample of the last turn came

    @property
    def microphone(self) -> Microphone:
        """What kind of microphone this person seems to have."""
        return self._microphone.kind

    @property
    def deadline(self) -> float | None:
        """When :meth:`tick` is due, in monotonic seconds; ``None`` while only more sound can change anything."""
        if self._turn is None or self._turn.sound is None or self._last_at is None:
            return None
        due = self._last_at + max(0.0, self._wait(self._turn) - self._quiet)
        if not self._transmitting:
            return due
        return self._last_at if due <= self._last_at and self._may_end() else None

    def hear(self, heard: AudioFrame) -> list[TurnEvent]:
        """The next stretch of the transmission, or the first of a new one."""
        events: list[TurnEvent] = []
        if not self._transmitting:
            self._reopen(heard.at, events)
        self._last_at = heard.at
        for window in self._voice_activity.windows(heard.sound):
            self._microphone.heard(window)
            self._step(window, heard.at, events)
        return events

    def transmission_ended(self, ended: TransmissionEnded) -> list[TurnEvent]:
        """Nothing more comes for now: for a known push-to-talk that ends the turn."""
        events: list[TurnEvent] = []
        if not self._transmitting:
            return events
        for window in self._voice_activity.flush():
            self._microphone.heard(window)
            self._step(window, ended.at, events)
        self._transmitting = False
        self._held_back = 0.0
        self._run = 0
        self._microphone.ended(ended.announced)
        turn = self._turn
        if turn is None:
            return events
        sound = self._pause(turn, ended.at, events) if turn.sound is None else turn.sound
        if ended.announced and self.microphone is Microphone.PUSH_TO_TALK:
            self._end(turn, sound, ended.at, events)
        return events

    def left(self, left: PersonLeft) -> list[TurnEvent]:
        """The person is gone: nothing of theirs is kept, and this detector is of no more use."""
        turn, self._turn = self._turn, None
        self._recording.clear()
        return [] if turn is None else [TurnDropped(turn.id, left.at)]

    def tick(self, now: float) -> list[TurnEvent]:
        """The end of the turn, if it is due."""
        events: list[TurnEvent] = []
        turn, deadline = self._turn, self.deadline
        if turn is not None and turn.sound is not None and deadline is not None and deadline <= now:
            self._end(turn, turn.sound, now, events)
        return events

    def end_of_turn_estimated(self, turn: TurnId, over: float, *, wordless: bool = False) -> None:
        """How likely the turn is over since its last :class:`SpeechPaused`; moves the deadline.

        What comes too late is ignored.

        Args:
            over: 0 to 1.
            wordless: there are no words in the turn up to the pause.
        """
        if self._turn is None or self._turn.id != turn or self._turn.sound is None:
            return
        self._turn.wordless = wordless
        self._turn.finished = over

    def _reopen(self, at: float, events: list[TurnEvent]) -> None:
        """A new transmission: the silence before it is in the turn's sound too, as far as it helps to detect speech."""
        events += self.tick(at)
        self._transmitting = True
        self._held_back = self._settings.resumption
        if self._last_at is None:
            return
        gap = max(0.0, at - self._last_at)
        silence = np.zeros(int(min(gap, self._settings.longest_gap) / WINDOW_SECONDS) * WINDOW_SAMPLES, np.float32)
        for window in self._voice_activity.windows(silence):
            self._recording.add(window.sound)
        self._quiet += gap

    def _step(self, window: Window, at: float, events: list[TurnEvent]) -> None:
        seconds = window.seconds
        self._recording.add(window.sound)
        self._held_back -= seconds
        if not window.voiced:
            self._run = 0
        else:
            self._run += 1
            if self._run == 1:
                self._run_began_at = at
        turn = self._turn
        if turn is None:
            if self._run >= self._settings.certain_windows:
                self._begin(at, events)
        elif turn.sound is not None:
            self._wait_for_more(turn, turn.sound, seconds, at, events)
        elif window.voiced:
            self._go_on(turn, seconds, at, events)
        else:
            self._quiet += seconds
            turn.length += seconds
            windows = self._settings.pause_windows if window.still else self._settings.loud_pause_windows
            if self._quiet >= windows * WINDOW_SECONDS:
                self._pause(turn, at, events)

    def _begin(self, at: float, events: list[TurnEvent]) -> None:
        self._recording.keep()
        self._quiet = 0.0
        if self._silent_since is not None and (pause := at - self._silent_since) <= self._settings.cut_off_within:
            self._endpointing.was_cut_off(pause)
        self._turn = _Turn(
            TurnId(self._person, next(self._numbers)),
            began_at=self._run_began_at,
            last_voiced_at=at,
            next_interim=self._settings.first_interim,
            voiced=self._run * WINDOW_SECONDS,
            length=self._run * WINDOW_SECONDS,
        )
        events.append(TurnStarted(self._turn.id, self._turn.began_at, at))

    def _go_on(self, turn: _Turn, seconds: float, at: float, events: list[TurnEvent]) -> None:
        turn.last_voiced_at = at
        turn.voiced += seconds
        turn.length += seconds
        self._quiet = 0.0
        if len(self._recording) >= self._settings.longest_part * HEARING_RATE:
            cut = self._recording.quietest(round(self._settings.part_search * HEARING_RATE))
            self._cut(turn, cut, at, events)
        elif turn.length >= turn.next_interim:
            turn.next_interim = turn.length + self._settings.next_interim
            events.append(SpeechSoFar(turn.id, self._recording.whole(), at))

    def _pause(self, turn: _Turn, at: float, events: list[TurnEvent]) -> Sound16:
        turn.finished = None
        turn.wordless = False
        turn.sound = self._recording.whole()
        events.append(SpeechPaused(turn.id, turn.sound, turn.last_voiced_at, at))
        return turn.sound

    def _wait_for_more(self, turn: _Turn, paused: Sound16, seconds: float, at: float, events: list[TurnEvent]) -> None:
        self._quiet += seconds
        if self._run >= self._settings.certain_windows:
            pause = self._quiet - self._run * WINDOW_SECONDS
            self._endpointing.resumed(pause)
            turn.sound = None
            events.append(SpeechResumed(turn.id, at))
            if len(paused) >= self._settings.part_after * HEARING_RATE and pause >= self._settings.part_pause:
                self._cut(turn, len(paused), at, events)
            self._go_on(turn, self._run * WINDOW_SECONDS, at, events)
        elif self._may_end() and self._quiet >= self._wait(turn):
            self._end(turn, paused, at, events)

    def _cut(self, turn: _Turn, samples: int, at: float, events: list[TurnEvent]) -> None:
        turn.parts += 1
        events.append(TurnPart(turn.id, self._recording.take(samples), at))

    def _end(self, turn: _Turn, sound: Sound16, at: float, events: list[TurnEvent]) -> None:
        self._turn = None
        self._recording.end(len(sound))
        self._endpointing.ended()
        self._silent_since = turn.last_voiced_at
        nothing = turn.wordless or turn.voiced < self._settings.least_voiced
        if nothing and not turn.parts:
            events.append(TurnDropped(turn.id, at))
        else:
            events.append(TurnEnded(turn.id, sound, turn.began_at, turn.last_voiced_at, at, self.microphone))

    def _wait(self, turn: _Turn) -> float:
        return self._endpointing.wait(turn.finished, self.microphone, self._transmitting)

    def _may_end(self) -> bool:
        """Not while a voiced window may be the first of more, or while a microphone has only just opened."""
        return self._run == 0 and self._held_back <= 0
