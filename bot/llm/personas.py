"""Who the bot is: a persona read from a YAML file, checked before anyone hears it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from config.errors import message_of
from config.reasons import UNREADABLE, BrokenFileError, reason
from config.yaml_files import read_yaml
from wire.parameters import NUMBERS

PERSONAS_DIR = Path(__file__).parents[2] / "config" / "personas"

ShortText = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]
PresetName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,31}$")]
"""A preset of the speech server's."""
Speed = Annotated[float, Field(ge=NUMBERS["speed"][0], le=NUMBERS["speed"][1])]
"""How fast a voice speaks; 1 is as usual."""
PitchShift = Annotated[float, Field(ge=NUMBERS["pitch_shift"][0], le=NUMBERS["pitch_shift"][1])]
"""In semitones."""
VoiceName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
LongText = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=8000)]


class PersonaError(BrokenFileError):
    """A persona can't be used; the text names the file and the fault."""


class Persona(BaseModel):
    """A character: what it is called, who it is, how it feels and how it talks.

    ``also_called`` are names that it answers to as well: nicknames, and what its name is mistaken for. ``in_short`` is
    its character in a few words: a small model is told these in place of the description. ``moods`` maps a
    mood's name to the line that describes it to the model. ``style`` adds to the rules for spoken answers. ``model``
    asks the server for another model than the configured one. ``voice`` and ``preset`` are the speech server's names of
    how it sounds, where nobody has chosen another voice and whatever its mood is. ``speed`` and ``pitch_shift`` are how
    it speaks in any mood; what a mood adds comes on top.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=32, pattern=r"^[^\n:*]+$")]
    also_called: tuple[ShortText, ...] = ()
    description: LongText
    in_short: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)] | None = None
    style: LongText | None = None
    moods: dict[ShortText, ShortText]
    default_mood: str
    model: ShortText | None = None
    voice: VoiceName | None = None
    preset: PresetName | None = None
    speed: Speed | None = None
    pitch_shift: PitchShift = 0.0

    @model_validator(mode="after")
    def _default_mood_is_known(self) -> Self:
        if self.default_mood not in self.moods:
            raise ValueError(f"default_mood is {self.default_mood!r}, but the moods are: {', '.join(self.moods)}")
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """What people may call it, its own name first."""
        return (self.name, *self.also_called)

    @property
    def confused_line(self) -> str:
        """What is said when the model gives no reply."""
        return f"*{self.name} seems confused...*"


@dataclass(frozen=True, slots=True)
class Character:
    """A persona in a mood; ``file`` is the persona's file name without ``.yaml``."""

    file: str
    persona: Persona
    mood: str


def load_persona(name: str, folder: Path = PERSONAS_DIR) -> Persona:
    """Read ``folder``/``name``.yaml.

    Raises:
        PersonaError: there is no such file, or it is malformed.
    """
    path = folder / f"{name}.yaml"
    try:
        fields = read_yaml(path)
    except FileNotFoundError as error:
        known = ", ".join(map(_with_its_name, sorted(folder.glob("*.yaml")))) or "none at all"
        raise PersonaError(f"there is no persona {name!r} in {folder}; there are: {known}") from error
    except UNREADABLE as error:
        raise PersonaError(f"{path} can't be read: {reason(error)}") from error
    try:
        return Persona.model_validate(fields)
    except ValidationError as error:
        faults = "; ".join(_fault(detail["loc"], message_of(detail)) for detail in error.errors(include_url=False))
        raise PersonaError(f"{path} is not a persona: {faults}") from error


def _with_its_name(path: Path) -> str:
    """What to set, and who that is where that is something else."""
    try:
        name = load_persona(path.stem, path.parent).name
    except PersonaError:
        return path.stem
    return path.stem if name.casefold() == path.stem.casefold() else f"{path.stem} ({name})"


def _fault(place: tuple[int | str, ...], message: str) -> str:
    where = ".".join(map(str, place))
    return f"{where}: {message}" if where else message
