"""Base of every program's settings: their sources, which source wins, and how they are read."""

from __future__ import annotations

import os
from collections.abc import Mapping
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
from typing_extensions import override

from config.env_file import ENV_FILE, read_env_values, with_place
from config.errors import Fault, SettingsError, fault_of
from config.examples import EXAMPLES
from config.json_log import LogFormat
from config.section import Section, as_meant, fields_of, setting_name
from config.types import Address, BlankCounts, Device, LocalPath, OptionalPassphrase

SECRETS = frozenset(
    {
        *("DISCORD_TOKEN", "EMBEDDINGS_API_KEY", "LLM_API_KEY", "STT_API_KEY", "TTS_TOKEN", "VISION_LLM_API_KEY"),
        *("PHONE_PIN", "SIP_PASSWORD", "TWILIO_AUTH_TOKEN", "WEB_TOKEN"),
    }
)
WEIGHTS = "weights"
"""Name of the folder in CACHE_DIR for weights that are taken out of Python packages."""
SECRETS_DIR = Path(os.environ.get("SECRETS_DIR") or "/run/secrets")
"""Folder of a container's secrets. Each file is named like its variable, in lower case."""
NO_SECRETS = {"SECRETS_DIR": os.devnull}
"""Variables with which a program reads no files of secrets."""


class VariablesSource(EnvSettingsSource):
    """Source that reads the environment. It only looks up names: all fields are texts (see :func:`_without_sections`).

    pydantic-settings' own way inspects each field again whenever settings are read, which takes much longer.
    """

    @override
    def __call__(self) -> dict[str, Any]:
        return _found(self.settings_cls, self.env_vars)


class EnvFileSource(DotEnvSettingsSource):
    """Source that reads ``.env``, like :class:`VariablesSource`.

    It does not warn about lines without effect: :mod:`config.misspelt` finds them.
    """

    def __init__(self, settings_cls: type[BaseSettings], file: Path | None) -> None:
        self._file = file
        super().__init__(settings_cls, env_file=())

    def _load_env_vars(self) -> Mapping[str, str | None]:
        values = read_env_values(self._file) if self._file is not None else {}
        return {name.lower(): value for name, value in values.items()}

    @override
    def __call__(self) -> dict[str, Any]:
        return _found(self.settings_cls, self.env_vars)


class SecretFilesSource(SecretsSettingsSource):
    """Source that reads a folder of secrets. An empty file is no value, so that it does not hide a variable."""

    @override
    def __call__(self) -> dict[str, Any]:
        return {name: value for name, value in super().__call__().items() if not _is_blank(value)}


@dataclass(frozen=True, slots=True)
class SharedSpeechSettings(Section):
    """Settings of the speech server that every program reads: address, token, and device."""

    prefix: ClassVar[str] = "tts_"

    bind: Address = "127.0.0.1:8765"
    token: OptionalPassphrase = None
    device: Device = Device.AUTO


