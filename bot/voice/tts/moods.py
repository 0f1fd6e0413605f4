"""Speech parameters of a persona in a mood, from ``config/moods.yaml``, the persona's file and the chosen voice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import prod
from pathlib import Path

from pydantic import BaseModel, ConfigDict, RootModel, ValidationError

from bot.llm.personas import Character, PitchShift, PresetName, ShortText, Speed
from config.errors import message_of
from config.reasons import UNREADABLE, BrokenFileError, reason
from config.yaml_files import read_yaml
from wire.parameters import NUMBERS, SpeechParameters

MOODS_FILE = Path(__file__).parents[3] / "config" / "moods.yaml"
_SLOWEST, _FASTEST = NUMBERS["speed"]
_DEEPEST, _HIGHEST = NUMBERS["pitch_shift"]


class MoodsError(BrokenFileError):
    """The file of moods can't be used; the message names the file and the fault."""


class MoodManner(BaseModel):
    """The manner of speaking in one mood. Parameters that are ``None`` keep their usual value.

    Attributes:
        preset: name of a preset of the speech server.
        speed: factor of the speed; 1 is the usual speed.
        pitch_shift: shift of the pitch, in semitones.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    preset: PresetName | None = None
    speed: Speed | None = None
    pitch_shift: PitchShift = 0.0


class _File(RootModel[dict[ShortText, MoodManner]]):
    """Manners of speaking, by the name of the mood."""


def load_moods(path: Path = MOODS_FILE) -> Mapping[str, MoodManner]:
    """Read the file of moods. Blocks: it reads a file.

    Raises:
        MoodsError: the file can't be read, or is malformed.
    """
    try:
        return _File.model_validate(read_yaml(path) or {}).root
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        raise MoodsError(f"{path}: {'.'.join(map(str, fault['loc']))}: {message_of(fault)}") from error
    except UNREADABLE as error:
        raise MoodsError(f"{path} can't be read: {reason(error)}") from error


def speech_parameters(
    character: Character, moods: Mapping[str, MoodManner], chosen: SpeechParameters
) -> SpeechParameters:
    """The speech parameters of a character's next reply.

    A chosen voice replaces the persona's voice. A chosen preset replaces the persona's preset, which replaces the
    mood's. The three speeds are multiplied, the pitch shifts are added, and both are limited to what the speech server
    accepts. The other parameters are the chosen ones.
    """
    persona, manner = character.persona, moods.get(character.mood, MoodManner())
    speeds = [speed for speed in (chosen.speed, persona.speed, manner.speed) if speed is not None]
    pitch_shift = chosen.pitch_shift + persona.pitch_shift + manner.pitch_shift
    return replace(
        chosen,
        voice=chosen.voice or persona.voice,
        preset=chosen.preset or persona.preset or manner.preset,
        speed=min(max(prod(speeds), _SLOWEST), _FASTEST) if speeds else None,
        pitch_shift=min(max(pitch_shift, _DEEPEST), _HIGHEST),
    )
