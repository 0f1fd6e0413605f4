"""The voice: engines in the order in which they are wanted, each standing in for those before it."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import aclosing, asynccontextmanager, contextmanager
from functools import partial

from config.pronunciations import Pronunciations
from languages.scripts import language_of
from tts_server.engines.base import BrokenVoiceError, EngineError, OutOfMemoryError, SpeechEngine, Voice
from tts_server.speaking.circuit_breaker import CircuitBreaker, OpenReason
from tts_server.speaking.engine_worker import EngineWorker
from tts_server.speaking.model_lifecycle import ModelLifecycle
from tts_server.speaking.reply_synthesizer import ReplySynthesizer
from tts_server.speaking.voice_resolver import VoiceResolver
from wire.messages import SAMPLE_RATE, EngineChanged, Loading, Notice, Warned
from wire.parameters import SpeechParameters
from wire.presets import Presets

_log = logging.getLogger(__name__)
IDLE_SECONDS = 300.0
PREFERRED_REPLIES = 5
_FAULTS = ("failed", "out_of_memory")
FALLBACK_REPLIES = 11
NoticeListener = Callable[[Notice], None]
# A bit of everything that a reply goes through: marks, markup, a number, an emoji.
_TEXT = "**Hello there,** this is number 1, see `x`. 🎤"


class EnginePool:
    """Speaks replies for any number of clients. Belongs to the event loop; :meth:`close` it once.

    The first engine is the one that is wanted. Where it is not loaded, fails, or is too slow, the next clause comes
    from the next engine, at the same loudness, and after a while the first is tried again.

    Args:
        engines: at least one; all but the first are loaded and stay so.
        presets: the named ways to speak.
        pronunciations: what the operator has words pronounced like.
        idle_seconds: after which the first engine is unloaded when nobody needs it.
        at_once: how many replies the first engine speaks at once, if it is quick enough; the next ones speak more.
    """

    def __init__(
        self,
        engines: Sequence[SpeechEngine],
        presets: Presets | None = None,
        pronunciations: Pronunciations | None = None,
        *,
        idle_seconds: float = IDLE_SECONDS,
        preferred_replies: int = PREFERRED_REPLIES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        preferred, *fallbacks = engines
        self.notices = Notices()
        self.presets = presets or Presets({})
        self.pronunciations = pronunciations or Pronunciations()
        self.breaker = CircuitBreaker(clock, self._breaker_changed)
        self.lifecycle = ModelLifecycle(preferred, self._may_load, idle_seconds, self._loading, self._loading_failed)
        self._preferred = EngineWorker(preferred, self.breaker)
        self._fallbacks = tuple(EngineWorker(engine, CircuitBreaker(clock)) for engine in fallbacks)
        self.resolver = VoiceResolver(engines)
        self._admission = Admission(preferred_replies, FALLBACK_REPLIES)
        self._replies: set[ReplySynthesizer] = set()
        self._fault = ""

    @property
    def engine_name(self) -> str:
        """The name of the engine that is wanted."""
        return self._preferred.name

    @property
    def engines(self) -> tuple[SpeechEngine, ...]:
        """All of them, in order."""
        return tuple(worker.engine for worker in self.workers)

    @property
    def speaking_engine(self) -> str:
        """The name of the engine that would speak a clause now."""
        return self._in_order(with_preferred=True)[0].name

    @property
    def workers(self) -> tuple[EngineWorker, ...]:
        """Every engine's line, in order."""
        return (self._preferred, *self._fallbacks)

    def state(self) -> EngineChanged:
        """Which engine speaks now, and why."""
        low = self._open_reason()
        return EngineChanged(self.speaking_engine, low or "ready", self._fault if low in _FAULTS else "")

    def voices(self) -> Sequence[Voice]:
        """Every voice of the engine that is wanted."""
        return self._preferred.engine.voices()

    def resolve(self, voice: str) -> Voice:
        """The voice that people call so: the wanted engine's, else that of the first that has one.

        Raises:
            UnknownVoiceError: none has; the text is the wanted engine's.
        """
        parameters = SpeechParameters(voice=voice)
        return self.resolver.candidates(self.workers, parameters, None)[0][1]

    def resolve_parameters(self, requested: SpeechParameters, text: str) -> SpeechParameters:
        """What is asked for, with its preset applied; checked as far as it can be before a word is spoken.

        Raises:
            PresetError: there is no such preset.
            UnknownVoiceError: no engine has the voice.
        """
        parameters = self.presets.apply(requested)
        self.resolver.candidates(self.workers, parameters, parameters.language or language_of(text))
        return parameters

    @contextmanager
    def reply(self, parameters: SpeechParameters, rate: int = SAMPLE_RATE) -> Iterator[ReplySynthesizer]:
        """Speak one reply while the block runs, with parameters from :meth:`settle`; ``rate`` in Hz.

        Raises:
            OverloadedError: too many are being spoken.
        """
        with self._admission.enter(self._preferred.pace.replies_at_once) as with_preferred, self.lifecycle.in_use():
            reply = ReplySynthesizer(self, parameters, rate, lambda: self._in_order(with_preferred))
            self._replies.add(reply)
            try:
                yield reply
            finally:
                self._replies.discard(reply)

    async def wait_ready(self) -> None:
        """Wait, where the one engine there is has still to be loaded.

        Raises:
            EngineError: it could not be.
        """
        if not self._fallbacks:
            await self._load_preferred()

    async def _load_preferred(self) -> None:
        await self.lifecycle.wait_loaded()
        if not self._preferred.engine.loaded:
            raise EngineError(self._fault or f"{self.engine_name} is not loaded")

    @asynccontextmanager
    async def reply_by_preferred(self, parameters: SpeechParameters, rate: int) -> AsyncIterator[ReplySynthesizer]:
        """A reply by the wanted engine, or the first that has the voice; no other stands in. Loads it if need be.

        Raises:
            EngineError: it could not be loaded.
            OverloadedError: too many are being spoken.
        """
        with self._admission.enter(capacity=1), self.lifecycle.in_use():
            worker = self.resolver.candidates(self.workers, parameters, parameters.language)[0][0]
            if worker is self._preferred:
                await self._load_preferred()
            yield ReplySynthesizer(self, parameters, rate, partial(tuple, [worker]))

    def reply_by_each_loaded(self, parameters: SpeechParameters) -> Iterator[ReplySynthesizer]:
        """A reply by each engine that is loaded, in which no other stands in."""
        for worker in self.workers:
            if worker.engine.loaded:
                yield ReplySynthesizer(self, parameters, SAMPLE_RATE, partial(tuple, [worker]))

    def _in_order(self, with_preferred: bool) -> tuple[EngineWorker, ...]:
        """The engines to try for the next clause."""
        *fallbacks, last = self._fallbacks or (None,)
        if last is None:
            return self.workers
        # Somebody has to speak, however slowly.
        usable = (*(worker for worker in fallbacks if worker and worker.breaker.check() is None), last)
        return usable if not with_preferred or self._open_reason() is not None else (self._preferred, *usable)

    def _open_reason(self) -> OpenReason | None:
        if not self._preferred.engine.loaded:
            return self.breaker.check() or "loading"
        return self.breaker.check()

    def gain(self, worker: EngineWorker) -> float:
        """What makes an engine as loud as the one that is wanted."""
        return 1.0 if worker is self._preferred else worker.loudness.gain_to(self._preferred.loudness)

    def earliest_deadline(self, excluding: ReplySynthesizer) -> float:
        """As :meth:`Ensemble.first_due`; who has run out already waits for words, or in the engine's line."""
        now = time.monotonic()
        return min(
            (one.deadline for one in self._replies if one is not excluding and one.deadline > now), default=math.inf
        )

    def record_failure(self, worker: EngineWorker, error: EngineError) -> None:
        """An engine could not speak a clause; where that is one voice's fault, it is not spared for it."""
        _log.warning("%s could not speak: %s", worker.name, error)
        if isinstance(error, BrokenVoiceError):
            return
        if worker is not self._preferred:
            worker.breaker.record_failure("failed")
            return
        self._fault = str(error)
        if self._fallbacks:
            self.breaker.record_failure("out_of_memory" if isinstance(error, OutOfMemoryError) else "failed")

    def _breaker_changed(self, low: OpenReason | None) -> None:
        if low:
            _log.info("%s is spared (%s): the next engine speaks", self.engine_name, low)
        else:
            _log.info("%s speaks again", self.engine_name)
        self.notices.send(self.state())

    def _may_load(self) -> bool:
        return self.breaker.check() is None

    def _loading(self, progress: float) -> None:
        self.notices.send(Loading(self.engine_name, progress))
        if progress >= 1:
            self.notices.send(self.state())
            if (advice := self._preferred.engine.advice) is not None:
                self.notices.send(Warned(advice))

    def _loading_failed(self, error: EngineError) -> None:
        _log.error("%s could not be loaded: %s", self.engine_name, error)
        self.record_failure(self._preferred, error)

    async def close(self) -> None:
        """Stop whatever is being spoken and close every engine."""
        await self.lifecycle.close()
        for worker in self.workers:
            await worker.close()


