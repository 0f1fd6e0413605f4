"""The input thread of a call: it processes people's sound and reports turn events to the event loop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import queue
import threading
import time
from collections.abc import Callable
from contextvars import copy_context
from functools import partial
from typing import Any, Protocol, TypeVarTuple, Unpack

from audio.pcm import from_pcm16
from audio.samples import HEARING_RATE, SPEAKING_RATE, Samples, Sound16
from bot.line_budget import LineBudget
from bot.voice.echo.gate import EchoComparison, EchoGate
from bot.voice.echo.mute import EchoMute
from bot.voice.frames import AudioFrame, InputEvent, PersonLeft, TransmissionEnded
from bot.voice.mixing.taken_frame import TakenFrame
from bot.voice.speech_watch import SILENT_CALL, SpeechFollower, SpeechWatch
from bot.voice.transport import AudioInput
from bot.voice.turn import TurnId
from bot.voice.turns.events import TurnEvent

_log = logging.getLogger(__name__)

MAX_INBOX = 4_000
"""Maximum number of functions in the inbox. If all of them are packets, this is 8 s of ten speakers.

If the inbox is full, new packets are dropped, because they would come too late.
"""
IDLE_WAIT = 1.0
"""Longest wait for the next function in the inbox, in seconds. Then the thread looks for work that is due."""
LATE = 0.02
"""If the thread wakes up this many seconds later than it wanted to, the machine counts as having stood still."""
SETTLING = 0.02
"""For this many seconds after the machine stood still, no packet counts as missing: it may wait in the socket."""
RETRY_WAIT = 0.1
"""Longest wait until overdue work (:meth:`InputWorker._do_what_is_due`) that has failed is tried again, in seconds."""
MAX_FAULT = 5.0
"""If overdue work fails for this many seconds without a break, the thread ends: it can't process sound any more."""

Arguments = TypeVarTuple("Arguments")


def _ignore(_: TurnEvent) -> None:
    """Receives turn events until :meth:`InputWorker.listen` sets the real receiver."""


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
        """Receive the ``probability`` (0 to 1) that a turn is over; see :meth:`InputWorker.end_of_turn_estimated`."""
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


