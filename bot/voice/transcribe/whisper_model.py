"""faster-whisper's model with an encoder context that can be shortened, since most turns are far shorter than 30 s."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from faster_whisper import WhisperModel
from typing_extensions import override

from audio.samples import Sound16

FRAMES_A_SECOND = 100
"""Frames of the spectrogram that Whisper's encoder gets for each second of its context."""


class ShortContextWhisper(WhisperModel):  # type: ignore[misc]  # faster-whisper's types are not exported
    """A Whisper model whose context is chosen for each sound.

    faster-whisper fills each sound up with silence to Whisper's own context of 30 seconds, and the encoder's time
    depends on the context alone. CTranslate2 takes a shorter one too. The context is a state of the model, and segments
    are computed when they are iterated. So compute all segments of a sound before the next call, on the same thread.
    """

    _frames: int | None = None
    _encoded: tuple[np.ndarray, Any] | None = None

    @override
    def transcribe(self, audio: Sound16, *, context_seconds: float, **options: Any) -> tuple[Iterable[Any], Any]:
        """Like faster-whisper's method, with a context of ``context_seconds`` seconds, 30 at most."""
        self._frames = round(context_seconds * FRAMES_A_SECOND)
        self._encoded = None
        segments, information = super().transcribe(audio, **options)
        return segments, information

    @override
    def detect_language(self, audio: Any = None, features: Any = None, **options: Any) -> Any:
        """Like faster-whisper's method. It leaves out the last frame, as faster-whisper does when it transcribes.

        So both encode the same frames, and :meth:`encode` computes them once.
        """
        return super().detect_language(audio, None if features is None else features[..., :-1], **options)

    @override
    def encode(self, features: np.ndarray) -> Any:
        """Run the encoder on the context's frames, unless it has just been run on the same."""
        frames = np.ascontiguousarray(features[..., : self._frames])
        if self._encoded is None or not np.array_equal(self._encoded[0], frames):
            self._encoded = frames, super().encode(frames)
        return self._encoded[1]
