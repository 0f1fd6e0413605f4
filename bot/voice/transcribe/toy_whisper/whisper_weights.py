"""The toy Whisper's folder: made once, kept, made anew when it would come out otherwise."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from bot.services import ROOT
from bot.voice.transcribe.toy_whisper.sentences import SENTENCES

Progress = Callable[[float, str], None]
_RECIPE = 2
_FILES = ("model.bin", "config.json", "vocabulary.json", "tokenizer.json", "preprocessor_config.json")


class ToyWhisperError(OSError):
    """The weights could not be made; the text says why."""


def toy_whisper(cache_dir: Path, progress: Progress) -> Path:
    """The folder of the weights, for faster-whisper; they are made there if need be, in a process of their own.

    Blocks, for half a minute when they have to be made. ``progress`` is told how far it is, 0 to 1.

    Raises:
        ToyWhisperError: they could not be made.
    """
    digest = hashlib.sha256("\n".join((str(_RECIPE), *SENTENCES)).encode()).hexdigest()[:16]
    folder = cache_dir / f"toy-whisper-{digest}"
    if not _complete(folder):
        cache_dir.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache_dir, prefix=".toy-whisper-") as made:
            _make(Path(made), progress)
            shutil.rmtree(folder, ignore_errors=True)
            Path(made, "model").rename(folder)
    progress(1.0, "ready")
    return folder


def _complete(folder: Path) -> bool:
    return all((folder / name).exists() and (folder / name).stat().st_size > 0 for name in _FILES)


def _make(folder: Path, progress: Progress) -> None:
    """Fitting is half a minute of arithmetic, which would disturb whatever else this process does."""
    command = [sys.executable, "-m", "bot.voice.transcribe.toy_whisper.make", str(folder / "model")]
    # More threads would only wait for each other: the matrices are small.
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(  # noqa: S603
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            for line in process.stdout or ():
                progress(float(line), "learning its sentences")
        except BaseException:
            process.kill()
            raise
    if process.returncode != 0:
        raise ToyWhisperError(f"The toy Whisper could not be made (exit status {process.returncode}).")
