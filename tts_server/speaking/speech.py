"""The voice: engines in the order in which they are wanted, each standing in for those before it."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from functools import partial

from config.pronunciations import Pronunciations
from languages.scripts import language_of
from tts_server.engines.base import BrokenVoiceError, EngineError, OutOfMemoryError, SpeechEngine, Voice
from tts_server.speaking.admission import Admission
from tts_server.speaking.casting import Casting
from tts_server.speaking.engine_line import EngineLine
from tts_server.speaking.notices import Notices
from tts_server.speaking.performance import LowReason, Performance
from tts_server.speaking.residency import Residency
from tts_server.speaking.spoken_reply import SpokenReply
from wire.messages import SAMPLE_RATE, EngineChanged, Loading, Warned
from wire.parameters import SpeechParameters
from wire.presets import Presets

_log = logging.getLogger(__name__)

IDLE_SECONDS = 300.0
WANTED_AT_ONCE = 5
_FAULTS = ("failed", "out_of_memory")
MORE_AT_ONCE = 11


class Speech:
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
        at_once: int = WANTED_AT_ONCE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        wanted, *others = engines
        self.notices = Notices()
        self.presets = presets or Presets({})
        self.pronunciations = pronunciations or Pronunciations()
        self.performance = Performance(clock, self._performance_changed)
        self.residency = Residency(wanted, self._may_load, idle_seconds, self._loading, self._not_loaded)
        self._wanted = EngineLine(wanted, self.performance)
        self._others = tuple(EngineLine(engine, Performance(clock)) for engine in others)
        self.casting = Casting(engines)
        self._admission = Admission(at_once, MORE_AT_ONCE)
        self._replies: set[SpokenReply] = set()
        self._fault = ""

    @property
    def engine_name(self) -> str:
        """The name of the engine that is wanted."""
        return self._wanted.name

    @property
    def engines(self) -> tuple[SpeechEngine, ...]:
        """All of them, in order."""
        return tuple(line.engine for line in self.lines)

    @property
    def speaking_engine(self) -> str:
        """The name of the engine that would speak a clause now."""
        return self._in_order(may_want=True)[0].name

    @property
    def lines(self) -> tuple[EngineLine, ...]:
        """Every engine's line, in order."""
        return (self._wanted, *self._others)

    def state(self) -> EngineChanged:
        """Which engine speaks now, and why."""
        low = self._low()
        return EngineChanged(self.speaking_engine, low or "ready", self._fault if low in _FAULTS else "")

    def voices(self) -> Sequence[Voice]:
        """Every voice of the engine that is wanted."""
        return self._wanted.engine.voices()

    def resolve(self, voice: str) -> Voice:
        """The voice that people call so: the wanted engine's, else that of the first that has one.

        Raises:
            UnknownVoiceError: none has; the text is the wanted engine's.
        """
        parameters = SpeechParameters(voice=voice)
        return self.casting.cast(self.lines, parameters, None)[0][1]

    def settle(self, asked: SpeechParameters, text: str) -> SpeechParameters:
        """What is asked for, with its preset applied; checked as far as it can be before a word is spoken.

        Raises:
            PresetError: there is no such preset.
            UnknownVoiceError: no engine has the voice.
        """
        parameters = self.presets.apply(asked)
        self.casting.cast(self.lines, parameters, parameters.language or language_of(text))
        return parameters

    @contextmanager
    def reply(self, parameters: SpeechParameters, rate: int = SAMPLE_RATE) -> Iterator[SpokenReply]:
        """Speak one reply while the block runs, with parameters from :meth:`settle`; ``rate`` in Hz.

        Raises:
            OverloadedError: too many are being spoken.
        """
        with self._admission.enter(self._wanted.pace.replies_at_once) as may_want, self.residency.needed():
            reply = SpokenReply(self, parameters, rate, lambda: self._in_order(may_want))
            self._replies.add(reply)
            try:
                yield reply
            finally:
                self._replies.discard(reply)

    async def able(self) -> None:
        """Wait, where the one engine there is has still to be loaded.

        Raises:
            EngineError: it could not be.
        """
        if not self._others:
            await self._wanted_is_loaded()

    async def _wanted_is_loaded(self) -> None:
        await self.residency.loaded()
        if not self._wanted.engine.loaded:
            raise EngineError(self._fault or f"{self.engine_name} is not loaded")

    @asynccontextmanager
    async def audition(self, parameters: SpeechParameters, rate: int) -> AsyncIterator[SpokenReply]:
        """A reply by the wanted engine, or the first that has the voice; no other stands in. Loads it if need be.

        Raises:
            EngineError: it could not be loaded.
            OverloadedError: too many are being spoken.
        """
        with self._admission.enter(capacity=1), self.residency.needed():
            line = self.casting.cast(self.lines, parameters, parameters.language)[0][0]
            if line is self._wanted:
                await self._wanted_is_loaded()
            yield SpokenReply(self, parameters, rate, partial(tuple, [line]))

    def rehearsals(self, parameters: SpeechParameters) -> Iterator[SpokenReply]:
        """A reply by each engine that is loaded, in which no other stands in."""
        for line in self.lines:
            if line.engine.loaded:
                yield SpokenReply(self, parameters, SAMPLE_RATE, partial(tuple, [line]))

    def _in_order(self, may_want: bool) -> tuple[EngineLine, ...]:
        """The engines to try for the next clause."""
        *others, last = self._others or (None,)
        if last is None:
            return self.lines
        # Somebody has to speak, however slowly.
        able = (*(line for line in others if line and line.performance.look() is None), last)
        return able if not may_want or self._low() is not None else (self._wanted, *able)

    def _low(self) -> LowReason | None:
        if not self._wanted.engine.loaded:
            return self.performance.look() or "loading"
        return self.performance.look()

    def gain(self, line: EngineLine) -> float:
        """What makes an engine as loud as the one that is wanted."""
        return 1.0 if line is self._wanted else line.loudness.gain_to(self._wanted.loudness)

    def first_due(self, besides: SpokenReply) -> float:
        """As :meth:`Ensemble.first_due`; who has run out already waits for words, or in the engine's line."""
        now = time.monotonic()
        return min((one.due for one in self._replies if one is not besides and one.due > now), default=math.inf)

    def failed(self, line: EngineLine, error: EngineError) -> None:
        """An engine could not speak a clause; where that is one voice's fault, it is not spared for it."""
        _log.warning("%s could not speak: %s", line.name, error)
        if isinstance(error, BrokenVoiceError):
            return
        if line is not self._wanted:
            line.performance.failed("failed")
            return
        self._fault = str(error)
        if self._others:
            self.performance.failed("out_of_memory" if isinstance(error, OutOfMemoryError) else "failed")

    def _performance_changed(self, low: LowReason | None) -> None:
        if low:
            _log.info("%s is spared (%s): the next engine speaks", self.engine_name, low)
        else:
            _log.info("%s speaks again", self.engine_name)
        self.notices.tell(self.state())

    def _may_load(self) -> bool:
        return self.performance.look() is None

    def _loading(self, progress: float) -> None:
        self.notices.tell(Loading(self.engine_name, progress))
        if progress >= 1:
            self.notices.tell(self.state())
            if (advice := self._wanted.engine.advice) is not None:
                self.notices.tell(Warned(advice))

    def _not_loaded(self, error: EngineError) -> None:
        _log.error("%s could not be loaded: %s", self.engine_name, error)
        self.failed(self._wanted, error)

    async def close(self) -> None:
        """Stop whatever is being spoken and close every engine."""
        await self.residency.close()
        for line in self.lines:
            await line.close()
