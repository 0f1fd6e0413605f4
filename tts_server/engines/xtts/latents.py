"""Speaker latents, which XTTS learns from recordings of a speaker, and the files in which they are stored."""

from __future__ import annotations

import logging
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_log = logging.getLogger(__name__)

SPEAKER_SIZE = 512
_MAX_BYTES = 4 << 20
"""Maximum size of a file that is read. XTTS v2 needs about 130 kB."""
_SAFE_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,99}")
_HEXADECIMAL = re.compile(r"[0-9a-f]+")


@dataclass(frozen=True, slots=True)
class Latents:
    """The data that the model has learned about one speaker. Both arrays are float32.

    Attributes:
        conditioning: (1, positions, channels): the manner of speaking, for the language model.
        speaker: (1, 512, 1): the speaker embedding: the timbre, for the vocoder and for comparing voices.
    """

    conditioning: NDArray[np.float32]
    speaker: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class LatentsKey:
    """Everything that latents depend on. If one value changes, they are computed again.

    Attributes:
        voice: the profile's id.
        recordings: the profile's digest, hexadecimal.
        model: the digest of the weights, hexadecimal.
        length: the length of the part of the recordings that was used, in seconds.
        piece: the length of the pieces into which that part was divided, in seconds.
    """

    voice: str
    recordings: str
    model: str
    length: int
    piece: int


class LatentsFolder:
    """Latents on the disk: a folder for each voice, with a safetensors file for each key. Damaged files are ignored."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, key: LatentsKey, channels: int) -> Latents | None:
        """Return the stored latents; ``None`` if there are none that fit a model with this number of channels."""
        # Imported here, so that forget() works without XTTS's libraries.
        import safetensors.numpy

        path = self._path(key)
        if path is None:
            return None
        try:
            if path.stat().st_size > _MAX_BYTES:
                return None
            tensors = safetensors.numpy.load(path.read_bytes())
            latents = Latents(tensors["conditioning"], tensors["speaker"])
        except FileNotFoundError:
            return None
        except (OSError, safetensors.SafetensorError, KeyError, ValueError, TypeError) as error:
            _log.warning("%s can't be read (%r); the voice will be learned again", path, error)
            return None
        return latents if _fit(latents, channels) else None

    def put(self, key: LatentsKey, latents: Latents) -> None:
        """Store latents, and delete the voice's latents from earlier recordings."""
        import safetensors.numpy

        path = self._path(key)
        if path is None:
            return
        data = safetensors.numpy.save({"conditioning": latents.conditioning, "speaker": latents.speaker})
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            for other in path.parent.iterdir():
                if not other.name.startswith(f"{key.recordings}-"):
                    other.unlink()
            # Write to another file and rename it, so that the file is never incomplete.
            unfinished = path.with_suffix(".part")
            unfinished.write_bytes(data)
            unfinished.replace(path)
        except OSError as error:
            _log.warning("%s can't be written (%s); the voice is learned again after a restart", path, error)

    def forget(self, voice: str) -> None:
        """Delete all latents of the voice with this id."""
        if _SAFE_NAME.fullmatch(voice):
            shutil.rmtree(self._folder / voice, ignore_errors=True)

    def _path(self, key: LatentsKey) -> Path | None:
        digests = (key.recordings, key.model)
        if not _SAFE_NAME.fullmatch(key.voice) or not all(map(_HEXADECIMAL.fullmatch, digests)):
            return None
        name = f"{key.recordings}-{key.model[:16]}-{key.length}-{key.piece}.safetensors"
        return self._folder / key.voice / name


def _fit(latents: Latents, channels: int) -> bool:
    conditioning, speaker = latents.conditioning, latents.speaker
    return (
        conditioning.dtype == speaker.dtype == np.float32
        and conditioning.ndim == 3
        and conditioning.shape[0] == 1
        and conditioning.shape[1] >= 1
        and conditioning.shape[2] == channels
        and speaker.shape == (1, SPEAKER_SIZE, 1)
        and bool(np.isfinite(conditioning).all() and np.isfinite(speaker).all())
    )
