"""Voices of the speech server, and recordings for cloning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Text = Annotated[str, Field(min_length=1, max_length=200)]


class ServerVoice(BaseModel):
    """A voice of the speech server.

    ``made_here`` is True for a cloned voice. ``speaks`` is False if the current engine can't speak with it, because the
    engine can't clone. ``similarity`` (-1 to 1) compares a cloned voice with its recordings. ``seconds`` is the total
    length of its recordings.
    """

    model_config = ConfigDict(frozen=True)

    id: Text
    name: Text
    language: str = Field(max_length=35)
    made_here: bool
    speaks: bool = True
    engine: str = Field("", max_length=200)
    similarity: float | None = Field(None, ge=-1.01, le=1.01)
    seconds: float | None = Field(None, ge=0)
    recordings: int = Field(0, ge=0)


class ServerPreset(BaseModel):
    """A preset of the speech server: a name for some speech parameters."""

    model_config = ConfigDict(frozen=True)

    name: Text
    description: str = Field("", max_length=1_000)
    parameters: dict[str, float] = {}


class VoiceCatalogue(BaseModel):
    """All voices, and the parameters and presets that can be chosen. Older servers name neither.

    Attributes:
        can_clone: whether more voices can be cloned.
        engine: the engine's name for people.
        usual: id of the voice that speaks if none is named.
        parameters: names of the numeric parameters that the engine applies.
        preset: name of the preset that applies if none is named.
    """

    model_config = ConfigDict(frozen=True)

    voices: tuple[ServerVoice, ...]
    can_clone: bool
    engine: str = Field(max_length=200)
    usual: str | None = Field(default=None, max_length=200)
    parameters: tuple[str, ...] = ("pitch_shift", "speed")
    presets: tuple[ServerPreset, ...] = ()
    preset: str | None = Field(default=None, max_length=200)


@dataclass(frozen=True, slots=True)
class RecordingUpload:
    """A sound file from which a voice is to be cloned."""

    filename: str
    data: bytes
