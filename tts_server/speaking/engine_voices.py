"""Voices of the preferred engine, as the ``/v1/voices`` API uses them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import aclosing

from audio.encoders import WavEncoder
from tts_server.engines.base import CloningEngine, ExpressiveEngine, Voice
from tts_server.metrics import Metrics
from tts_server.speaking.engine_pool import EnginePool
from tts_server.voices.profile import VoiceProfile
from wire.parameters import NUMBERS, SpeechParameters
from wire.presets import Presets

PREVIEW_RATE = 24_000
"""Sample rate of previews, in Hz."""
FOR_EVERY_ENGINE = frozenset({"speed", "pitch_shift"})
"""Parameters that work with every engine: what an engine does not apply itself, the server applies to its sound."""


class EngineVoices:
    """Lists, learns, forgets and previews voices of the preferred engine. Use it only on the event loop.

    Args:
        metrics: counts the previews as replies.
        clock: returns monotonic seconds.
    """

    def __init__(self, pool: EnginePool, metrics: Metrics, clock: Callable[[], float]) -> None:
        self._pool = pool
        self._metrics = metrics
        self._clock = clock

    @property
    def engine_name(self) -> str:
        """Name of the engine."""
        return self._pool.engine_name

    @property
    def can_clone(self) -> bool:
        """Whether the engine can clone voices from recordings."""
        return isinstance(self._pool.engines[0], CloningEngine)

    @property
    def parameters(self) -> Sequence[str]:
        """The names of the numeric parameters that change how the engine speaks."""
        engine = self._pool.engines[0]
        more = engine.expression if isinstance(engine, ExpressiveEngine) else frozenset()
        return [name for name in NUMBERS if name in FOR_EVERY_ENGINE or name in more]

    @property
    def presets(self) -> Presets:
        """All presets."""
        return self._pool.presets

    @property
    def usual(self) -> Voice:
        """The voice for requests that name none."""
        return self._pool.engines[0].resolve(None, None)

    def voices(self) -> Sequence[Voice]:
        """All voices of the engine, cloned ones included."""
        return self._pool.voices()

    def resolve(self, voice: str) -> Voice:
        """The voice with this name or id.

        Raises:
            UnknownVoiceError: there is no such voice; the message suggests similar names.
        """
        return self._pool.resolve(voice)

    async def learn(self, profile: VoiceProfile) -> float:
        """Learn a voice from its recordings, in a thread. Call it only if :attr:`can_clone` is true.

        Returns:
            Similarity of the cloned voice to the recordings (cosine, -1 to 1).

        Raises:
            EngineError: the voice can't be learned.
        """
        engine = self._cloning()
        with self._pool.lifecycle.in_use():
            return await asyncio.to_thread(engine.learn, profile)

    async def forget(self, voice: str) -> None:
        """Make the engine forget a voice, in a thread. Does nothing if the engine can't clone voices."""
        if isinstance(engine := self._pool.engines[0], CloningEngine):
            await asyncio.to_thread(engine.forget, voice)

    async def say_wav(self, text: str, voice: str) -> tuple[bytes, bool]:
        """Speak ``text`` in this voice, without fallback to another engine. Returns a WAV file, and whether it probably
        has cost money.

        Raises:
            UnknownVoiceError: there is no such voice.
            EngineError: the engine failed.
            OverloadedError: too many replies are being spoken.
        """
        parameters = self._pool.resolve_parameters(SpeechParameters(voice=voice), text)
        encoder, parts = WavEncoder(PREVIEW_RATE), list[bytes]()
        began, samples, first_ms = self._clock(), 0, None
        async with (
            self._pool.reply_by_preferred(parameters, PREVIEW_RATE) as reply,
            aclosing(reply.synthesize(text)) as pieces,
        ):
            async for piece in pieces:
                first_ms = first_ms or 1000 * (self._clock() - began)
                samples += len(piece)
                parts.append(encoder.encode(piece))
        self._metrics.record_reply(samples / PREVIEW_RATE, first_ms)
        return b"".join([*parts, encoder.finish()]), reply.costs_money

    def _cloning(self) -> CloningEngine:
        engine = self._pool.engines[0]
        if not isinstance(engine, CloningEngine):
            raise TypeError(f"{engine.name} does not clone")
        return engine
