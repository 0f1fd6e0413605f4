"""Presets: named sets of speech parameters, from ``config/presets.yaml`` or the operator's file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, RootModel, ValidationError

from config.errors import SettingsError, message_of
from config.project import ROOT
from config.reasons import reason
from config.speech_settings import SpeechSettings
from config.yaml_files import read_yaml
from wire.parameters import NUMBERS, SpeechParameters

COMMON_FILE = ROOT / "config" / "presets.yaml"


class PresetError(ValueError):
    """A file of presets can't be used, or a preset does not exist. The message names the file or the preset."""


def _within(name: str) -> object:
    low, high = NUMBERS[name]
    return Field(None, ge=low, le=high)


class Preset(BaseModel):
    """Speech parameters of a preset. ``None`` leaves the choice to the engine."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    description: str = ""
    temperature: Annotated[float | None, _within("temperature")] = None
    repetition_penalty: Annotated[float | None, _within("repetition_penalty")] = None
    top_k: Annotated[int | None, _within("top_k")] = None
    top_p: Annotated[float | None, _within("top_p")] = None
    speed: Annotated[float | None, _within("speed")] = None
    pitch_shift: Annotated[float | None, _within("pitch_shift")] = None
    gpt_cond_len: Annotated[int | None, _within("gpt_cond_len")] = None
    gpt_cond_chunk_len: Annotated[int | None, _within("gpt_cond_chunk_len")] = None


class _File(RootModel[dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,31}$")], Preset]]):
    """Presets by name."""


class Presets:
    """All presets, and the default one."""

    def __init__(self, presets: Mapping[str, Preset], default: str | None = None) -> None:
        """Raises :class:`PresetError` if there is no preset called ``default``."""
        self._presets = dict(presets)
        self._default = default
        if default is not None:
            self._named(default)

    @classmethod
    def read(cls, path: Path = COMMON_FILE, default: str | None = None) -> Self:
        """Read a file of presets.

        Raises:
            PresetError: the file can't be read, or has invalid content.
        """
        try:
            presets = _File.model_validate(read_yaml(path) or {})
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise PresetError(f"{path} can't be read: {reason(error)}") from None
        except ValidationError as error:
            fault = error.errors()[0]
            where = ".".join(str(part) for part in fault["loc"])
            raise PresetError(f"{path.name}: {where}: {message_of(fault)}") from None
        return cls(presets.root, default)

    def with_default(self, default: str | None) -> Self:
        """The same presets with another default. Raises :class:`PresetError` if there is no such preset."""
        return type(self)(self._presets, default)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all presets."""
        return tuple(self._presets)

    @property
    def default(self) -> str | None:
        """Name of the preset for requests that name none; ``None`` if there is no such preset."""
        return self._default

    def items(self) -> Iterable[tuple[str, Preset]]:
        """All presets with their names."""
        return self._presets.items()

    def apply(self, requested: SpeechParameters) -> SpeechParameters:
        """Return ``requested`` with unset parameters taken from its preset, or else from the default preset.

        A pitch shift of 0 counts as unset.

        Raises:
            PresetError: there is no such preset.
        """
        name = requested.preset or self._default
        if name is None:
            return requested
        preset = self._named(name).model_dump(exclude_none=True, exclude={"description"})
        missing = {field: value for field, value in preset.items() if getattr(requested, field) in (None, 0.0)}
        return replace(requested, **missing)

    def _named(self, name: str) -> Preset:
        if name not in self._presets:
            raise PresetError(f"there is no preset {name!r}; there are {', '.join(self._presets) or 'none'}")
        return self._presets[name]


def read_presets(settings: SpeechSettings) -> Presets:
    """Read the presets of ``TTS_PRESETS``, with ``TTS_PRESET`` as the default. Reads a file.

    Raises:
        SettingsError: the presets can't be used; the message names the variable.
    """
    try:
        presets = Presets.read(settings.tts_presets or COMMON_FILE)
    except PresetError as error:
        raise SettingsError(f"TTS_PRESETS: {error}") from error
    try:
        return presets.with_default(settings.tts_preset)
    except PresetError as error:
        raise SettingsError(f"TTS_PRESET: {error}") from error
