"""An engine that speaks tones, which survive every codec. Their length depends on the text and the speed."""

from __future__ import annotations

import threading
from collections.abc import Generator, Sequence

import numpy as np

from audio.samples import Samples
from tts_server.engines.base import AlwaysLoaded, Voice
from tts_server.engines.voice_lookup import resolve_voice
from wire.parameters import SpeechParameters

TONE_HZ = 300.0
SECONDS_PER_CHARACTER = 0.05
PIECE_SAMPLES = 2_400
"""Number of samples of each piece of sound: 0.1 s."""
# OpenAI has a voice "nova" too. An engine's own voice takes precedence over it.
_VOICES = (Voice("tone", "A tone", "en"), Voice("nova", "Our own Nova", "en"))


class ToneEngine(AlwaysLoaded):
    """Speaks each text as a tone. ``asked`` has the text, the voice and the parameters of each request."""

    name = "tone"
    sample_rate = 24_000
    concurrency = 1
    shifts_pitch = True

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, SpeechParameters]] = []

    def voices(self) -> Sequence[Voice]:
        return _VOICES

    def resolve(self, voice: str | None, language: str | None) -> Voice:
        return resolve_voice(_VOICES, _VOICES[0], voice, None)

    def synthesize(
        self, text: str, voice: Voice, parameters: SpeechParameters, stop: threading.Event
    ) -> Generator[Samples, None, None]:
        self.asked.append((text, voice.id, parameters))
        samples = round(len(text) * SECONDS_PER_CHARACTER * self.sample_rate / (parameters.speed or 1))
        tone = 0.3 * np.sin(2 * np.pi * TONE_HZ / self.sample_rate * np.arange(samples))
        for start in range(0, samples, PIECE_SAMPLES):
            if stop.is_set():
                return
            yield tone[start : start + PIECE_SAMPLES].astype(np.float32)

    def close(self) -> None:
        pass
