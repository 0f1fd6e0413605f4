"""Synthesis of one reply: segment by segment. If an engine fails, the next engine speaks the unspoken rest."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from typing import Protocol

from audio.samples import Samples
from config.pronunciations import Pronunciations
from tts_server.engines.base import EngineError, UnspeakableError
from tts_server.speaking.engine_worker import EngineWorker, SynthesisRequest
from tts_server.speaking.voice_resolver import VoiceResolver
from tts_server.text.normalize import normalize
from wire.parameters import SpeechParameters


class Pool(Protocol):
    """The part of the engine pool that a reply needs."""

    @property
    def resolver(self) -> VoiceResolver:
        """Chooses engine and voice for a text."""
        ...

    @property
    def pronunciations(self) -> Pronunciations:
        """The operator's pronunciation dictionary."""
        ...

    def gain_for(self, worker: EngineWorker) -> float:
        """Gain that matches this engine's loudness to the preferred engine's."""
        ...

    def is_paid(self, worker: EngineWorker) -> bool:
        """Whether speech of this engine probably costs money."""
        ...

    def record_failure(self, worker: EngineWorker, error: EngineError) -> None:
        """Count a failure of an engine."""
        ...

    def earliest_deadline(self, excluding: ReplySynthesizer) -> float:
        """Earliest time (monotonic) at which another reply's playback runs out of sound; infinity if there is none."""
        ...


class ReplySynthesizer:
    """Synthesizes a reply's segments, one after another. Use it only on the event loop.

    Attributes:
        deadline: time (monotonic seconds) at which the client's playback runs out of sound, if it plays sound at once.
        costs_money: whether sound of the newest segment probably costs money.
        asks_paid: whether the engine that was asked last for the newest segment probably costs money.
        has_asked_paid: whether an engine that probably costs money was asked for any segment so far.

    Args:
        parameters: speech parameters, preset already applied.
        rate: sample rate of the reply's sound, in Hz.
        workers: returns the engines to try for the next segment, in order.
        skips_unspeakable: whether a segment whose text can't be spoken is skipped. If so, call :meth:`end` at the end.
    """

    def __init__(
        self,
        pool: Pool,
        parameters: SpeechParameters,
        rate: int,
        workers: Callable[[], Sequence[EngineWorker]],
        *,
        skips_unspeakable: bool = False,
    ) -> None:
        self._pool = pool
        self._parameters = parameters
        self._rate = rate
        self._workers = workers
        self._before = ""
        self._language: str | None = None
        self._skips_unspeakable = skips_unspeakable
        self._unspeakable: UnspeakableError | None = None
        self._spoke = False
        self.costs_money = self.asks_paid = self.has_asked_paid = False
        self.deadline = time.monotonic()

    @property
    def others_deadline(self) -> float:
        """Earliest time (monotonic) at which another reply's playback runs out of sound; infinity if there is none."""
        return self._pool.earliest_deadline(excluding=self)

    async def synthesize(self, segment: str) -> AsyncGenerator[Samples, None]:
        """Synthesize the next segment (raw text). Yields chunks of mono float32 at the reply's rate as they are made.

        Use ``contextlib.aclosing`` if the loop may end early: closing the generator stops the engine.

        Raises:
            EngineError: every engine failed. With ``skips_unspeakable``, an unspeakable segment only ends early.
        """
        resolver = self._pool.resolver
        self.costs_money = self.asks_paid = False
        self._language = resolver.language(segment, self._parameters, self._language)
        candidates = resolver.candidates(self._workers(), self._parameters, self._language)
        text = self._prepared(segment, candidates[0][1].language)
        self._before = segment
        for worker, voice in candidates:
            if not text:
                return
            request = SynthesisRequest(text, voice, self._parameters, self._rate, self._pool.gain_for(worker))
            samples = 0
            self.asks_paid = self._pool.is_paid(worker)
            self.has_asked_paid |= self.asks_paid
            try:
                async with aclosing(worker.synthesize(request, self)) as pieces:
                    async for piece in pieces:
                        self.costs_money |= self.asks_paid
                        samples += len(piece)
                        self.deadline = max(self.deadline, time.monotonic()) + len(piece) / self._rate
                        yield piece
                self._spoke = True
                return
            except EngineError as error:
                self._pool.record_failure(worker, error)
                if worker is candidates[-1][0]:
                    if not self._skips_unspeakable or not isinstance(error, UnspeakableError):
                        raise
                    self._unspeakable = error
                    return
                text = worker.pace.remaining_text(text, samples / self._rate)

    def end(self) -> None:
        """End the reply.

        Raises:
            UnspeakableError: no segment could be spoken to its end.
        """
        if self._unspeakable is not None and not self._spoke:
            raise self._unspeakable

    def _prepared(self, segment: str, language: str) -> str:
        return words_to_speak(segment, self._parameters, language, self._before, self._pool.pronunciations)


def words_to_speak(
    segment: str, parameters: SpeechParameters, language: str, before: str, pronunciations: Pronunciations
) -> str:
    """The words that an engine is asked to speak for a segment (raw text); empty for an emoji alone, for example.

    Args:
        language: a BCP 47 tag.
        before: the previous segment of the same reply.
    """
    return normalize(segment, language, before, pronunciations) if parameters.preprocess_text else segment.strip()
