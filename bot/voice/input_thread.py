"""The input thread of a call: it has people's sound processed and reports turn events to the event loop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import queue
import threading
import time
from collections.abc import Callable, Iterable
from contextvars import copy_context
from functools import partial
from typing import Any, TypeVarTuple, Unpack

from bot.line_budget import LineBudget
from bot.voice.frames import InputEvent, PersonLeft
from bot.voice.input_processor import InputProcessor, SoundReceiver
from bot.voice.mixing.taken_frame import TakenFrame
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


class InputWorker(threading.Thread):
    """The :class:`~bot.voice.transport.InputThread` of a call: a daemon thread with an inbox of functions to call.

    The thread owns the transport's :class:`~bot.voice.transport.AudioInput` and the
    :class:`~bot.voice.input_processor.InputProcessor`: other threads reach them through the inbox alone.
    :meth:`listen` starts the thread, :meth:`end` stops it. If a packet can't be processed, the error is logged and the
    packet is lost. If the overdue work fails for :data:`MAX_FAULT` seconds, the thread ends; see :meth:`wait_dead`.

    Args:
        source: the transport's audio input.
        processor: makes turn events of people's sound.
        loop: event loop on which turn events are reported.
        clock: returns monotonic seconds.

    Attributes:
        processor: makes turn events of people's sound. Use it only on this thread, apart from its ``recorder``.
        overrun: number of packets that were dropped because the inbox was full.
    """

    def __init__(
        self,
        source: AudioInput,
        processor: InputProcessor,
        loop: asyncio.AbstractEventLoop,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(name="voice input", daemon=True)
        self.processor = processor
        self.overrun = 0
        self._source = source
        self._turns = processor.turns
        self._loop = loop
        self._clock = clock
        self._deliver: Callable[[TurnEvent], None] = _ignore
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
        return lambda: self.post(self.processor.end_diversion, person, receiver)

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
        self.post(self.processor.played, pcm, at, reply, parts or TakenFrame(pcm, None))

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
            self._report(self.processor.tick(now))
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
        self._report(self.processor.process(event))

    def _divert(self, person: int, receiver: SoundReceiver) -> None:
        self._report(self.processor.divert(person, receiver, self._clock()))

    def _forget_everyone(self) -> None:
        for person in tuple(self.processor.people):
            self._remove(person, self._clock())

    def _remove(self, person: int, at: float) -> None:
        """Let the audio input delete all data of a person. If that fails, delete at least the data of this thread."""
        try:
            self._source.person_left(person, at)
        except Exception:
            _log.exception("The transport could not delete its data of person %d", person)
            self.receive(PersonLeft(person, at))

    def _report(self, events: Iterable[TurnEvent]) -> None:
        """Deliver turn events on the event loop, each as soon as it is known."""
        for event in events:
            self._on_loop(self._deliver, event)

    def _on_loop(self, function: Callable[[Unpack[Arguments]], None], *arguments: *Arguments) -> None:
        """Call ``function`` on the event loop, unless the loop is closed."""
        # A call that ends may close its loop while this thread still processes a packet.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(function, *arguments)
