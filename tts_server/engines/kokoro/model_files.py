"""Kokoro's weights on the disk: one network for all speakers, and a small file for each speaker."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from config.place import bot_command
from tts_server.engines.base import BrokenVoiceError, EngineError

SPEAKERS_FOLDER = "voices"
"""Name of the folder beside the network that holds the speakers, each a file ``NAME.bin``."""
STYLES, STYLE_SIZE = 510, 256
"""A speaker has one vector of :data:`STYLE_SIZE` numbers for each length of text, in phonemes."""
LANGUAGES: Mapping[str, str] = MappingProxyType(
    {"a": "en-us", "b": "en-gb", "e": "es", "f": "fr", "h": "hi", "i": "it", "p": "pt-br"}
)
"""BCP 47 tags of the speakers' languages, by the first letter of their names."""
UNREADABLE: Mapping[str, str] = MappingProxyType({"j": "ja", "z": "zh"})
"""Languages that Kokoro's speakers speak but whose writing this engine can't turn into phonemes."""

_log = logging.getLogger(__name__)


def how_to_download() -> str:
    """How to get the weights, as the end of a sentence."""
    return f"type {bot_command('models download kokoro')}"


def how_to_repair() -> str:
    """How to replace damaged weights, as the end of a sentence."""
    return f"type {bot_command('models repair kokoro')}"


@dataclass(frozen=True, slots=True)
class SpeakerFile:
    """One of Kokoro's speakers.

    Attributes:
        name: such as ``af_heart``: the language's letter, ``f`` or ``m`` for female or male, and a first name.
        file: the file with the style vectors.
        language: a BCP 47 tag.
    """

    name: str
    file: Path
    language: str

    @property
    def first_name(self) -> str:
        """The name without language and gender: ``heart``."""
        return self.name.partition("_")[2]

    @property
    def gender(self) -> str:
        """``f`` or ``m``."""
        return self.name[1]

    def styles(self) -> NDArray[np.float32]:
        """Read the style vectors: float32, :data:`STYLES` × :data:`STYLE_SIZE`.

        Raises:
            BrokenVoiceError: the file is missing or damaged; the message says which and what to do.
        """
        try:
            data = self.file.read_bytes()
        except OSError as error:
            why = error.strerror or error
            raise BrokenVoiceError(f"{self.file} can't be read ({why}): {how_to_repair()}") from error
        if len(data) != STYLES * STYLE_SIZE * 4:
            raise BrokenVoiceError(f"{self.file} is damaged or is not a Kokoro speaker: {how_to_repair()}")
        styles = np.frombuffer(data, "<f4").reshape(STYLES, STYLE_SIZE)
        if not np.isfinite(styles).all():
            raise BrokenVoiceError(f"{self.file} is damaged: {how_to_repair()}")
        return styles


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """Kokoro's files in a folder.

    Attributes:
        network: the ONNX file.
        speakers: the speakers whose languages this engine can read, sorted by name; at least one.
    """

    network: Path
    speakers: tuple[SpeakerFile, ...]


def find_files(folder: Path) -> ModelFiles:
    """Find the network and the speakers in ``folder``, without reading them. Blocks on the disk.

    Raises:
        EngineError: the folder, the network or the speakers are missing; the message says what, and how to get it.
    """
    networks = sorted(folder.glob("*.onnx"))
    if not networks:
        raise EngineError(f"there is no network of Kokoro's (NAME.onnx) in the folder {folder}: {how_to_download()}")
    place = folder / SPEAKERS_FOLDER
    files = sorted(place.glob("*.bin"))
    speakers = [speaker for file in files if (speaker := _speaker(file)) is not None]
    if not speakers:
        raise EngineError(f"there is no speaker of Kokoro's that can be used in {place}: {how_to_download()}")
    return ModelFiles(networks[0], tuple(speakers))


def _speaker(file: Path) -> SpeakerFile | None:
    name = file.stem
    if name[:1] in LANGUAGES and name[1:2] in ("f", "m") and name[2:3] == "_" and name[3:]:
        return SpeakerFile(name, file, LANGUAGES[name[0]])
    if name[:1] not in UNREADABLE:
        _log.warning("%s is left out: the names of Kokoro's speakers are like af_heart", file)
    return None