class ProgramSettings(BaseSettings):
    """Base class of each program's settings, with the settings that all of them read.

    A field is a setting, or a :class:`~config.section.Section` of settings. The name of a setting is the name of
    its variable in lower case. Files of secrets win over the environment, so that an empty ``NAME=`` copied from an
    example does not hide a secret. An empty file hides no variable either.
    """

    model_config = SettingsConfigDict(env_file=(), extra="ignore", frozen=True, allow_inf_nan=False)

    cache_dir: LocalPath = Field(default_factory=lambda: platformdirs.user_cache_path("seiyuu"))
    log_format: LogFormat = LogFormat.TEXT
    tts: SharedSpeechSettings = SharedSpeechSettings()

    @property
    def packaged_weights(self) -> Path:
        """The folder of weights that come from packages, one folder per model. All clones of the project share it."""
        return self.cache_dir / WEIGHTS

    @classmethod
    def settings(cls) -> dict[str, FieldInfo]:
        """All settings by name, those of sections included."""
        return {name: setting for name, (_, setting) in _places(cls).items()}

    def values(self) -> dict[str, Any]:
        """The values of all settings by name."""
        return {name: reduce(getattr, path, self) for name, (path, _) in _places(type(self)).items()}

    def changed(self, **changes: Any) -> Self:
        """A copy with other values, given by setting name. The values are not checked."""
        found: dict[str, Any] = {}
        for name, value in changes.items():
            field, *inner = _places(type(self))[name][0]
            found[field] = replace(found.get(field, getattr(self, field)), **{inner[0]: value}) if inner else value
        return self.model_copy(update=found)

    @classmethod
    @override
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        # pydantic-settings' own source for files would log warnings, so it gets no file.
        without = isinstance(dotenv_settings, DotEnvSettingsSource) and dotenv_settings.env_file is None
        secrets = file_secret_settings.secrets_dir if isinstance(file_secret_settings, SecretsSettingsSource) else None
        named = _without_sections(cls)
        file = EnvFileSource(named, None if without else ENV_FILE)
        return init_settings, SecretFilesSource(named, secrets), VariablesSource(named), file

    @model_validator(mode="before")
    @classmethod
    def _in_their_places(cls, values: dict[str, Any]) -> dict[str, Any]:
        """Put each setting into its field or section. An empty value means "not set", unless the setting accepts it."""
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
        """Read all settings. ``overrides``, given by field name, win over all sources.

        Raises:
            SettingsError: settings are not valid. The message has a line for each of them.
        """
        settings, faults = cls.survey(secrets_dir, **overrides)
        if faults:
            raise SettingsError(*faults)
        return settings

    @classmethod
    def survey(cls, secrets_dir: Path = SECRETS_DIR, **overrides: Any) -> tuple[Self, tuple[Fault, ...]]:
        """Read all settings. A setting that is not valid gets its default. Returns the settings and the faults.

        Raises:
            SettingsError: ``.env`` can't be read.
        """
        without_file = "_env_file" in overrides and overrides["_env_file"] is None
        # pydantic-settings would warn about a missing folder.
        given: dict[str, Any] = {"_secrets_dir": secrets_dir if secrets_dir.is_dir() else None, **overrides}
        faults: list[Fault] = []
        while True:
            try:
                return cls(**given), tuple(faults)
            except ValidationError as error:
                names = {path: name for name, (path, _) in _places(cls).items()}
                found = [_explained(dict(fault), names, cls.settings()) for fault in error.errors()]
                reported = {name for fault in faults for name in fault.variables}
                # A rule between settings may fail because a default replaced an invalid value. Such a fault is ignored.
                new = [fault for fault in found if reported.isdisjoint(fault.variables)]
                overridden = {name.upper() for name in overrides}
                placed = (
                    fault if overridden.issuperset(fault.variables) else with_place(fault, secrets_dir) for fault in new
                )
                faults += new if without_file else placed
                fields = {name.lower() for fault in found for name in fault.variables}
                if not fields or fields <= given.keys() - overrides.keys():
                    raise SettingsError(*faults) from None
                given |= {name: cls.settings()[name].get_default(call_default_factory=True) for name in fields}


@cache
def _places(kind: type[ProgramSettings]) -> dict[str, tuple[tuple[str, ...], FieldInfo]]:
    """For each setting's name: the path to it (a field, or a section and its field), and the setting itself."""
    places: dict[str, tuple[tuple[str, ...], FieldInfo]] = {}
    for field, info in kind.model_fields.items():
        section = info.annotation
        if isinstance(section, type) and issubclass(section, Section):
            inside = fields_of(section).items()
            places |= {setting_name(section, inner): ((field, inner), setting) for inner, setting in inside}
        else:
            places[field] = ((field,), info)
    return places


class _WithoutSections(BaseSettings):
    model_config = SettingsConfigDict(env_file=(), extra="ignore")


@cache
def _without_sections(kind: type[ProgramSettings]) -> type[BaseSettings]:
    """A class with one field per setting, by name, for pydantic-settings' sources. It is never instantiated.

    Each field is a text, because sources need only find values, not parse them. With other types, the sources would
    inspect every annotation each time that settings are read, which takes longer than the rest of the reading.
    """
    fields: dict[str, Any] = dict.fromkeys(kind.settings(), (str, ""))
    return create_model(f"{kind.__name__}WithoutSections", __base__=_WithoutSections, **fields)


def _found(kind: type[BaseSettings], variables: Mapping[str, str | None]) -> dict[str, Any]:
    """The variables that are settings. The names of both are in lower case."""
    return {name: value for name in kind.model_fields if (value := variables.get(name)) is not None}


def _explained(fault: dict[str, Any], names: Mapping[tuple[Any, ...], str], settings: Mapping[str, FieldInfo]) -> Fault:
    loc = fault["loc"]
    name = names.get(loc[:2]) or names.get(loc[:1])
    # A fault of a whole section comes from a rule between its settings.
    return fault_of(fault | {"loc": (name,) if name else ()}, settings, EXAMPLES, SECRETS)


def _is_blank(value: object) -> bool:
    return isinstance(value, str) and not value.strip()


def _blank_is_unset(setting: FieldInfo) -> bool:
    return not any(isinstance(mark, BlankCounts) for mark in setting.metadata)
