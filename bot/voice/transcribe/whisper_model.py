"""faster-whisper's model with an encoder context that can be shortened, since most turns are far shorter than 30 s."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import ctranslate2
import numpy as np
from faster_whisper import WhisperModel
from typing_extensions import override

from audio.samples import HEARING_RATE, Sound16

MAX_CONTEXT = 30
"""Seconds of sound for which Whisper was trained."""
FRAMES_A_SECOND = 100
"""Frames of the spectrogram that Whisper's encoder gets for each second of sound."""


class ShortContextWhisper(WhisperModel):  # type: ignore[misc]  # faster-whisper's types are not exported
    """A Whisper model whose context is chosen for each sound.

    faster-whisper fills each sound up with silence to Whisper's own context of 30 seconds, and the encoder's time
    depends on the context alone. CTranslate2 takes a shorter context too.

    On the CPU, this class runs the encoder only on the beginning of the context, in which the sound is. Silence fills
    the rest: 30 seconds of silence are encoded once, and a part of this encoding is appended to that of each sound.
    Without the appended part, the decoder repeats sentences. It also repeats them if that part is taken from
    an encoding of less than 30 seconds of silence.

    The context is a state of the model, and segments are computed when they are iterated. So compute all segments of a
    sound before the next call, on the same thread.
    """

    _encoded_frames = _context_frames = MAX_CONTEXT * FRAMES_A_SECOND
    _last_encoding: tuple[np.ndarray, Any] | None = None
    """The frames that were encoded last, and what the encoder has made of them."""
    _silence: np.ndarray | None = None

    @override
    def transcribe(
        self, audio: Sound16, *, encoded_seconds: float, context_seconds: float, **options: Any
    ) -> tuple[Iterable[Any], Any]:
        """Like faster-whisper's method, with a context of ``context_seconds`` seconds, 30 at most.

        Args:
            encoded_seconds: on the CPU, the encoder runs only on these first seconds of the context. If they are fewer
                than ``context_seconds``, the sound must fit into them. On a GPU, they are not used.
        """
        self._encoded_frames = round(encoded_seconds * FRAMES_A_SECOND)
        self._context_frames = round(context_seconds * FRAMES_A_SECOND)
        self._last_encoding = None
        segments, information = super().transcribe(audio, **options)
        return segments, information

    @override
    def detect_language(self, audio: Any = None, features: Any = None, **options: Any) -> Any:
        """Detect the language as faster-whisper does, but without the last frame.

        faster-whisper leaves out the last frame when it transcribes. With the same frames here, :meth:`encode` runs the
        encoder only once for both.
        """
        return super().detect_language(audio, None if features is None else features[..., :-1], **options)

    @override
    def encode(self, features: np.ndarray) -> Any:
        """Run the encoder on the frames that are to be encoded, unless it has just been run on the same frames."""
        on_cpu = self.model.device == "cpu"
        frames = np.ascontiguousarray(features[..., : self._encoded_frames if on_cpu else self._context_frames])
        if self._last_encoding is None or not np.array_equal(self._last_encoding[0], frames):
            encoded = super().encode(frames)
            if frames.shape[-1] < self._context_frames:
                encoded = self._filled_up(np.asarray(encoded))
            self._last_encoding = frames, encoded
        return self._last_encoding[1]

    def _filled_up(self, encoded: np.ndarray) -> Any:
        """What the encoder has made of a sound, with the encoding of silence behind it up to the end of the context."""
        if self._silence is None:
            nothing = np.zeros(MAX_CONTEXT * HEARING_RATE, np.float32)
            spectrogram = self.feature_extractor(nothing)[:, : MAX_CONTEXT * FRAMES_A_SECOND]
            self._silence = np.asarray(super().encode(np.ascontiguousarray(spectrogram)))
        end = round(self._silence.shape[1] * self._context_frames / (MAX_CONTEXT * FRAMES_A_SECOND))
        silence = self._silence[:, encoded.shape[1] : end]
        return ctranslate2.StorageView.from_array(np.concatenate((encoded, silence), axis=1))
