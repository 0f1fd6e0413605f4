"""The voices of the speech server, as it lists them, and the recordings that it learns them from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Text = Annotated[str, Field(min_length=1, max_length=200)]


class ServerVoice(BaseModel):
    """A voice of the speech server's. ``similarity`` (-1 to 1) is that of a made one to its recordings."""

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
    """Every voice, and whether more can be made. ``engine`` is what people call what speaks."""

    model_config = ConfigDict(frozen=True)

    voices: tuple[ServerVoice, ...]
    can_clone: bool
    engine: str = Field(max_length=200)


@dataclass(frozen=True, slots=True)
class RecordingUpload:
    """A sound file that a voice is to be learnt from."""

    filename: str
    data: bytes
