"""Where settings come from, and which source wins."""

from __future__ import annotations

from pydantic_settings import BaseSettings, PydanticBaseSettingsSource


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
