"""Paths in the cache of the toys: the tiny language model and the tiny Whisper that are made on this machine.

Each path has a hash of the toy's recipe, so a changed toy is made again.
"""

from __future__ import annotations

from pathlib import Path

_MODEL = "toy-model-{}.gguf"
_WHISPER = "toy-whisper-{}"


def model_file(cache_dir: Path, fingerprint: str) -> Path:
    """The toy language model with this hash."""
    return cache_dir / _MODEL.format(fingerprint)


def whisper_folder(cache_dir: Path, fingerprint: str) -> Path:
    """The toy Whisper with this hash."""
    return cache_dir / _WHISPER.format(fingerprint)


def model_files(cache_dir: Path) -> list[Path]:
    """All toy language models that earlier starts have left."""
    return [path for path in cache_dir.glob(_MODEL.format("*")) if path.is_file()]


def whisper_files(cache_dir: Path) -> list[Path]:
    """The files of all toy Whispers that earlier starts have left."""
    return [path for path in cache_dir.glob(f"{_WHISPER.format('*')}/*") if path.is_file()]