class InputWorker(threading.Thread):
    """The :class:`~bot.voice.transport.InputThread` of a call: a daemon thread with an inbox of functions to call.

    The thread owns the transport's :class:`~bot.voice.transport.AudioInput`, the turn detection and the echo
    detection: other threads reach them through the inbox alone. :meth:`listen` starts the thread, :meth:`end` stops
    it. If a packet can't be processed, the error is logged and the packet is lost. If the overdue work fails for
    :data:`MAX_FAULT` seconds, the thread ends; see :meth:`wait_dead`.

    Args:
        source: the transport's audio input.
        turns: turn detection for all people.
        echo: echo detection for all people.
        loop: event loop on which turn events are reported.
        follower: learns on this thread who speaks, as soon as a voice is noticed.
        clock: returns monotonic seconds.

    Attributes:
        recorder: receiver of all sound of the call, such as a recorder; ``None`` if nothing is recorded.
        overrun: number of packets that were dropped because the inbox was full.
    """

    def __init__(
        self,
        source: AudioInput,
        turns: TurnDetection,
        echo: EchoDetection,
        loop: asyncio.AbstractEventLoop,
        *,
        follower: SpeechFollower = SILENT_CALL,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(name="voice input", daemon=True)
        self.recorder: SoundRecorder | None = None
        self.overrun = 0
        self._source = source
        self._turns = turns
        self._echo = echo
        self._mute = EchoMute(echo)
        self._gate = EchoGate(self._mute)
        self._watch = SpeechWatch(turns, self._gate, follower)
        self._loop = loop
        self._clock = clock
        self._deliver: Callable[[TurnEvent], None] = _ignore
        self._people: set[int] = set()
        self._diverted: dict[int, SoundReceiver] = {}
        # Each function has the time at which it was posted.
        self._inbox: queue.SimpleQueue[tuple[float, Callable[[], None]] | None] = queue.SimpleQueue()
        self._dead = asyncio.Event()
        self._around = copy_context()
        self._failing_since: float | None = None
        self._heard_from: int | None = None
        """Whose sound is being processed."""
        self._failures = LineBudget(_log, "sounds that could not be processed", clock)

    def listen(self, deliver: Callable[[TurnEvent], None], admits: Callable[[int], bool]) -> None:
        """Start the thread. Call it on the event loop, once.

        Args:
            deliver: called with each turn event, on the event loop.
            admits: tells whether a person may be listened to. It is called on the input thread, for every packet.
        """
        self._deliver = deliver
        self._source.start(self, admits)
        self._around = copy_context()
        self.start()

    async def wait_dead(self) -> None:
        """Wait until the thread has ended, by :meth:`end` or after a fault. Call it on the event loop."""
        await self._dead.wait()

    # The methods up to `end` may be called from other threads, and all but `end` from this one.

    def post(self, function: Callable[[Unpack[Arguments]], Any], *arguments: *Arguments) -> None:
        """Call ``function`` on this thread, after the functions that wait in the inbox."""
        self._inbox.put((self._clock(), lambda: function(*arguments)))

    def offer(self, function: Callable[[Unpack[Arguments]], Any], *arguments: *Arguments) -> None:
        """Post a function that processes a packet. If the inbox is full, drop it and count it in :attr:`overrun`."""
        if self._inbox.qsize() >= MAX_INBOX:
            self.overrun += 1
            return
        self.post(function, *arguments)

    def person_left(self, person: int) -> None:
        """Delete all data of a person who has left, or who no longer wants to be listened to."""
        self.post(self._remove, person, self._clock())

    def forget_everyone(self) -> None:
        """Delete all data of all people."""
        self.post(self._forget_everyone)

    def divert(self, person: int, receiver: SoundReceiver) -> Callable[[], None]:
        """Give a person's sound to ``receiver``, and detect no turns in it, until the returned function is called."""
        self.post(self._divert, person, receiver)
        return lambda: self.post(self._end_diversion, person, receiver)

    def end_of_turn_estimated(self, turn: TurnId, probability: float, *, wordless: bool = False) -> None:
        """Pass an end-of-turn estimate to the turn detection.

        Args:
            turn: the paused turn.
            probability: probability that the turn is over, 0 to 1.
            wordless: True if no words were recognised in the turn.
        """
        self.post(partial(self._turns.end_of_turn_estimated, turn, probability, wordless=wordless))

    def played(self, pcm: bytes, at: float, reply: str | None = None, parts: TakenFrame | None = None) -> None:
        """Receive a frame that the bot has sent, for the echo detection and the recorder.

        Args:
            pcm: 20 ms of sound: stereo, 16-bit, 48,000 Hz.
            at: time of sending, in monotonic seconds.
            reply: id of the reply whose sound was sent last; ``None`` if it is not known.
            parts: what the frame is mixed of; ``None`` if there is only the bot's voice.
        """
        self.post(self._on_played, pcm, at, reply, parts or TakenFrame(pcm, None))

    def end(self) -> None:
        """Stop the audio input and the thread, and wait until the thread has ended. Don't call it on this thread.

        If stopping the audio input raises an exception, it is passed on after the thread has ended.
        """
        try:
            self._source.stop()
        finally:
            self._inbox.put(None)
            if self.is_alive():
                self.join()

    # The methods from here on are called only on this thread.

    def run(self) -> None:
        """Process the inbox until :meth:`end`, or until the overdue work has failed for too long."""
        try:
            self._around.run(self._process_inbox)
        finally:
            self._on_loop(self._dead.set)

    def _process_inbox(self) -> None:
        """Call the functions of the inbox, and do what is due, until the thread has to end."""
        wait, settles_until = 0.0, -math.inf
        while True:
            asked_at = self._clock()
            try:
                posted = self._inbox.get(timeout=wait)
            except queue.Empty:
                posted = (self._clock(), lambda: None)
                stood_still = posted[0] - asked_at - wait > LATE
                # After the machine stood still, wait once for packets before anything counts as overdue. Such a wait is
                # never followed by another one, so that a machine that is always late does the overdue work all the
                # same.
                settles_until = posted[0] + SETTLING if stood_still and settles_until < asked_at else -math.inf
            if posted is None:
                return
            at, function = posted
            self._call(function)
            wait = settles_until - self._clock()
            if wait > 0:
                continue
            try:
                wait = self._do_what_is_due(at)
                self._failing_since = None
            except Exception:
                if self._has_failed_too_long():
                    _log.exception("Overdue work has failed for %.0f s: the call can't hear any more", MAX_FAULT)
                    return
                wait = RETRY_WAIT

    def _call(self, function: Callable[[], None]) -> None:
        """Call a function of the inbox. If it fails, what it would have processed is left out."""
        self._heard_from = None
        try:
            function()
        except Exception:
            if self._failures.admit():
                who = self._heard_from
                what = "A packet, or another task of the input thread," if who is None else f"Sound of person {who}"
                _log.exception("%s could not be processed. It is left out, and the call goes on", what)

    def _do_what_is_due(self, posted_at: float) -> float:
        """Call ``tick`` of each part that is due. Returns for how many seconds to wait for the inbox.

        Args:
            posted_at: the time at which the newest function that was called had been posted. If further functions wait
                in the inbox, only what was due at this time is done: the packets that seem to be missing may be among
                those that wait.
        """
        now = self._clock() if self._inbox.empty() else posted_at
        if self._source.deadline is not None and self._source.deadline <= now:
            self._source.tick(now)
        if self._turns.deadline is not None and self._turns.deadline <= now:
            self._report(self._turns.tick(now))
        due = [at for at in (self._source.deadline, self._turns.deadline) if at is not None]
        return min(max(min(due) - self._clock(), 0.0), IDLE_WAIT) if due else IDLE_WAIT

    def _has_failed_too_long(self) -> bool:
        """True if the overdue work has failed for :data:`MAX_FAULT` seconds. Logs the first failure of a series."""
        now = self._clock()
        if self._failing_since is None:
            self._failing_since = now
            _log.exception("Overdue work of the input thread has failed")
        return now - self._failing_since >= MAX_FAULT

    def receive(self, event: InputEvent) -> None:
        """Process an input event."""
        self._heard_from = event.person
        match event:
            case AudioFrame(person, sound, at):
                self._people.add(person)
                if self.recorder is not None:
                    self.recorder.heard(person, sound, at)
                if person in self._diverted:
                    self._diverted[person](sound, at)
                    return
                heard, event = event, self._mute.process(event)
                self._deliver_all(self._gate.process_frame(heard))
            case PersonLeft(person):
                self._people.discard(person)
                self._echo.forget(person)
            case TransmissionEnded(person):
                self._mute.transmission_ended(person)
                self._gate.transmission_ended(person)
        self._report(self._turns.process(event))
        self._watch.update(event.person, event.at)
        if isinstance(event, PersonLeft):
            self._gate.forget(event.person)
            self._mute.forget(event.person)

    def _divert(self, person: int, receiver: SoundReceiver) -> None:
        self._diverted[person] = receiver
        # The detectors get no more sound of this person, so a turn that has begun would never end.
        self.receive(PersonLeft(person, self._clock()))

    def _end_diversion(self, person: int, receiver: SoundReceiver) -> None:
        if self._diverted.get(person) == receiver:
            del self._diverted[person]

    def _forget_everyone(self) -> None:
        for person in tuple(self._people):
            self._remove(person, self._clock())

    def _remove(self, person: int, at: float) -> None:
        """Let the audio input delete all data of a person. If that fails, delete at least the data of this thread."""
        try:
            self._source.person_left(person, at)
        except Exception:
            _log.exception("The transport could not delete its data of person %d", person)
            self.receive(PersonLeft(person, at))

    def _on_played(self, pcm: bytes, at: float, reply: str | None, parts: TakenFrame) -> None:
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

    def _report(self, events: list[TurnEvent]) -> None:
        """Report the turn events that the echo gate lets through."""
        for event in events:
            self._deliver_all(self._gate.filter(event))

    def _deliver_all(self, events: list[TurnEvent]) -> None:
        """Deliver turn events on the event loop."""
        for event in events:
            self._on_loop(self._deliver, event)

    def _on_loop(self, function: Callable[[Unpack[Arguments]], None], *arguments: *Arguments) -> None:
        """Call ``function`` on the event loop, unless the loop is closed."""
        # A call that ends may close its loop while this thread still processes a packet.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(function, *arguments)


def _mono(pcm: bytes) -> Samples:
    """The mean of both channels of stereo 16-bit PCM. The channels are the same in the bot's voice, but not in
    music."""
    both: Samples = from_pcm16(pcm).reshape(-1, 2).mean(axis=1)
    return both
