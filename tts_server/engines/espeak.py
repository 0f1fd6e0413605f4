"""espeak-ng as a RealtimeTTS engine. It needs no weights and no GPU, speaks a hundred languages, and sounds robotic."""

from __future__ import annotations

from RealtimeTTS.engines.base_engine import BaseEngine
from typing_extensions import override

from audio.espeak import DEFAULT_RATE, EspeakLibrary, variants
from tts_server.engines.base import Voice
from tts_server.engines.realtime_tts.engine import PA_INT16, Traits

ENGINE_NAME = "espeak-ng"
DEFAULT_VOICE = "en-us"
TRAITS = Traits(supports=("speed", "pitch_shift"), voice=DEFAULT_VOICE, variants=variants, online=False)
_RATE_BOUNDS = (80, 450)
_PITCH_BOUNDS = (0, 100)
# Measured: the library's pitch values 0 to 100 span about 20 semitones, nearly evenly; 50 is the default pitch.
_PITCH_PER_SEMITONE = 4.8


class EspeakEngine(BaseEngine):  # type: ignore[misc]  # RealtimeTTS ships no types
    """espeak-ng, in the form of RealtimeTTS's engines: it puts 16-bit mono PCM into ``queue``, in chunks of 20 ms.

    The first chunk is ready in less than 2 ms. The engine stops within one chunk.
    """

    def __init__(self, library: EspeakLibrary) -> None:
        self._library = library
        self._files = {voice.id: voice.file for voice in library.voices()}
        self._voice = self._files[DEFAULT_VOICE]
        self._rate = DEFAULT_RATE
        self._pitch = 50

    @override
    def post_init(self) -> None:
        self.engine_name = ENGINE_NAME

    @override
    def get_stream_info(self) -> tuple[int, int, int]:
        return PA_INT16, 1, self._library.sample_rate

    @override
    def get_voices(self) -> list[Voice]:
        return [Voice(voice.id, voice.name, voice.language, voice.also) for voice in self._library.voices()]

    @override
    def set_voice(self, voice: str | Voice) -> None:
        # An id may end in a variant, as in "en-us+f3".
        base, plus, variant = (voice.id if isinstance(voice, Voice) else voice).partition("+")
        self._voice = self._files.get(base, base) + plus + variant

    @override
    def set_voice_parameters(self, **voice_parameters: float) -> None:
        # The speed is a factor. The pitch shift is in semitones; beyond about 10 up or down, it has no further effect.
        self._rate = _clamp(DEFAULT_RATE * voice_parameters.get("speed", 1.0), _RATE_BOUNDS)
        self._pitch = _clamp(50 + voice_parameters.get("pitch_shift", 0.0) * _PITCH_PER_SEMITONE, _PITCH_BOUNDS)

    @override
    def synthesize(self, text: str, sentence_count: int = 0) -> bool:
        super().synthesize(text, sentence_count)
        self._library.speak(text, self._voice, self._rate, self._pitch, self._take)
        return True

    def _take(self, audio: bytes) -> bool:
        if self.stop_synthesis_event.is_set():
            return False
        self.queue.put(audio)
        return True


def _clamp(value: float, bounds: tuple[int, int]) -> int:
    return max(bounds[0], min(bounds[1], round(value)))
