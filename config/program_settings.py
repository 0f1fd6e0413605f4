"""What the settings of every program share: where they come from, which source wins, and how they are read."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Any, Literal, Self, get_origin

from pydantic import ValidationError, ValidationInfo, field_validator, model_validator
from pydantic_settings import BaseSettings, DotEnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from config.characters import check_characters
from config.env_file import ENV_FILE, place, read_env_values
from config.errors import Fault, SettingsError, explain
from config.examples import EXAMPLES
from config.types import Address, BlankCounts, Device, LinesCount, OptionalPassphrase

SECRETS = frozenset({"DISCORD_TOKEN", "LLM_API_KEY", "STT_API_KEY", "TTS_TOKEN", "VISION_LLM_API_KEY"})
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


class ProgramSettings(BaseSettings):
    """The base of each program's settings, with the variables that all of them read.

    Files of secrets win over the environment: an example's empty ``NAME=`` must not hide one.
    """

    model_config = SettingsConfigDict(env_file=(), extra="ignore", frozen=True, allow_inf_nan=False)

    tts_bind: Address = "127.0.0.1:8765"
    tts_token: OptionalPassphrase = None
    tts_device: Device = Device.AUTO

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """As pydantic-settings calls it; the first wins."""
        # pydantic-settings' own source is given no file to read: it complains of lines by itself.
        without = isinstance(dotenv_settings, DotEnvSettingsSource) and dotenv_settings.env_file is None
        file = EnvFileSource(settings_cls, None if without else ENV_FILE)
        return init_settings, file_secret_settings, env_settings, file

    @model_validator(mode="before")
    @classmethod
    def _without_blanks(cls, values: dict[str, Any]) -> dict[str, Any]:
        """Take an empty value as "not set", unless it means something."""
        return {name: value for name, value in values.items() if not (_is_blank(value) and cls._blank_is_unset(name))}

    @classmethod
    def _blank_is_unset(cls, name: str) -> bool:
        field = cls.model_fields.get(name)
        return field is not None and not any(isinstance(mark, BlankCounts) for mark in field.metadata)

    @field_validator("*", mode="before")
    @classmethod
    def _as_meant(cls, value: Any, info: ValidationInfo) -> Any:
        """Take capitals for small letters where there is a choice of words."""
        if not isinstance(value, str) or info.field_name is None:
            return value
        field, text = cls.model_fields[info.field_name], value.strip()
        check_characters(text, line_breaks=any(isinstance(mark, LinesCount) for mark in field.metadata))
        return text.lower() if _is_choice(field.annotation) else text

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
                found = [explain(dict(fault), cls.model_fields, EXAMPLES, SECRETS) for fault in error.errors()]
                told = {name for fault in faults for name in fault.variables}
                # A rule between settings that a default does not meet says nothing about what was given.
                new = [fault for fault in found if told.isdisjoint(fault.variables)]
                faults += new if without_file else (place(fault, secrets_dir) for fault in new)
                fields = {name.lower() for fault in found for name in fault.variables}
                if not fields or fields <= given.keys() - overrides.keys():
                    raise SettingsError(*faults) from None
                given |= {name: cls.model_fields[name].get_default(call_default_factory=True) for name in fields}


def _is_blank(value: object) -> bool:
    return isinstance(value, str) and not value.strip()


def _is_choice(annotation: object) -> bool:
    return get_origin(annotation) is Literal or (isinstance(annotation, type) and issubclass(annotation, Enum))
