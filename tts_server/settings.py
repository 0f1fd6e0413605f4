"""The speech server's settings, from the environment and ``.env``."""

from __future__ import annotations

import ipaddress
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class SettingsError(ValueError):
    """A setting can't be used; the text names the variable, the fault and an example."""


class Device(StrEnum):
    """Where an engine computes; espeak-ng has no use for it."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"


class EngineName(StrEnum):
    """The engines that come with the server."""

    ESPEAK = "espeak"
    STAND_IN = "stand-in"


def _blank_is_unset(value: object) -> object:
    return None if isinstance(value, str) and not value.strip() else value


OptionalSecret = Annotated[SecretStr | None, BeforeValidator(_blank_is_unset)]
OptionalText = Annotated[str | None, BeforeValidator(_blank_is_unset)]
OptionalPath = Annotated[Path | None, BeforeValidator(_blank_is_unset)]

_EXAMPLES = {
    "TTS_BIND": "127.0.0.1:8765",
    "TTS_TOKEN": "a long random string, such as `openssl rand -hex 24` prints",
    "TTS_DEVICE": "auto, cpu or cuda",
    "TTS_ENGINE": "espeak or stand-in",
    "TTS_STAND_IN_FIRST_AUDIO_MS": "200",
    "TTS_STAND_IN_RTF": "0.3",
}


class Settings(BaseSettings):
    """A field's upper-case name is its variable."""

    model_config = SettingsConfigDict(env_file=".env", env_file_encoding="utf-8", extra="ignore", frozen=True)

    tts_bind: str = Field("127.0.0.1:8765", pattern=r"^(\[[0-9a-fA-F:]+\]|[^:\s]+):\d{1,5}$")
    tts_token: OptionalSecret = None
    tts_device: Device = Device.AUTO
    tts_engine: EngineName = EngineName.ESPEAK
    tts_voice: OptionalText = None
    tts_stand_in_first_audio_ms: float = Field(200.0, ge=0, le=60_000)
    tts_stand_in_rtf: float = Field(0.3, ge=0, le=100)
    tts_stand_in_timings: OptionalPath = None

    @property
    def host(self) -> str:
        """The address to listen on."""
        return self.tts_bind.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        """The port to listen on; 0 for any."""
        return int(self.tts_bind.rpartition(":")[2])

    @model_validator(mode="after")
    def _guard(self) -> Self:
        if self.port > 65_535:
            raise ValueError(f"TTS_BIND: there is no port {self.port}, the highest is 65535")
        if not self.tts_token and not _is_loopback(self.host):
            raise ValueError(
                f"TTS_TOKEN: must be set, since TTS_BIND={self.tts_bind} lets other machines connect; "
                f"for example {_EXAMPLES['TTS_TOKEN']}"
            )
        return self


def load_settings(**overrides: Any) -> Settings:
    """Read the settings; ``overrides`` (field names) win over the environment.

    Raises:
        SettingsError: one of them can't be used.
    """
    try:
        return Settings(**{name: value for name, value in overrides.items() if value is not None})
    except ValidationError as error:
        first = error.errors()[0]
        message = str(first["msg"]).removeprefix("Value error, ")
        if first["loc"]:
            variable = str(first["loc"][0]).upper()
            example = _EXAMPLES.get(variable)
            message = f"{variable}: {message}" + (f"; for example {example}" if example else "")
        raise SettingsError(message) from None


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
