"""The parameters of a reply, with the bounds of each; beyond them XTTS stammers or never ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import partial
from typing import Any, Self

from wire.fields import Fields

# What a parameter's field says of itself: how it is read from a message, and the lowest and the highest value.
_NAME: Mapping[str, Any] = {"read": Fields.name}
_FLAG: Mapping[str, Any] = {"read": Fields.flag}


def _number(low: float, high: float) -> Mapping[str, Any]:
    return {"read": partial(Fields.number, low=low, high=high), "bounds": (low, high)}


def _whole(low: float, high: float) -> Mapping[str, Any]:
    return {"read": partial(Fields.whole, low=low, high=high), "bounds": (low, high)}


@dataclass(frozen=True, slots=True)
class SpeechParameters:
    """How a reply is to be spoken; read from its first message, and ``None`` means the engine's own choice.

    ``language`` is the one to speak in; ``conversation_language`` only what the reply is most likely in, as long as its
    words tell of no other. ``pitch_shift`` is in semitones, ``speed`` a factor, ``gpt_cond_len`` and
    ``gpt_cond_chunk_len`` are the seconds of recording, and of each piece of it, that a voice is learnt from.
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
        """Read them from a message's fields; raises :class:`~wire.fields.WireError`."""
        given = {each.name: each.metadata["read"](message, each.name) for each in fields(cls) if each.name in message}
        return cls(**{name: value for name, value in given.items() if value is not None})

    def write(self) -> dict[str, Any]:
        """The fields that are not at their default."""
        return {each.name: value for each in fields(self) if (value := getattr(self, each.name)) != each.default}


NUMBERS: dict[str, tuple[float, float]] = {
    each.name: each.metadata["bounds"] for each in fields(SpeechParameters) if "bounds" in each.metadata
}
"""Each number's lowest and highest value."""