class OverloadedError(RuntimeError):
    """There are too many replies already; the text is fit to be shown to a client."""


class Admission:
    """Counts the replies under way. For the event loop alone.

    Args:
        wanted: how many the wanted engine may speak at once.
        more: how many beyond that the faster engines speak; beyond those, a reply is refused.
    """

    def __init__(self, preferred: int, more: int) -> None:
        self._preferred = preferred
        self._most = preferred + more
        self._slots: set[int] = set()

    @contextmanager
    def enter(self, capacity: int) -> Iterator[bool]:
        """Count a reply while the block runs; gives whether the wanted engine may speak it.

        Args:
            capacity: how many the wanted engine is quick enough for.

        Raises:
            OverloadedError: there are too many.
        """
        slot = next((slot for slot in range(self._most) if slot not in self._slots), None)
        if slot is None:
            raise OverloadedError(f"{self._most} replies are being spoken already; try again in a moment")
        self._slots.add(slot)
        try:
            yield slot < min(self._preferred, capacity)
        finally:
            self._slots.discard(slot)


class Notices:
    """A list of listeners, on the event loop. A listener must not block."""

    def __init__(self) -> None:
        self._listeners: list[NoticeListener] = []

    def send(self, notice: Notice) -> None:
        """Pass a notice on to everybody who listens now."""
        for listener in tuple(self._listeners):
            listener(notice)

    def subscribe(self, listener: NoticeListener) -> Callable[[], None]:
        """Tell ``listener`` of everything, until the returned function is called."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)


async def warm_up(pool: EnginePool) -> None:
    """Take a reply through everything but the network, with each engine that is there; what has weights stays unloaded.

    An engine that can't speak now, as one whose server is away, is left to those that stand in for it, and tried again
    later.

    Raises:
        EngineError: none of them can speak.
    """
    spoke, fault = 0, None
    for reply in pool.reply_by_each_loaded(SpeechParameters()):
        try:
            async with aclosing(reply.synthesize(_TEXT)) as pieces:
                async for _ in pieces:
                    pass
            spoke += 1
        except EngineError as error:
            fault = error
    if fault is not None and not spoke:
        raise fault
