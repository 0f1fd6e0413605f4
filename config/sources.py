"""Where settings come from, which source wins, and how they are read."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import Enum
from pathlib import Path
from typing import Any, Literal, Self, get_origin

from pydantic import ValidationError, ValidationInfo, field_validator
from pydantic_core import PydanticUseDefault
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource
from pydantic_settings.exceptions import SettingsError as SourceError

from config.env_file import check_env_file
from config.errors import SettingsError, explain
from config.types import BlankCounts


class SecretsFirst(BaseSettings):
    """Settings whose files of secrets win over the environment: an example's empty ``NAME=`` must not hide one."""

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
        return init_settings, file_secret_settings, env_settings, dotenv_settings

    @field_validator("*", mode="before")
    @classmethod
    def _as_meant(cls, value: Any, info: ValidationInfo) -> Any:
        """Take an empty value as "not set", and capitals for small letters where there is a choice of words."""
        if not isinstance(value, str) or info.field_name is None:
            return value
        field, text = cls.model_fields[info.field_name], value.strip()
        if not text and not any(isinstance(mark, BlankCounts) for mark in field.metadata):
            raise PydanticUseDefault
        return text.lower() if _is_choice(field.annotation) else text

    @classmethod
    def read(
        cls, secrets_dir: Path, overrides: Mapping[str, Any], examples: Mapping[str, str], secrets: Collection[str]
    ) -> Self:
        """Read them all; ``overrides`` win, by field name.

        Raises:
            SettingsError: one line for each variable that can't be used.
        """
        if isinstance(file := cls.model_config.get("env_file"), str):
            check_env_file(Path(file))
        # pydantic-settings warns of a folder that is not there.
        given: dict[str, Any] = {"_secrets_dir": secrets_dir if secrets_dir.is_dir() else None, **overrides}
        try:
            return cls(**given)
        except ValidationError as error:
            faults = [explain(dict(fault), cls.model_fields, examples, secrets) for fault in error.errors()]
            raise SettingsError("\n".join(faults)) from None
        except SourceError as error:
            raise SettingsError(str(error)) from None


def _is_choice(annotation: object) -> bool:
    return get_origin(annotation) is Literal or (isinstance(annotation, type) and issubclass(annotation, Enum))
