"""Recordings of people: the announcements in Debian's ``asterisk-core-sounds``, at 16,000 Hz.

Each language has one professional speaker.

The packages are downloaded with Debian's ``apt-get`` and unpacked, not installed. Files whose names begin with n to z
are reserved for tests of this project by others.
"""

from __future__ import annotations

import gzip
import re
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soxr

from audio.decode import decoded
from audio.level import at_level
from benchmarks.speakers.trim import trimmed
from benchmarks.speakers.weights import SpeakersError
from sandbox.speech import SPEECH_LEVEL
from sandbox.voice.opus import SAMPLE_RATE, Sound

LANGUAGES = ("en", "es", "fr", "it", "ru")
"""Languages of the packages, by their ISO 639-1 codes."""
MUSIC = ("asterisk-moh-opsound-wav",)
"""Music without words."""
RATE = 16_000
MIN_WORDS = 5
LAST_LETTER = "m"
_SAID = re.compile(r"([a-z0-9/-]+): *(\w.*)")


@dataclass(frozen=True, slots=True)
class RecordedSentence:
    """One recording: its text and its file."""

    text: str
    file: Path


def recorded_sentences(folder: Path, language: str = "en") -> list[RecordedSentence]:
    """All recordings of at least :data:`MIN_WORDS` words in a language, in the order of their names. Blocks.

    Raises:
        SpeakersError: the packages can't be downloaded.
    """
    files = recordings(folder, language)
    (texts,) = _unpacked_sounds(folder, language).rglob(f"core-sounds-{language}.txt.gz")
    return [
        RecordedSentence(text, files[name])
        for name, text in sorted(_texts(gzip.decompress(texts.read_bytes()).decode("utf-8", "replace")))
        if name in files and len(text.split()) >= MIN_WORDS
    ]


def recordings(folder: Path, language: str = "en") -> dict[str, Path]:
    """The files of all recordings in a language that are not reserved, by their names. Blocks.

    Raises:
        SpeakersError: the packages can't be downloaded.
    """
    files = _unpacked_sounds(folder, language).rglob("*.g722")
    return {file.stem: file for file in files if file.stem[0] <= LAST_LETTER}


def unpacked(packages: tuple[str, ...], folder: Path) -> Path:
    """A folder with the files of these Debian packages, which are downloaded if needed. Blocks.

    Raises:
        SpeakersError: they can't be downloaded.
    """
    root = folder / packages[-1]
    if root.exists():
        return root
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        downloads, files = Path(temporary) / "packages", Path(temporary) / "files"
        downloads.mkdir()
        _run(downloads, "apt-get", "download", *packages)
        for package in downloads.glob("*.deb"):
            _run(downloads, "dpkg-deb", "--extract", str(package), str(files))
        files.replace(root)
    return root


def read_sentence(recording: RecordedSentence) -> Sound:
    """Decode a recording to 48,000 Hz mono, without silence around it, at the level of the guests' speech."""
    sound = np.concatenate(list(decoded(recording.file, RATE, demuxer="g722")))
    return at_level(soxr.resample(trimmed(sound), RATE, SAMPLE_RATE), SPEECH_LEVEL)


def _unpacked_sounds(folder: Path, language: str) -> Path:
    package = f"asterisk-core-sounds-{language}"
    return unpacked((package, f"{package}-g722"), folder)


def _texts(listed: str) -> Iterator[tuple[str, str]]:
    for line in listed.splitlines():
        match = _SAID.fullmatch(line.strip())
        if match and match[2][0].isupper():
            yield match[1], match[2]


def _run(folder: Path, *command: str) -> None:
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)  # noqa: S603
    except OSError as error:
        raise SpeakersError(f"{command[0]} can't be started: {error.strerror}") from error
    if done.returncode:
        raise SpeakersError(f"{' '.join(command[:2])} failed: {done.stderr.strip().rpartition(chr(10))[2]}")
