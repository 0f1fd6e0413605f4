"""How a persona speaks in the mood that it is in: ``config/moods.yaml``, what the persona says itself, and a voice."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field, RootModel, ValidationError

from bot.llm.personas import Line, Persona, PresetName
from tts_server.wire import NUMBERS, SpeechParameters

MOODS_FILE = Path(__file__).parents[3] / "config" / "moods.yaml"
_SLOWEST, _FASTEST = NUMBERS["speed"]
_DEEPEST, _HIGHEST = NUMBERS["pitch_shift"]


class MoodsError(ValueError):
    """The moods can't be used; the text names the file and the fault."""


class MoodManner(BaseModel):
    """What a mood does to a voice; ``None`` leaves it as it is. ``pitch_shift`` is in semitones."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    preset: PresetName | None = None
    speed: Annotated[float | None, Field(ge=_SLOWEST, le=_FASTEST)] = None
    pitch_shift: Annotated[float, Field(ge=_DEEPEST, le=_HIGHEST)] = 0.0


class _File(RootModel[dict[Line, MoodManner]]):
    """Manners, by the name of the mood."""


def load_moods(path: Path = MOODS_FILE) -> Mapping[str, MoodManner]:
    """Read the file.

    Raises:
        MoodsError: it can't be read, or is malformed.
    """
    try:
        return _File.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")) or {}).root
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise MoodsError(f"{path} can't be read: {' '.join(str(error).split())}") from error
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        raise MoodsError(f"{path}: {'.'.join(map(str, fault['loc']))}: {fault['msg']}") from error


def speech_parameters(
    persona: Persona, mood: str, moods: Mapping[str, MoodManner], chosen_voice: str | None
) -> SpeechParameters:
    """How this persona's next reply is to be spoken. The voice that people chose, and the preset that it names, win."""
    manner = moods.get(mood, MoodManner())
    return SpeechParameters(
        voice=chosen_voice or persona.voice,
        preset=persona.preset or manner.preset,
        speed=manner.speed,
        pitch_shift=manner.pitch_shift,
    )
