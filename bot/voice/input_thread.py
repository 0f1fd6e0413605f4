"""The thread that listens: people's sound in, turn events out."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import queue
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol, TypeVarTuple, Unpack

from audio.pcm import from_pcm16
from audio.samples import HEARING_RATE, SPEAKING_RATE, Samples, Sound16
from bot.voice.echo.gate import Comparing, EchoGate
from bot.voice.frames import AudioFrame, InputEvent, PersonLeft, TransmissionEnded
from bot.voice.transport import AudioInput
from bot.voice.turn import TurnId
from bot.voice.turns.events import TurnEvent

_log = logging.getLogger(__name__)

MAX_INBOX = 4_000
"""Pieces of sound that may wait, 8 s of ten speakers; more can't be heard in time anyway."""
IDLE_WAIT = 1.0
RETRY_WAIT = 0.1
LONGEST_FAULT = 5.0
"""Seconds for which what is due may fail again and again before the thread gives up: nobody would be heard any more."""

Arguments = TypeVarTuple("Arguments")


def _nobody(_: TurnEvent) -> None:
    """Takes turn events before anybody listens."""


class Detecting(Protocol):
    """Everybody's sound to turns; see :class:`~bot.voice.turns.turns.Turns`."""

    @property
    def deadline(self) -> float | None:
        """When :meth:`tick` is due."""
        ...

    def heard(self, heard: InputEvent) -> list[TurnEvent]:
        """Take what the receiver hands on."""
        ...

    def tick(self, now: float) -> list[TurnEvent]:
        """End what is overdue."""
        ...

    def end_of_turn_estimated(self, turn: TurnId, over: float, *, wordless: bool = False) -> None:
        """How likely a turn that is paused is over."""
        ...


class EchoDetecting(Comparing, Protocol):
    """Tells the bot's own voice from other people's; see :class:`~bot.voice.echo.detector.EchoDetector`."""

    def played(self, sound: Sound16, at: float) -> None:
        """The bot has said this."""
        ...

    def forget(self, person: int) -> None:
        """Keep nothing of this person."""
        ...


class SoundKeeper(Protocol):
    """Is told every sound of a call, heard and played, on the listening thread; must not wait and must not raise."""

    def heard(self, person: int, sound: Sound16, at: float) -> None:
        """A person's sound, 16,000 Hz."""
        ...

    def spoken(self, sound: Samples, at: float, reply: str | None) -> None:
        """The bot's sound, mono, 48,000 Hz; of which reply, as far as it is known."""
        ...


SoundTaker = Callable[[Sound16, float], None]
"""Given one person's sound, and when it arrived, on the listening thread; must not wait and must not raise."""


