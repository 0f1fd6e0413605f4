"""Makes the engine that the settings name."""

from __future__ import annotations

from tts_server.engines.base import EngineError, SpeechEngine
from tts_server.settings import EngineName, Settings

DEFAULT_ESPEAK_VOICE = "en-us"


def create_engine(settings: Settings) -> SpeechEngine:
    """Load the engine; blocks for as long as that takes, so call it off the event loop.

    Raises:
        EngineError: it can't be loaded.
        UnknownVoiceError: it has no voice as ``TTS_VOICE`` names.
    """
    # An engine's own libraries are imported only where it is used.
    match settings.tts_engine:
        case EngineName.ESPEAK:
            from tts_server.engines import espeak, espeak_library
            from tts_server.engines.realtime_tts import RealtimeTtsEngine

            engine = espeak.EspeakEngine(espeak_library.load())
            return RealtimeTtsEngine(engine, settings.tts_voice or DEFAULT_ESPEAK_VOICE, shifts_pitch=True)
        case EngineName.STAND_IN:
            from tts_server.engines.stand_in import StandInEngine

            return StandInEngine(
                first_audio=settings.tts_stand_in_first_audio_ms / 1000,
                real_time_factor=settings.tts_stand_in_rtf,
                timings=settings.tts_stand_in_timings,
            )
        case name:
            raise EngineError(f"there is no engine {name!r}")
