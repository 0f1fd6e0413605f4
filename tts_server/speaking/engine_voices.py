"""What the voices API asks of the engine that speaks."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import aclosing

from audio.encoders import WavEncoder
from tts_server.engines.base import CloningEngine, Voice
from tts_server.speaking.engine_pool import EnginePool
from tts_server.voices.profile import VoiceProfile
from wire.parameters import SpeechParameters

PREVIEW_RATE = 24_000


class EngineVoices:
    """The voices of the engine that is wanted: a :class:`~tts_server.api.voices_api.SpeakingVoices`."""

    def __init__(self, pool: EnginePool) -> None:
        self._pool = pool

    @property
    def engine_name(self) -> str:
        """As :class:`SpeakingVoices` has it, and so all that follows."""
        return self._pool.engine_name

    @property
    def can_clone(self) -> bool:
        """Whether it speaks with voices of recordings."""
        return isinstance(self._pool.engines[0], CloningEngine)

    def voices(self) -> Sequence[Voice]:
        """Every voice it has."""
        return self._pool.voices()

    def resolve(self, voice: str) -> Voice:
        """The voice that people call so."""
        return self._pool.resolve(voice)

    async def learn(self, profile: VoiceProfile) -> float:
        """Learn a voice, in a thread; returns how alike it sounds."""
        engine = self._cloning()
        with self._pool.lifecycle.in_use():
            return await asyncio.to_thread(engine.learn, profile)

    async def forget(self, voice: str) -> None:
        """Forget a voice, in a thread."""
        if isinstance(engine := self._pool.engines[0], CloningEngine):
            await asyncio.to_thread(engine.forget, voice)

    async def say_wav(self, text: str, voice: str) -> bytes:
        """A WAV file of ``text`` in this voice and no other."""
        parameters = self._pool.resolve_parameters(SpeechParameters(voice=voice), text)
        encoder, parts = WavEncoder(PREVIEW_RATE), list[bytes]()
        async with (
            self._pool.reply_by_preferred(parameters, PREVIEW_RATE) as reply,
            aclosing(reply.synthesize(text)) as pieces,
        ):
            async for piece in pieces:
                parts.append(encoder.encode(piece))
        return b"".join([*parts, encoder.finish()])

    def _cloning(self) -> CloningEngine:
        engine = self._pool.engines[0]
        if not isinstance(engine, CloningEngine):
            raise TypeError(f"{engine.name} does not clone")
        return engine
