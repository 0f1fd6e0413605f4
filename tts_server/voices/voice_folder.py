"""A voice on the disk: a folder named by its id, with ``voice.json`` and the recordings."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field, ValidationError

from config.errors import message_of
from config.reasons import reason
from tts_server.voices.names import clean_language, clean_name
from tts_server.voices.profile import VoiceProfile

MAX_RECORDINGS = 8
"""Largest number of recordings of one voice."""
_DESCRIPTION = "voice.json"
_MAX_DESCRIPTION_BYTES = 64 * 1024
_MAX_RECORDING_BYTES = 25 * 1024 * 1024


class BrokenVoiceFolderError(ValueError):
    """The folder has no usable voice; the message says why."""


@dataclass(frozen=True, slots=True)
class VoiceRecord:
    """A voice with its stored details.

    Attributes:
        seconds: duration of each recording.
        made_at: seconds since 1970.
        similarity: cosine similarity of the cloned voice to the recordings (-1 to 1); ``None`` until the engine has
            learned the voice from these recordings.
    """

    profile: VoiceProfile
    seconds: tuple[float, ...]
    made_at: float
    similarity: float | None = None


class _Recording(BaseModel):
    file: str = Field(pattern=r"^\d{1,4}\.flac$")
    seconds: float = Field(ge=0, le=60)


class _Description(BaseModel):
    name: Annotated[str, AfterValidator(clean_name)]
    language: Annotated[str, AfterValidator(clean_language)]
    made_at: float
    similarity: float | None = Field(None, ge=-1, le=1)
    recordings: list[_Recording] = Field(min_length=1, max_length=MAX_RECORDINGS)


def read_voice(folder: Path) -> VoiceRecord:
    """Read the voice in a folder. Blocks.

    Raises:
        BrokenVoiceFolderError: the folder is not a voice, or its files are damaged.
    """
    try:
        raw = _plain_file(folder / _DESCRIPTION, _MAX_DESCRIPTION_BYTES).read_bytes()
        description = _Description.model_validate_json(raw)
        recordings = [_plain_file(folder / found.file, _MAX_RECORDING_BYTES) for found in description.recordings]
        digest = _digest(recordings)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BrokenVoiceFolderError(f"{_DESCRIPTION}: {where + ': ' if where else ''}{message_of(first)}") from None
    except OSError as error:
        raise BrokenVoiceFolderError(f"it can't be read: {reason(error)}") from error
    profile = VoiceProfile(folder.name, description.name, description.language, tuple(recordings), digest)
    seconds = tuple(found.seconds for found in description.recordings)
    return VoiceRecord(profile, seconds, description.made_at, description.similarity)


def write_voice(folder: Path, record: VoiceRecord) -> None:
    """Write ``voice.json`` for recordings already in ``folder``. The old file stays until the new one is complete."""
    profile = record.profile
    description = _Description(
        name=profile.name,
        language=profile.language,
        made_at=record.made_at,
        similarity=record.similarity,
        recordings=[
            _Recording(file=path.name, seconds=seconds)
            for path, seconds in zip(profile.recordings, record.seconds, strict=True)
        ],
    )
    new = folder / f"{_DESCRIPTION}.new"
    new.write_text(description.model_dump_json(indent=2) + "\n", encoding="utf-8")
    for path in (new, *profile.recordings):
        _make_durable(folder / path.name)
    new.replace(folder / _DESCRIPTION)


def recording_name(number: int) -> str:
    """File name of a voice's recording."""
    return f"{number}.flac"


def next_number(recordings: Sequence[Path]) -> int:
    """Number for the next recording, higher than all in use."""
    return 1 + max((int(path.stem) for path in recordings), default=0)


def _plain_file(path: Path, limit: int) -> Path:
    """Return the path if it is a regular file of at most ``limit`` bytes, and not a link."""
    if path.is_symlink() or not path.is_file():
        raise BrokenVoiceFolderError(f"there is no file {path.name}")
    if path.stat().st_size > limit:
        raise BrokenVoiceFolderError(f"{path.name} is too large")
    return path


def _digest(recordings: Sequence[Path]) -> str:
    whole = hashlib.sha256()
    for path in recordings:
        with path.open("rb") as file:
            whole.update(hashlib.file_digest(file, "sha256").digest())
    return whole.hexdigest()


def _make_durable(path: Path) -> None:
    """Flush a file to the disk before another file refers to it, in case of a power cut."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())
