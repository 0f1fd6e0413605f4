"""Voices of the speech server, and recordings for cloning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Text = Annotated[str, Field(min_length=1, max_length=200)]


class ServerVoice(BaseModel):
    """A voice of the speech server.

    ``made_here`` is True for a cloned voice. ``similarity`` (-1 to 1) compares a cloned voice with its recordings.
    ``seconds`` is the total length of its recordings.
    """

    model_config = ConfigDict(frozen=True)

    id: Text
    name: Text
    language: str = Field(max_length=35)
    made_here: bool
    engine: str = Field("", max_length=200)
    similarity: float | None = Field(None, ge=-1.01, le=1.01)
    seconds: float | None = Field(None, ge=0)
    recordings: int = Field(0, ge=0)


class VoiceCatalogue(BaseModel):
    """All voices, whether more can be cloned, and the engine's name for people."""

    model_config = ConfigDict(frozen=True)

    voices: tuple[ServerVoice, ...]
    can_clone: bool
    engine: str = Field(max_length=200)


@dataclass(frozen=True, slots=True)
class RecordingUpload:
    """A sound file from which a voice is to be cloned."""

    filename: str
    data: bytes
