"""Engine pool: speaks with the preferred engine, or with a fallback if the preferred one can't."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import aclosing, asynccontextmanager, contextmanager, suppress
from functools import partial

from config.pronunciations import Pronunciations
from languages.scripts import language_of
from tts_server.engines.base import BrokenVoiceError, EngineError, OutOfMemoryError, SpeechEngine, Voice
from tts_server.speaking.circuit_breaker import CircuitBreaker, OpenReason
from tts_server.speaking.engine_cost import needs_more_computing
from tts_server.speaking.engine_worker import EngineWorker
from tts_server.speaking.model_lifecycle import ModelLifecycle
from tts_server.speaking.reply_slots import ReplySlots
from tts_server.speaking.reply_synthesizer import ReplySynthesizer, words_to_speak
from tts_server.speaking.voice_resolver import VoiceResolver
from tts_server.voices.profile import UnknownVoiceError
from wire.messages import SAMPLE_RATE, EngineChanged, Loading, Notice, Warned
from wire.parameters import SpeechParameters
from wire.presets import Presets

IDLE_SECONDS = 300.0
"""Seconds without use after which the preferred engine is unloaded."""
PREFERRED_REPLIES = 5
"""Largest number of replies that the preferred engine speaks at the same time."""
_FAULTS = ("failed", "out_of_memory")
FALLBACK_REPLIES = 11
"""Largest number of further replies at the same time. The fallback engines speak them. More replies are refused."""
NoticeListener = Callable[[Notice], None]
# The text has punctuation, markup, a number and an emoji, so that every step of text preparation runs once.
_TEXT = "**Hello there,** this is number 1, see `x`. 🎤"

_log = logging.getLogger(__name__)


class EnginePool:
    """Speaks replies for any number of clients. Use it only on the event loop, and call :meth:`close` once.

    The first engine is the preferred one. If it is not loaded, fails or is too slow, the next engine speaks the next
    segment at the same loudness. The preferred engine is tried again after a while.

    Args:
        engines: at least one; all but the first are loaded already and stay loaded.
        presets: named sets of speech parameters.
        pronunciations: the operator's pronunciation dictionary.
        idle_seconds: seconds without use after which the preferred engine is unloaded.
        preferred_replies: the largest number of replies that the preferred engine speaks at the same time, if it is
            fast enough. Further replies go to the fallbacks.
        clock: returns monotonic seconds, for the circuit breakers and the timings that they judge.
        costs_money: takes an engine's name, and says whether speech of this engine probably costs money.
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
        costs_money: Callable[[str], bool] = lambda name: False,
    ) -> None:
        preferred, *fallbacks = engines
        self.notices = NoticeBroadcast()
        self.presets = presets or Presets({})
        self.pronunciations = pronunciations or Pronunciations()
        self.breaker = CircuitBreaker(clock, self._breaker_changed)
        self.lifecycle = ModelLifecycle(preferred, self._may_load, idle_seconds, self._loading, self._loading_failed)
        self._preferred = EngineWorker(preferred, self.breaker, clock)
        self._fallbacks = tuple(EngineWorker(engine, CircuitBreaker(clock), clock) for engine in fallbacks)
        self.resolver = VoiceResolver(engines)
        self._slots = ReplySlots(preferred_replies, FALLBACK_REPLIES)
        self._replies: set[ReplySynthesizer] = set()
        self._costs_money = costs_money
        self._fault = ""
        self._load_failure: OpenReason | None = None
        """Why the preferred engine could not be loaded when that was last tried; ``None`` if it could."""

    @property
    def engine_name(self) -> str:
        """Name of the preferred engine."""
        return self._preferred.name

    @property
    def engines(self) -> tuple[SpeechEngine, ...]:
        """All engines, the preferred one first."""
        return tuple(worker.engine for worker in self.workers)

    @property
    def speaking_engine(self) -> str:
        """Name of the engine that would speak a segment now."""
        return self._in_order(with_preferred=True)[0].name

    @property
    def costs_money(self) -> bool:
        """Whether speech of :attr:`speaking_engine` probably costs money."""
        return self._costs_money(self.speaking_engine)

    @property
    def workers(self) -> tuple[EngineWorker, ...]:
        """The worker of every engine, the preferred one first."""
        return (self._preferred, *self._fallbacks)

    def state(self) -> EngineChanged:
        """The engine that speaks now, and why: ``ready``, or the reason why the preferred engine does not speak."""
        reason = self._open_reason()
        return EngineChanged(self.speaking_engine, reason or "ready", self._fault if reason in _FAULTS else "")

    def voices(self) -> Sequence[Voice]:
        """All voices of the preferred engine."""
        return self._preferred.engine.voices()

    def resolve(self, voice: str) -> Voice:
        """The voice with this name or id: the preferred engine's, otherwise that of the first engine that has it.

        Raises:
            UnknownVoiceError: no engine has such a voice; the message comes from the preferred engine.
        """
        parameters = SpeechParameters(voice=voice)
        return self.resolver.candidates(self.workers, parameters, None)[0][1]

    def resolve_parameters(self, requested: SpeechParameters, text: str) -> SpeechParameters:
        """The requested parameters with their preset applied. ``text`` is the first text of the reply.

        Raises:
            PresetError: there is no such preset.
            UnknownVoiceError: no engine has the voice.
        """
        parameters = self.presets.apply(requested)
        self.resolver.candidates(self.workers, parameters, parameters.language or language_of(text))
        return parameters

    @contextmanager
    def reply(self, parameters: SpeechParameters, rate: int = SAMPLE_RATE) -> Iterator[ReplySynthesizer]:
        """Count one reply and keep the preferred engine loaded while the block runs.

        Args:
            parameters: from :meth:`resolve_parameters`.
            rate: sample rate of the reply's sound, in Hz.

        Raises:
            OverloadedError: too many replies are being spoken.
            UnspeakableError: at the end of the block, if no segment could be spoken. A single unspeakable segment is
                skipped.
        """
        with self._slots.enter(self._preferred.pace.replies_at_once) as with_preferred, self.lifecycle.in_use():
            reply = ReplySynthesizer(
                self, parameters, rate, lambda: self._in_order(with_preferred), skips_unspeakable=True
            )
            self._replies.add(reply)
            try:
                yield reply
                reply.end()
            finally:
                self._replies.discard(reply)

    async def wait_ready(self) -> None:
        """Wait until the preferred engine is loaded, if there is no fallback that could speak meanwhile.

        Raises:
            EngineError: the engine could not be loaded.
        """
        if not self._fallbacks:
            await self._load_preferred()

    async def _load_preferred(self) -> None:
        await self.lifecycle.wait_loaded()
        if not self.lifecycle.ready:
            raise EngineError(self._fault or f"{self.engine_name} is not loaded")

    @asynccontextmanager
    async def reply_by_preferred(self, parameters: SpeechParameters, rate: int) -> AsyncIterator[ReplySynthesizer]:
        """A reply without fallback, by the first engine that has the voice. Loads the preferred engine if needed.

        Args:
            parameters: from :meth:`resolve_parameters`.
            rate: sample rate of the reply's sound, in Hz.

        Raises:
            EngineError: the engine could not be loaded.
            OverloadedError: too many replies are being spoken.
        """
        with self._slots.enter(capacity=1), self.lifecycle.in_use():
            worker = self.resolver.candidates(self.workers, parameters, parameters.language)[0][0]
            if worker is self._preferred:
                await self._load_preferred()
            yield ReplySynthesizer(self, parameters, rate, partial(tuple, [worker]))

    def reply_by_each_loaded(self, parameters: SpeechParameters) -> Iterator[ReplySynthesizer]:
        """One reply per loaded engine, each without fallback."""
        for worker in self.workers:
            if worker.engine.loaded:
                yield ReplySynthesizer(self, parameters, SAMPLE_RATE, partial(tuple, [worker]))

    def _in_order(self, with_preferred: bool) -> tuple[EngineWorker, ...]:
        """The workers to try for the next segment, in order."""
        reason = self._open_reason()
        *fallbacks, last = self._lighter_fallbacks() if reason == "asked" else self._fallbacks or (None,)
        if last is None:
            return self.workers
        # The last fallback is always used, even if it is too slow: some engine has to speak.
        usable = (*(worker for worker in fallbacks if worker and self._may_stand_in(worker)), last)
        return usable if not with_preferred or reason is not None else (self._preferred, *usable)

    def _lighter_fallbacks(self) -> tuple[EngineWorker | None, ...]:
        """The fallbacks that need no more computing than the preferred engine.

        Those that cost money are left out if there are others. If no fallback is light enough, the preferred engine
        itself has to speak: (None,). If the preferred engine is not loaded, all fallbacks are returned.
        """
        preferred = self._preferred.engine
        lighter = tuple(worker for worker in self._fallbacks if not needs_more_computing(worker.engine, than=preferred))
        free = tuple(worker for worker in lighter if not self._costs_money(worker.name))
        return free or lighter or ((None,) if self.lifecycle.ready or not self._fallbacks else self._fallbacks)

    def _may_stand_in(self, fallback: EngineWorker) -> bool:
        """Whether the engine is quick enough now.

        If the machine has become too slow for an earlier engine, an engine that has always been slower is no help.
        """
        if fallback.breaker.check() is not None:
            return False
        own = fallback.pace.best_real_time_factor
        for worker in self.workers[: self.workers.index(fallback)]:
            best = worker.pace.best_real_time_factor
            if worker.breaker.open_reason == "too_slow" and own is not None and best is not None and own > best:
                return False
        return True

    def _open_reason(self) -> OpenReason | None:
        if (reason := self.breaker.check()) is not None or self.lifecycle.ready:
            return reason
        # Until loading is tried again, the reason of the last failure still holds.
        return "loading" if self.lifecycle.loading else self._load_failure or "loading"

    def is_paid(self, worker: EngineWorker) -> bool:
        """Whether speech of this engine probably costs money."""
        return self._costs_money(worker.name)

    def asks_paid(self, parameters: SpeechParameters, segments: Iterable[str]) -> bool:
        """Whether one of a reply's segments would now go first to an engine that probably costs money.

        Args:
            parameters: from :meth:`resolve_parameters`.
        """
        if not any(map(self.is_paid, self.workers)):
            return False
        workers, language, before = self._in_order(with_preferred=True), None, ""
        for segment in segments:
            language = self.resolver.language(segment, parameters, language)
            with suppress(UnknownVoiceError):  # Nobody speaks this segment.
                worker, voice = self.resolver.candidates(workers, parameters, language)[0]
                if self.is_paid(worker) and words_to_speak(
                    segment, parameters, voice.language, before, self.pronunciations
                ):
                    return True
            before = segment
        return False

    def gain_for(self, worker: EngineWorker) -> float:
        """Gain that matches this engine's loudness to the preferred engine's."""
        return 1.0 if worker is self._preferred else worker.loudness.gain_to(self._preferred.loudness)

    def earliest_deadline(self, excluding: ReplySynthesizer) -> float:
        """Earliest time (monotonic) at which another reply's playback runs out of sound; infinity if there is none.

        Replies whose playback has run out already are not counted: they wait for text, or in an engine's queue.
        """
        now = time.monotonic()
        return min(
            (one.deadline for one in self._replies if one is not excluding and one.deadline > now), default=math.inf
        )

    def record_failure(self, worker: EngineWorker, error: EngineError) -> None:
        """Tell the engine's circuit breaker of a failure. A fault of a single voice is only logged."""
        _log.warning("%s could not speak: %s", worker.name, error)
        if isinstance(error, BrokenVoiceError):
            return
        if worker is not self._preferred:
            worker.breaker.record_failure("failed")
            return
        self._fault = str(error)
        if self._fallbacks:
            self.breaker.record_failure(_reason(error))

    def _breaker_changed(self, reason: OpenReason | None) -> None:
        speaking = self.speaking_engine
        if reason and speaking == self.engine_name:
            _log.info("%s, but there is no simpler engine here, so %s speaks on", self._in_words(reason), speaking)
        elif reason:
            _log.info("%s, so %s speaks", self._in_words(reason), speaking)
        elif self.lifecycle.ready:
            _log.info("%s speaks again", self.engine_name)
        else:
            _log.info("%s is loaded when somebody needs it", self.engine_name)
        self.notices.send(self.state())

    def _in_words(self, reason: OpenReason) -> str:
        name = self.engine_name
        causes: dict[OpenReason, str] = {
            "too_slow": f"{name} is too slow just now",
            "asked": f"Low-performance mode is on, to spare {name}",
            "out_of_memory": f"{name} finds no room on the graphics card",
            "failed": f"{name} has failed",
        }
        return causes.get(reason, f"{name} is not loaded")

    def _may_load(self) -> bool:
        return self.breaker.check() is None

    def _loading(self, progress: float) -> None:
        self.notices.send(Loading(self.engine_name, progress))
        if progress >= 1:
            self._load_failure = None
            self.notices.send(self.state())
            if (advice := self._preferred.engine.advice) is not None:
                self.notices.send(Warned(advice))

    def _loading_failed(self, error: EngineError) -> None:
        _log.error("%s could not be loaded: %s", self.engine_name, error)
        self._load_failure = _reason(error)
        self.record_failure(self._preferred, error)

    async def close(self) -> None:
        """Stop all speech and close every engine."""
        await self.lifecycle.close()
        for worker in self.workers:
            await worker.close()


def _reason(failure: EngineError) -> OpenReason:
    return "out_of_memory" if isinstance(failure, OutOfMemoryError) else "failed"


class NoticeBroadcast:
    """Passes notices to subscribers. Use it only on the event loop; a subscriber must not block."""

    def __init__(self) -> None:
        self._listeners: list[NoticeListener] = []

    def send(self, notice: Notice) -> None:
        """Call every subscriber with ``notice``."""
        for listener in tuple(self._listeners):
            listener(notice)

    def subscribe(self, listener: NoticeListener) -> Callable[[], None]:
        """Call ``listener`` with every notice until the returned function is called."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)


async def warm_up(pool: EnginePool) -> None:
    """Synthesize a short text with each loaded engine, so that the first client does not wait for lazy loading.

    The sound is dropped. An engine that fails here, for example because its server is down, is tried again later.

    Raises:
        EngineError: every engine failed.
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
