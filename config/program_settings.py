"""What the settings of every program share: where they come from, which source wins, and how they are read."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass, replace
from functools import cache, reduce
from pathlib import Path
from typing import Any, ClassVar, Self

import platformdirs
from pydantic import Field, ValidationError, ValidationInfo, create_model, field_validator, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SecretsSettingsSource,
    SettingsConfigDict,
)

from config.env_file import ENV_FILE, place, read_env_values
from config.errors import Fault, SettingsError, explain
from config.examples import EXAMPLES
from config.section import Section, as_meant, fields_of, setting_name
from config.types import Address, BlankCounts, Device, OptionalPassphrase, OwnPath

SECRETS = frozenset({"DISCORD_TOKEN", "LLM_API_KEY", "STT_API_KEY", "TTS_TOKEN", "VISION_LLM_API_KEY"})
WEIGHTS = "weights"
SECRETS_DIR = Path("/run/secrets")
"""Where a container is given its secrets: a file is named as its variable, in small letters."""


class EnvFileSource(DotEnvSettingsSource):
    """``.env``, read in silence: what is wrong in it is told by :mod:`config.misspelt`."""

    def __init__(self, settings_cls: type[BaseSettings], file: Path | None) -> None:
        self._file = file
        super().__init__(settings_cls, env_file=())

    def _load_env_vars(self) -> Mapping[str, str | None]:
        values = read_env_values(self._file) if self._file is not None else {}
        return {name.lower(): value for name, value in values.items()}


@dataclass(frozen=True, slots=True)
class SharedSpeechSettings(Section):
    """What every program reads of the speech server: where it listens, its secret, and where it computes."""

    prefix: ClassVar[str] = "tts_"

    bind: Address = "127.0.0.1:8765"
    token: OptionalPassphrase = None
    device: Device = Device.AUTO


class ProgramSettings(BaseSettings):
    """The base of each program's settings, with the variables that all of them read.

    A field is a setting, or a :class:`~config.section.Section` of settings. Each setting has a name: its variable's in
    small letters. Files of secrets win over the environment: an example's empty ``NAME=`` must not hide one.
    """

    model_config = SettingsConfigDict(env_file=(), extra="ignore", frozen=True, allow_inf_nan=False)

    cache_dir: OwnPath = Field(default_factory=lambda: platformdirs.user_cache_path("seiyuu"))
    tts: SharedSpeechSettings = SharedSpeechSettings()

    @property
    def packaged_weights(self) -> Path:
        """The folder of the weights that packages carry, which all clones share: a folder a model."""
        return self.cache_dir / WEIGHTS

    @classmethod
    def settings(cls) -> dict[str, FieldInfo]:
        """Every setting, by its name; those of sections too."""
        return {name: setting for name, (_, setting) in _places(cls).items()}

    def values(self) -> dict[str, Any]:
        """Every setting's value, by its name."""
        return {name: reduce(getattr, path, self) for name, (path, _) in _places(type(self)).items()}

    def changed(self, **changes: Any) -> Self:
        """The same settings, but for these, by their names. They are not checked."""
        found: dict[str, Any] = {}
        for name, value in changes.items():
            field, *inner = _places(type(self))[name][0]
            found[field] = replace(found.get(field, getattr(self, field)), **{inner[0]: value}) if inner else value
        return self.model_copy(update=found)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """As pydantic-settings calls it; the first wins. Each looks for settings by their names."""
        # pydantic-settings' own source is given no file to read: it complains of lines by itself.
        without = isinstance(dotenv_settings, DotEnvSettingsSource) and dotenv_settings.env_file is None
        secrets = file_secret_settings.secrets_dir if isinstance(file_secret_settings, SecretsSettingsSource) else None
        named = _without_sections(cls)
        file = EnvFileSource(named, None if without else ENV_FILE)
        return init_settings, SecretsSettingsSource(named, secrets), EnvSettingsSource(named), file

    @model_validator(mode="before")
    @classmethod
    def _in_their_places(cls, values: dict[str, Any]) -> dict[str, Any]:
        """Put each setting where it belongs. An empty value is "not set", unless it means something."""
        found: dict[str, Any] = {}
        for name, (path, setting) in _places(cls).items():
            if name not in values or (_is_blank(values[name]) and _blank_is_unset(setting)):
                continue
            field, *inner = path
            if inner:
                section = found.setdefault(field, {"chosen": frozenset()})
                section |= {inner[0]: values[name], "chosen": section["chosen"] | {inner[0]}}
            else:
                found[field] = values[name]
        return found

    @field_validator("*", mode="before")
    @classmethod
    def _as_meant(cls, value: Any, info: ValidationInfo) -> Any:
        return value if info.field_name is None else as_meant(value, cls.model_fields[info.field_name])

    @classmethod
    def read(cls, secrets_dir: Path = SECRETS_DIR, **overrides: Any) -> Self:
        """Read them all; ``overrides`` win, by field name.

        Raises:
            SettingsError: a line for each that can't be used.
        """
        settings, faults = cls.survey(secrets_dir, **overrides)
        if faults:
            raise SettingsError(*faults)
        return settings

    @classmethod
    def survey(cls, secrets_dir: Path = SECRETS_DIR, **overrides: Any) -> tuple[Self, tuple[Fault, ...]]:
        """What can be used, with its default for each setting that can't; and what is wrong with those.

        Raises:
            SettingsError: ``.env`` can't be read at all.
        """
        without_file = "_env_file" in overrides and overrides["_env_file"] is None
        # pydantic-settings warns of a folder that is not there.
        given: dict[str, Any] = {"_secrets_dir": secrets_dir if secrets_dir.is_dir() else None, **overrides}
        faults: list[Fault] = []
        while True:
            try:
                return cls(**given), tuple(faults)
            except ValidationError as error:
                names = {path: name for name, (path, _) in _places(cls).items()}
                found = [_explained(dict(fault), names, cls.settings()) for fault in error.errors()]
                told = {name for fault in faults for name in fault.variables}
                # A rule between settings that a default does not meet says nothing about what was given.
                new = [fault for fault in found if told.isdisjoint(fault.variables)]
                faults += new if without_file else (place(fault, secrets_dir) for fault in new)
                fields = {name.lower() for fault in found for name in fault.variables}
                if not fields or fields <= given.keys() - overrides.keys():
                    raise SettingsError(*faults) from None
                given |= {name: cls.settings()[name].get_default(call_default_factory=True) for name in fields}


