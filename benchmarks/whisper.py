"""Opens speech recognition models for benchmarks, as the bot does on a processor."""

from __future__ import annotations

from pathlib import Path

from benchmarks.errors import MeasurementError
from bot.voice.transcribe.english_first import EnglishFirst
from bot.voice.transcribe.recogniser import SoundRecogniser
from bot.voice.transcribe.whisper_model import ShortContextWhisper
from bot.voice.transcribe.worker import ThisMachine


def open_whisper(model: Path, threads: int = 1) -> ShortContextWhisper:
    """Open Whisper in 8 bits; raises :class:`~benchmarks.errors.MeasurementError` if it is not there.

    Args:
        model: the model's folder.
    """
    if not (model / "model.bin").is_file():
        raise MeasurementError(
            f"there is no Whisper model in {model}; get one with python -m bot models download whisper-base"
        )
    return ShortContextWhisper(
        str(model), device="cpu", compute_type="int8", cpu_threads=threads, local_files_only=True
    )


def open_english_first(english: Path, model: Path, threads: int) -> tuple[SoundRecogniser, EnglishFirst]:
    """Open Whisper for any language, and the quick model for English with the same Whisper behind it.

    Args:
        english: the folder of the quick model.
        model: the folder of Whisper.

    Raises:
        MeasurementError: a model can't be loaded.
    """
    machine = ThisMachine()
    try:
        whisper = machine.load(str(model), "cpu", 0, "int8", threads, None)
        return whisper, EnglishFirst(machine.load_english(english, threads), whisper)
    except Exception as error:
        raise MeasurementError(f"a model can't be loaded: {error}") from error
