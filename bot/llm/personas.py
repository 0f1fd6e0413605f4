"""Personas: the bot's characters, read from YAML files and checked at the start."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from bot.llm.spoken_lines import Lines, WaitingLines
from config.errors import message_of
from config.reasons import UNREADABLE, BrokenFileError, reason
from config.yaml_files import read_yaml
from wire.parameters import NUMBERS

PERSONAS_DIR = Path(__file__).parents[2] / "config" / "personas"

ShortText = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]
PresetName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,31}$")]
"""Name of one of the speech server's presets."""
Speed = Annotated[float, Field(ge=NUMBERS["speed"][0], le=NUMBERS["speed"][1])]
"""Speaking speed as a factor; 1 is the voice's usual speed."""
PitchShift = Annotated[float, Field(ge=NUMBERS["pitch_shift"][0], le=NUMBERS["pitch_shift"][1])]
"""Change of the voice's pitch in semitones."""
VoiceName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
LongText = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=8000)]


class PersonaError(BrokenFileError):
    """A persona can't be used. The message names the file and the mistake in it."""


class Persona(BaseModel):
    """A character that the bot plays: its names, description, moods and way of speaking.

    Attributes:
        also_called: further names that the persona answers to: nicknames, and words that speech recognition confuses
            with its name.
        in_short: the character in a few words. Small models get this instead of the description.
        style: further rules for its answers.
        moods: the description of each mood for the model, by the mood's name.
        model: the model that answers for this persona; ``None`` for the configured one.
        voice: the name of its voice on the speech server. It applies in every mood, unless people chose another voice.
        preset: the name of its preset on the speech server. It applies like ``voice``.
        speed: speaking speed, as a factor. The mood's own change comes on top.
        pitch_shift: change of pitch, in semitones. The mood's own change comes on top.
        waiting: what it says while a tool takes long. In a language for which it has no lines, it says the usual ones.
        greetings: what it says to people who join a call, by language; ``{name}`` stands for the person's name.
        ambience: the title of a piece of music that plays quietly beneath its calls; ``None`` for none.
        memory: whether it remembers facts about people from earlier conversations. If not, no facts are kept from what
            is said to it.
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
    waiting: WaitingLines = WaitingLines()
    greetings: Lines = {}
    ambience: ShortText | None = None
    memory: bool = True

    @model_validator(mode="after")
    def _default_mood_is_known(self) -> Self:
        if self.default_mood not in self.moods:
            raise ValueError(f"default_mood is {self.default_mood!r}, but the moods are: {', '.join(self.moods)}")
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """All names that the persona answers to. Its own name comes first."""
        return (self.name, *self.also_called)

    @property
    def confused_line(self) -> str:
        """The line that people get if the model gives no reply."""
        return f"*{self.name} seems confused...*"


@dataclass(frozen=True, slots=True)
class Character:
    """A persona in a mood.

    Attributes:
        file: the persona's file name without ``.yaml``.
        instructions: how the bot should answer, in the words of a program that talks with it; empty if people talk with
            it.
        names_moods: whether the model may name a mood at the head of an answer. The persona then changes to that mood.
    """

    file: str
    persona: Persona
    mood: str
    instructions: str = ""
    names_moods: bool = False


def load_persona(name: str, folder: Path = PERSONAS_DIR) -> Persona:
    """Read ``folder``/``name``.yaml.

    Raises:
        PersonaError: the file does not exist, can't be read, or is not a valid persona.
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
    """The file name without ``.yaml``. If the persona's name differs from it, the name follows in parentheses."""
    try:
        name = load_persona(path.stem, path.parent).name
    except PersonaError:
        return path.stem
    return path.stem if name.casefold() == path.stem.casefold() else f"{path.stem} ({name})"


def _fault(place: tuple[int | str, ...], message: str) -> str:
    where = ".".join(map(str, place))
    return f"{where}: {message}" if where else message