class InputWorker(threading.Thread):
    """Owns every detector and what the transport receives: whatever reaches them goes through its inbox.

    It is the :class:`~bot.voice.transport.InputThread` of a transport. Daemonic; :meth:`listen` begins, :meth:`end`
    stops it. A fault with one piece of sound is logged and costs that piece. Where what is due fails for
    :data:`LONGEST_FAULT`, the thread ends; see :meth:`wait_dead`.

    Args:
        source: where people's sound comes from.
        keeper: told every sound while there is one; see :attr:`keeper`.
    """

    def __init__(
        self,
        source: AudioInput,
        turns: Detecting,
        echo: EchoDetecting,
        loop: asyncio.AbstractEventLoop,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(name="voice input", daemon=True)
        self.keeper: SoundKeeper | None = None
        self.overrun = 0
        self._source = source
        self._turns = turns
        self._echo = echo
        self._gate = EchoGate(echo)
        self._loop = loop
        self._clock = clock
        self._deliver: Callable[[TurnEvent], None] = _nobody
        self._people: set[int] = set()
        self._lent: dict[int, SoundTaker] = {}
        self._inbox: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._dead = asyncio.Event()
        self._failing_since: float | None = None

    def listen(self, deliver: Callable[[TurnEvent], None], admits: Callable[[int], bool]) -> None:
        """Begin; from the event loop.

        Args:
            deliver: takes turn events on the event loop.
            admits: whether a person may be listened to; asked on this thread, for every piece of sound.
        """
        self._deliver = deliver
        self._source.start(self, admits)
        self.start()

    async def wait_dead(self) -> None:
        """Return when the thread has ended, by :meth:`end` or of a fault; on the event loop, after :meth:`listen`."""
        await self._dead.wait()

    # From any thread.

    def post(self, act: Callable[[Unpack[Arguments]], Any], *arguments: *Arguments) -> None:
        """Do this on the thread, after what waits already."""
        self._inbox.put(lambda: act(*arguments))

    def offer(self, act: Callable[[Unpack[Arguments]], Any], *arguments: *Arguments) -> None:
        """As :meth:`post`, for a piece of sound: dropped and counted when the thread can't keep up."""
        if self._inbox.qsize() >= MAX_INBOX:
            self.overrun += 1
            return
        self.post(act, *arguments)

    def left(self, person: int) -> None:
        """This person is out of the channel, or no longer wants to be listened to: nothing of theirs is kept."""
        self.post(self._leave, person, self._clock())

    def forget_everyone(self) -> None:
        """Nothing of anybody's is kept."""
        self.post(self._forget_everyone)

    def lend(self, person: int, taker: SoundTaker) -> Callable[[], None]:
        """Give what a person says to ``taker`` and make no turn of it, until the returned function is called."""
        self.post(self._lend, person, taker)
        return lambda: self.post(self._take_back, person, taker)

    def end_of_turn_estimated(self, turn: TurnId, over: float, *, wordless: bool = False) -> None:
        """See :meth:`bot.voice.ports.PauseListener.end_of_turn_estimated`."""
        self.post(partial(self._turns.end_of_turn_estimated, turn, over, wordless=wordless))

    def played(self, pcm: bytes, at: float, reply: str | None = None) -> None:
        """20 ms of the bot's own sound, of a reply, left at ``at``: stereo, 16-bit, 48,000 Hz."""
        self.post(self._on_played, pcm, at, reply)

    def end(self) -> None:
        """Stop and wait for the thread, which ends whatever the source raises; from any thread but itself."""
        try:
            self._source.stop()
        finally:
            self._inbox.put(None)
            if self.is_alive():
                self.join()

    # On this thread.

    def run(self) -> None:
        """Listen until :meth:`end`."""
        try:
            self._listen()
        finally:
            self._on_loop(self._dead.set)

    def _listen(self) -> None:
        wait = 0.0
        while True:
            try:
                act = self._inbox.get(timeout=wait)
            except queue.Empty:
                act = self._nothing
            if act is None:
                return
            try:
                act()
            except Exception:
                _log.exception("Something heard could not be handled")
            try:
                wait = self._keep_time()
                self._failing_since = None
            except Exception:
                if self._gives_up():
                    _log.exception("What is due has failed for %.0f s: the call can't hear any more", LONGEST_FAULT)
                    return
                wait = RETRY_WAIT

    @staticmethod
    def _nothing() -> None:
        """Only the clock has moved on."""

    def _keep_time(self) -> float:
        """Do what is due; returns the seconds until something is again."""
        now = self._clock()
        if self._source.deadline is not None and self._source.deadline <= now:
            self._source.tick(now)
        if self._turns.deadline is not None and self._turns.deadline <= now:
            self._report(self._turns.tick(now))
        due = [at for at in (self._source.deadline, self._turns.deadline) if at is not None]
        return min(max(min(due) - self._clock(), 0.0), IDLE_WAIT) if due else IDLE_WAIT

    def _gives_up(self) -> bool:
        """Whether it has failed for too long; told once, as it begins."""
        now = time.monotonic()
        if self._failing_since is None:
            self._failing_since = now
            _log.exception("What was due could not be done")
        return now - self._failing_since >= LONGEST_FAULT

    def heard(self, heard: InputEvent) -> None:
        """Take the next stretch of somebody's sound, or its end; on this thread alone."""
        match heard:
            case AudioFrame(person, sound, at):
                self._people.add(person)
                if self.keeper is not None:
                    self.keeper.heard(person, sound, at)
                if person in self._lent:
                    self._lent[person](sound, at)
                    return
                self._tell(self._gate.heard(heard))
            case PersonLeft(person):
                self._people.discard(person)
                self._echo.forget(person)
            case TransmissionEnded():
                pass
        self._report(self._turns.heard(heard))
        if isinstance(heard, PersonLeft):
            self._gate.forget(heard.person)

    def _lend(self, person: int, taker: SoundTaker) -> None:
        self._lent[person] = taker
        # What they have just been saying would never come to an end.
        self.heard(PersonLeft(person, self._clock()))

    def _take_back(self, person: int, taker: SoundTaker) -> None:
        if self._lent.get(person) == taker:
            del self._lent[person]

    def _forget_everyone(self) -> None:
        for person in tuple(self._people):
            self._leave(person, self._clock())

    def _leave(self, person: int, at: float) -> None:
        try:
            self._source.left(person, at)
        except Exception:
            _log.exception("What is kept of somebody could not be dropped by what carries the call")
            self.heard(PersonLeft(person, at))

    def _on_played(self, pcm: bytes, at: float, reply: str | None) -> None:
        mono = from_pcm16(pcm, channels=2)
        # The mean of three samples is filter enough for what compares voices.
        self._echo.played(mono.reshape(-1, SPEAKING_RATE // HEARING_RATE).mean(axis=1), at)
        if self.keeper is not None:
            self.keeper.spoken(mono, at, reply)

    def _report(self, events: list[TurnEvent]) -> None:
        for event in events:
            self._tell(self._gate.passed(event))

    def _tell(self, events: list[TurnEvent]) -> None:
        for event in events:
            self._on_loop(self._deliver, event)

    def _on_loop(self, act: Callable[[Unpack[Arguments]], None], *arguments: *Arguments) -> None:
        # A call that is ending closes its loop while this thread may still hold a packet.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(act, *arguments)
