"""Speech parameters of a reply and their bounds. Beyond these bounds, XTTS stammers or does not stop."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import partial
from typing import Any, Self

from wire.fields import Fields

# Metadata of a dataclass field: how it is read from a message, and its bounds.
_NAME: Mapping[str, Any] = {"read": Fields.name}
_FLAG: Mapping[str, Any] = {"read": Fields.flag}


def _number(low: float, high: float) -> Mapping[str, Any]:
    return {"read": partial(Fields.number, low=low, high=high), "bounds": (low, high)}


def _whole(low: float, high: float) -> Mapping[str, Any]:
    return {"read": partial(Fields.whole, low=low, high=high), "bounds": (low, high)}


@dataclass(frozen=True, slots=True)
class SpeechParameters:
    """The speech parameters of a reply, read from its first message. ``None`` leaves the choice to the engine.

    Attributes:
        language: BCP 47 tag of the language to speak in.
        conversation_language: language that is assumed until the words of the reply show another language.
        pitch_shift: in semitones.
        speed: factor; 1 is the normal speed of the voice.
        gpt_cond_len: XTTS learns a voice from this many seconds of its recordings.
        gpt_cond_chunk_len: length of the pieces that these recordings are divided into, in seconds.
    """

    voice: str | None = field(default=None, metadata=_NAME)
    preset: str | None = field(default=None, metadata=_NAME)
    language: str | None = field(default=None, metadata=_NAME)
    pitch_shift: float = field(default=0.0, metadata=_number(-12, 12))
    speed: float | None = field(default=None, metadata=_number(0.5, 2.0))
    temperature: float | None = field(default=None, metadata=_number(0.1, 1.0))
    repetition_penalty: float | None = field(default=None, metadata=_number(1.0, 10.0))
    top_k: int | None = field(default=None, metadata=_whole(1, 100))
    top_p: float | None = field(default=None, metadata=_number(0.1, 1.0))
    gpt_cond_len: int | None = field(default=None, metadata=_whole(6, 30))
    gpt_cond_chunk_len: int | None = field(default=None, metadata=_whole(3, 6))
    preprocess_text: bool = field(default=True, metadata=_FLAG)
    conversation_language: str | None = field(default=None, metadata=_NAME)

    @classmethod
    def read(cls, message: Fields) -> Self:
        """Read the parameters from a message's fields.

        Raises:
            WireError: a parameter is not valid.
        """
        given = {each.name: each.metadata["read"](message, each.name) for each in _FIELDS if each.name in message}
        return cls(**{name: value for name, value in given.items() if value is not None})

    def write(self) -> dict[str, Any]:
        """The parameters that differ from their defaults."""
        return {each.name: value for each in _FIELDS if (value := getattr(self, each.name)) != each.default}


# The fields are looked up only once, because the parameters are written with each token.
_FIELDS = fields(SpeechParameters)
NUMBERS: dict[str, tuple[float, float]] = {
    each.name: each.metadata["bounds"] for each in _FIELDS if "bounds" in each.metadata
}
"""Lowest and highest value of each parameter that is a number."""
OPENAI_VOICES = frozenset(
    ("alloy", "ash", "ballad", "cedar", "coral", "echo", "fable", "marin", "nova", "onyx", "sage", "shimmer", "verse")
)
"""The names of OpenAI's own voices, which its clients send. Here they mean the usual voice."""
