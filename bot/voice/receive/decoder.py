"""Opus straight to what is listened to: 16,000 Hz, mono, float32."""

from __future__ import annotations

from discord import opus

from audio.pcm import from_pcm16
from audio.samples import HEARING_RATE, Sound16

MAX_CONCEALED = 5
"""Lost frames that are made up, 100 ms; what is longer becomes silence."""


class _Decoder16(opus.Decoder):
    """libopus decodes at this rate by itself: no resampler is needed."""

    SAMPLING_RATE = HEARING_RATE
    CHANNELS = 1
    SAMPLE_SIZE = 2
    SAMPLES_PER_FRAME = HEARING_RATE // 50
    FRAME_SIZE = SAMPLES_PER_FRAME * SAMPLE_SIZE


class SpeechDecoder:
    """One stream's decoder. ``OpusNotLoaded`` is raised where libopus is missing."""

    def __init__(self) -> None:
        self._decoder: opus.Decoder = _Decoder16()  # type: ignore[no-untyped-call]

    def decode(self, frame: bytes, lost: int) -> Sound16 | None:
        """The sound of a frame, with that of the ``lost`` ones before it made up; ``None`` where it is not Opus."""
        try:
            parts = [self._decoder.decode(None, fec=False) for _ in range(min(lost, MAX_CONCEALED) - 1)]
            if lost:
                # The frame behind a gap carries a coarse copy of the one before it.
                parts.append(self._decoder.decode(frame, fec=True))
            parts.append(self._decoder.decode(frame, fec=False))
        except opus.OpusError:
            return None
        return from_pcm16(b"".join(parts))
