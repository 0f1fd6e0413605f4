"""Files with the sound of sentences that were spoken by a paid voice, so that each sentence is paid for once."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable
from pathlib import Path

from audio.pcm import from_pcm16, to_pcm16
from audio.samples import Samples

_log = logging.getLogger(__name__)

KEPT_SECONDS = 30 * 86_400.0
"""Seconds for which a file is used. A voice in the cloud may change without the bot's knowledge."""
MAX_FILES = 100
MAX_BYTES = 5_000_000
"""Largest size of a file: 52 s of sound."""


class KeptSentences:
    """A folder with a file for each sentence: 16-bit PCM, mono, 48,000 Hz. All methods read or write files.

    The folder may be deleted at any time.

    Args:
        folder: the folder. It is made when the first sentence is kept.
        voice: what the sound depends on besides the text and the manner: the server, the engine and its settings.
        clock: returns seconds since 1970.
    """

    def __init__(self, folder: Path, voice: str, clock: Callable[[], float] = time.time) -> None:
        self._folder = folder
        self._voice = voice
        self._clock = clock

    def read(self, text: str, manner: str) -> Samples | None:
        """The sound of a text that was spoken in this manner; ``None`` if there is none that may still be used."""
        path = self._path(text, manner)
        try:
            if not self._is_usable(path):
                return None
            return from_pcm16(path.read_bytes())
        except OSError as error:
            _log.warning("A sentence for the telephone can't be read: %s", error)
            return None

    def write(self, text: str, manner: str, sound: Samples) -> None:
        """Keep a sound. Files that are too old or too many are deleted. Never raises."""
        path = self._path(text, manner)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            unfinished = path.with_suffix(".new")
            unfinished.write_bytes(to_pcm16(sound))
            unfinished.replace(path)
            newest_first = sorted(self._folder.glob("*.pcm"), key=lambda each: each.stat().st_mtime, reverse=True)
            for number, each in enumerate(newest_first):
                if number >= MAX_FILES or not self._is_usable(each):
                    each.unlink()
        except OSError as error:
            _log.warning("A sentence for the telephone can't be kept, so it is made again after a restart: %s", error)

    def _is_usable(self, path: Path) -> bool:
        if not path.is_file():
            return False
        found = path.stat()
        whole = 0 < found.st_size <= MAX_BYTES and found.st_size % 2 == 0
        return whole and self._clock() - found.st_mtime < KEPT_SECONDS

    def _path(self, text: str, manner: str) -> Path:
        name = hashlib.sha256("\n".join((self._voice, manner, text)).encode()).hexdigest()
        return self._folder / f"{name}.pcm"
