"""Piper's voices on the disk. Each is a network, ``NAME.onnx``, with a description, ``NAME.onnx.json``."""

from __future__ import annotations

import json
import logging
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, StringConstraints, ValidationError, model_validator

from tts_server.engines.base import EngineError

DEEPEST = 5
"""Deepest level of subfolders that is searched. Piper's own repository has its voices on the fourth level."""
MAX_FOLDERS = 2_000
"""After this many folders, the search does not go into further subfolders."""
MAX_DESCRIPTION = 4_000_000
"""Largest description that is read, in bytes. Descriptions with a thousand speakers have about 30,000."""

_TAG = re.compile(r"([a-z]{2,3})(?:[_-]([A-Za-z]{2,4}|[0-9]{3}))?(?=$|[-_])")
_log = logging.getLogger(__name__)

_Count = Annotated[int, Field(ge=1, le=100_000)]
_Scale = Annotated[float, Field(ge=0, le=10)]
_Word = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class _Part(BaseModel):
    """A part of a voice's description. Fields that only Piper needs are not checked."""


class _Audio(_Part):
    sample_rate: Annotated[int, Field(ge=8_000, le=48_000)]


class _Espeak(_Part):
    voice: Annotated[str, StringConstraints(pattern=r"^[A-Za-z][\w.+-]{0,60}$")]


class _Inference(_Part):
    noise_scale: _Scale = 0.667
    length_scale: Annotated[float, Field(ge=0.1, le=10)] = 1.0
    noise_w: _Scale = 0.8


class _Language(_Part):
    code: str = ""


class Description(_Part):
    """The fields of a voice's JSON file that the server uses, checked."""

    audio: _Audio
    espeak: _Espeak
    inference: _Inference = _Inference()
    language: _Language = _Language()
    dataset: str = ""
    phoneme_type: Literal["espeak", "text", "pinyin", "hebrew", "japanese", "thai"] = "espeak"
    phoneme_id_map: Annotated[dict[str, list[Annotated[int, Field(ge=0)]]], Field(min_length=3)]
    num_symbols: _Count
    num_speakers: _Count
    speaker_id_map: dict[_Word, Annotated[int, Field(ge=0)]] = {}
    default_speaker_id: Annotated[int, Field(ge=0)] = 0

    @model_validator(mode="after")
    def _ids_are_within_bounds(self) -> Description:
        if any(number >= self.num_symbols for numbers in self.phoneme_id_map.values() for number in numbers):
            raise ValueError("phoneme_id_map: a number is beyond num_symbols")
        if max([self.default_speaker_id, *self.speaker_id_map.values()]) >= self.num_speakers:
            raise ValueError("speaker_id_map: a number is beyond num_speakers")
        return self


@dataclass(frozen=True, slots=True)
class VoiceFile:
    """One of Piper's voices.

    Attributes:
        name: the file's name without ``.onnx``, such as ``en_US-joe-medium``.
        model: the file with the network.
        language: a BCP 47 tag.
        description: the checked part of its description.
        raw: the whole description, for Piper itself.
    """

    name: str
    model: Path
    language: str
    description: Description
    raw: dict[str, Any]


def find_voices(path: Path) -> list[VoiceFile]:
    """Find the voice in a file, or all voices in a folder and its subfolders, sorted by name. It reads files.

    Unusable voices in a folder are left out with a warning in the log.

    Raises:
        EngineError: there is no usable voice; the message is one sentence that names the file.
    """
    if path.is_file():
        return [read_voice(path)]
    if not path.is_dir():
        raise EngineError(f"there is no voice at {path}: it must be a file NAME.onnx, or a folder that contains one")
    found: dict[str, VoiceFile] = {}
    fault: EngineError | None = None
    for file in sorted(_networks(path)):
        try:
            found.setdefault(file.stem, read_voice(file))
        except EngineError as error:
            fault = fault or error
            _log.warning("A voice of Piper's is left out: %s", error)
    if not found:
        raise fault or EngineError(f"there is no voice in the folder {path}: it holds no file NAME.onnx")
    return [found[name] for name in sorted(found)]


def read_voice(model: Path, description: Path | None = None) -> VoiceFile:
    """Read a voice's description, without loading the network.

    Args:
        model: the file with the network.
        description: the file with the description; ``None`` for the one beside the network.

    Raises:
        EngineError: the description is missing, or is not one of Piper's.
    """
    if model.suffix != ".onnx":
        raise EngineError(f"{model} is not a Piper voice: its name does not end in .onnx")
    description = description or model.with_name(f"{model.name}.json")
    try:
        with description.open("rb") as file:
            data = file.read(MAX_DESCRIPTION + 1)
    except FileNotFoundError:
        raise EngineError(f"{description} is not there; the voice {model.name} can't speak without it") from None
    except OSError as error:
        raise EngineError(f"{description} can't be read: {error.strerror or error}") from error
    try:
        raw = json.loads(data)
        checked = Description.model_validate(raw)
    except (ValueError, RecursionError) as error:
        raise EngineError(f"{description} does not describe a voice of Piper's ({_reason(error)})") from error
    return VoiceFile(model.stem, model, _language(model.stem, checked), checked, raw)


def _reason(error: ValueError | RecursionError) -> str:
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(step) for step in first["loc"])
        return ": ".join(filter(None, [place, first["msg"].removeprefix("Value error, ")]))
    return "it is not JSON"


def _language(name: str, description: Description) -> str:
    """Return the language from the description, or else from the voice's name, or else from espeak-ng's voice."""
    for source in (description.language.code, name, description.espeak.voice):
        if tag := _TAG.match(source):
            main, region = tag.groups()
            return f"{main}-{region.lower()}" if region else main
    return ""


def _networks(folder: Path) -> Iterator[Path]:
    for number, (place, folders, files) in enumerate(os.walk(folder)):
        folders.sort()
        if number > MAX_FOLDERS or len(Path(place).relative_to(folder).parts) >= DEEPEST:
            folders.clear()
        yield from (Path(place, name) for name in files if name.endswith(".onnx"))
