"""Where in a recording somebody speaks, by the Silero network that faster-whisper carries."""

from __future__ import annotations

from dataclasses import dataclass

import soxr

from audio.samples import Samples
from tts_server.voices.decoding import RATE

_SILERO_RATE = 16_000
_LONGEST_PAUSE_MS = 500
"""A longer one is cut down to this."""


@dataclass(frozen=True, slots=True)
class Span:
    """Samples of a recording, ``end`` not among them."""

    start: int
    end: int


def speech_spans(samples: Samples) -> list[Span]:
    """Stretches of speech in mono sound at :data:`RATE`, with a little of the silence around them. Computes."""
    # faster-whisper loads CTranslate2 with it: only who has sound to look at pays for that.
    from faster_whisper.vad import VadOptions, get_speech_timestamps

    options = VadOptions(
        threshold=0.5,
        min_speech_duration_ms=250,
        min_silence_duration_ms=_LONGEST_PAUSE_MS,
        speech_pad_ms=_LONGEST_PAUSE_MS // 2,
    )
    found = get_speech_timestamps(soxr.resample(samples, RATE, _SILERO_RATE), options)
    factor = RATE / _SILERO_RATE
    return [Span(round(f["start"] * factor), min(round(f["end"] * factor), len(samples))) for f in found]