@cache
def _places(kind: type[ProgramSettings]) -> dict[str, tuple[tuple[str, ...], FieldInfo]]:
    """Where each setting stands, by its name: in a field, or in a section's field."""
    places: dict[str, tuple[tuple[str, ...], FieldInfo]] = {}
    for field, info in kind.model_fields.items():
        section = info.annotation
        if isinstance(section, type) and issubclass(section, Section):
            inside = fields_of(section).items()
            places |= {setting_name(section, inner): ((field, inner), setting) for inner, setting in inside}
        else:
            places[field] = ((field,), info)
    return places


class _Named(BaseSettings):
    model_config = SettingsConfigDict(env_file=(), extra="ignore")


@cache
def _without_sections(kind: type[ProgramSettings]) -> type[BaseSettings]:
    """The settings by their names, as pydantic-settings' sources look for them; nothing is made of it."""
    fields: dict[str, Any] = {name: (each.annotation, copy(each)) for name, each in kind.settings().items()}
    return create_model(f"{kind.__name__}WithoutSections", __base__=_Named, **fields)


def _explained(fault: dict[str, Any], names: Mapping[tuple[Any, ...], str], settings: Mapping[str, FieldInfo]) -> Fault:
    loc = fault["loc"]
    name = names.get(loc[:2]) or names.get(loc[:1])
    # What is wrong with a section as a whole is a rule between its settings.
    return explain(fault | {"loc": (name,) if name else ()}, settings, EXAMPLES, SECRETS)


def _is_blank(value: object) -> bool:
    return isinstance(value, str) and not value.strip()


def _blank_is_unset(setting: FieldInfo) -> bool:
    return not any(isinstance(mark, BlankCounts) for mark in setting.metadata)
