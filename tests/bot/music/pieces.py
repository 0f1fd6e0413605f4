"""Sound files for the tests of music."""

from __future__ import annotations

import io
import wave
from pathlib import Path

import numpy as np


def wav(seconds: float, level: float, *, rate: int = 48_000, channels: int = 2, pitch: float = 440.0) -> bytes:
    """A WAV file with a tone."""
    tone = level * np.sin(2 * np.pi * pitch * np.arange(int(seconds * rate)) / rate)
    data = io.BytesIO()
    with wave.open(data, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.repeat((tone * 32_767).astype("<i2"), channels).tobytes())
    return data.getvalue()


def write(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path
