"""Opens Whisper as the bot does on a processor, for benchmarks."""

from __future__ import annotations

from pathlib import Path

from benchmarks.errors import MeasurementError
from bot.voice.transcribe.whisper_model import ShortContextWhisper


def open_whisper(model: Path, threads: int = 1) -> ShortContextWhisper:
    """Open a model in 8 bits; raises :class:`~benchmarks.errors.MeasurementError` if it is not there.

    Args:
        model: the model's folder.
    """
    if not (model / "model.bin").is_file():
        raise MeasurementError(f"There is no Whisper model in {model}. python -m bot models fetches it.")
    return ShortContextWhisper(
        str(model), device="cpu", compute_type="int8", cpu_threads=threads, local_files_only=True
    )
