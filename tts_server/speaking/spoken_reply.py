"""One reply's voice: clause after clause, by whichever engine can, without a word lost or said twice."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from typing import Protocol

from audio.samples import Samples
from config.pronunciations import Pronunciations
from tts_server.engines.base import EngineError
from tts_server.speaking.casting import Casting
from tts_server.speaking.engine_line import Clause, EngineLine
from tts_server.text.normalize import normalize
from wire.parameters import SpeechParameters


class Ensemble(Protocol):
    """What a reply asks of the engines as a whole."""

    @property
    def casting(self) -> Casting:
        """Who can speak what."""
        ...

    @property
    def pronunciations(self) -> Pronunciations:
        """What the operator has words pronounced like."""
        ...

    def gain(self, line: EngineLine) -> float:
        """What makes an engine as loud as the one that is wanted."""
        ...

    def failed(self, line: EngineLine, error: EngineError) -> None:
        """An engine could not speak a clause."""
        ...

    def first_due(self, besides: SpokenReply) -> float:
        """When the first of the other replies' listeners will have nothing left to hear; infinity without any."""
        ...


class SpokenReply:
    """Speaks a reply's segments, which come one after another. For the event loop alone.

    ``due`` is when whoever plays the sound as it comes will have nothing left to hear, in monotonic seconds.

    Args:
        parameters: with the preset applied.
        rate: of the sound wanted, in Hz.
        lines: the engines to try for the next clause, in order.
    """

    def __init__(
        self,
        ensemble: Ensemble,
        parameters: SpeechParameters,
        rate: int,
        lines: Callable[[], Sequence[EngineLine]],
    ) -> None:
        self._ensemble = ensemble
        self._parameters = parameters
        self._rate = rate
        self._lines = lines
        self._before = ""
        self._language: str | None = None
        self.due = time.monotonic()

    @property
    def others_due(self) -> float:
        """As :attr:`Listener.others_due`."""
        return self._ensemble.first_due(besides=self)

    async def say(self, segment: str) -> AsyncGenerator[Samples, None]:
        """Speak the next segment, as it was written: mono float32 at the reply's rate, in pieces as they are made.

        Close it (``contextlib.aclosing``) wherever it may be left early: that stops the engine.

        Raises:
            EngineError: no engine could.
        """
        casting = self._ensemble.casting
        self._language = casting.language(segment, self._parameters, self._language)
        cast = casting.cast(self._lines(), self._parameters, self._language)
        text = self._prepared(segment, cast[0][1].language)
        self._before = segment
        for line, voice in cast:
            if not text:
                return
            clause = Clause(text, voice, self._parameters, self._rate, self._ensemble.gain(line))
            samples = 0
            try:
                async with aclosing(line.say(clause, self)) as pieces:
                    async for piece in pieces:
                        samples += len(piece)
                        self.due = max(self.due, time.monotonic()) + len(piece) / self._rate
                        yield piece
                return
            except EngineError as error:
                self._ensemble.failed(line, error)
                if line is cast[-1][0]:
                    raise
                text = line.pace.unspoken(text, samples / self._rate)

    def _prepared(self, segment: str, language: str) -> str:
        if self._parameters.preprocess_text:
            return normalize(segment, language, self._before, self._ensemble.pronunciations)
        return segment.strip()
