"""The speech server's settings, from the environment and ``.env``."""

from __future__ import annotations

import contextlib
import ipaddress
import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, field_validator, model_validator
from pydantic_settings import SettingsConfigDict

from config.env_file import ENV_FILE, read_env_values
from config.errors import Fault
from config.errors import SettingsError as SettingsError
from config.sources import SecretsFirst
from config.types import (
    Address,
    BlankCounts,
    CommaList,
    EngineChoice,
    JsonObject,
    OptionalEngine,
    OptionalPassphrase,
    OptionalPath,
    OptionalText,
    OwnPath,
)
from hardware.watch import VramWatch
from tts_server.api.origins import ANY, read_origin
from tts_server.presets import COMMON_FILE, PresetError, Presets
from tts_server.text.pronunciations import Pronunciations, PronunciationsError

SECRETS_DIR = Path("/run/secrets")
"""Where a container is given its secrets: a file is named as its variable, in small letters."""
SECRETS = frozenset({"TTS_TOKEN"})
USUAL_VOICES_DIR = Path("data/voices")
USUAL_XTTS_MODEL = Path("data/models/xtts-v2")
"""Where a bot has its DATA_DIR elsewhere, these are in there."""
ENGINES = (
    *("espeak", "xtts", "stand-in", "azure", "camb", "cartesia", "chatterbox", "edge", "elevenlabs", "gtts", "higgs"),
    *("inflect", "kokoro", "luxtts", "minimax", "modelslab", "moss", "neutts", "omnivoice", "openai", "orpheus"),
    *("parler", "piper", "pocket", "qwen", "qwen-cpu", "soprano", "sopro", "style", "system", "typecast", "zipvoice"),
)
"""By name; those of RealtimeTTS are described in :mod:`tts_server.engines.realtime_tts_names`, which imports much."""
ENGINE_VARIABLES = frozenset(
    {
        "AZURE_SPEECH_KEY",
        "AZURE_SPEECH_REGION",
        "CAMB_API_KEY",
        "CARTESIA_API_KEY",
        "ELEVENLABS_API_KEY",
        "MINIMAX_API_KEY",
        "MODELSLAB_API_KEY",
        "OPENAI_API_KEY",
        "OPENAI_BASE_URL",
        "TYPECAST_API_KEY",
    }
)
"""Read by engines themselves, from the same places."""


class Device(StrEnum):
    """Where an engine computes; espeak-ng has no use for it."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"


class EngineName(StrEnum):
    """The engines that come with the server; RealtimeTTS's have its own names, such as ``openai`` or ``kokoro``."""

    XTTS = "xtts"
    PIPER = "piper"
    ESPEAK = "espeak"
    STAND_IN = "stand-in"


class Precision(StrEnum):
    """In what numbers XTTS computes on a card; ``auto`` takes the half ones where the card is quick at them."""

    AUTO = "auto"
    FULL = "float32"
    HALF = "float16"
    BRAIN = "bfloat16"


_EXAMPLES = {
    "TTS_BIND": "127.0.0.1:8765",
    "TTS_TOKEN": "what-openssl-rand-hex-24-prints",
    "TTS_ALLOWED_ORIGINS": "http://localhost:8000,https://chat.example.org",
    "TTS_DEVICE": "auto",
    "TTS_ENGINE": "espeak",
    "TTS_FALLBACK": "piper,espeak",
    "TTS_BETTER_ENGINE": "xtts",
    "TTS_ENGINE_OPTIONS": '{"model": "tts-1"}',
    "TTS_CORRECTIONS": "./pronunciations.yaml",
    "TTS_VOICE": "en-us",
    "TTS_PRESET": "natural",
    "TTS_PRESETS": "./presets.yaml",
    "TTS_DEEPSPEED": "false",
    "TTS_VOICES_DIR": "data/voices",
    "TTS_PRECISION": "auto",
    "TTS_IDLE_UNLOAD": "300",
    "TTS_MAX_REPLIES": "5",
    "TTS_REQUESTS_PER_MINUTE": "600",
    "TTS_VRAM_WARNING": "10GB",
    "XTTS_MODEL": "data/models/xtts-v2",
    "PIPER_MODEL": "data/models/piper-joe",
    "TTS_STAND_IN_FIRST_AUDIO_MS": "200",
    "TTS_STAND_IN_RTF": "0.3",
    "TTS_STAND_IN_TIMINGS": "./timings.jsonl",
}


class Settings(SecretsFirst):
    """A field's upper-case name is its variable."""

    model_config = SettingsConfigDict(env_file=(), extra="ignore", frozen=True, allow_inf_nan=False)

    tts_bind: Address = "127.0.0.1:8765"
    tts_token: OptionalPassphrase = None
    tts_allowed_origins: CommaList = ()
    tts_device: Device = Device.AUTO
    tts_engine: EngineChoice = EngineName.ESPEAK
    tts_engine_options: JsonObject = Field(default_factory=dict)
    tts_fallback: Annotated[CommaList, BlankCounts()] = (EngineName.PIPER, EngineName.ESPEAK)
    tts_better_engine: OptionalEngine = None
    tts_voice: OptionalText = None
    tts_voices_dir: OwnPath = USUAL_VOICES_DIR
    tts_corrections: OptionalPath = None
    tts_presets: OptionalPath = None
    tts_preset: Annotated[OptionalText, BlankCounts()] = "natural"
    tts_precision: Precision = Precision.AUTO
    tts_deepspeed: bool = False
    tts_idle_unload: float = Field(300.0, ge=1, le=31_536_000)
    tts_max_replies: int = Field(5, ge=1, le=64)
    tts_requests_per_minute: int = Field(600, ge=1, le=100_000)
    tts_vram_warning: Annotated[CommaList, BlankCounts()] = ("0.9",)
    xtts_model: OwnPath = USUAL_XTTS_MODEL
    piper_model: OptionalPath = None
    tts_stand_in_first_audio_ms: float = Field(200.0, ge=0, le=60_000)
    tts_stand_in_rtf: float = Field(0.3, ge=0, le=100)
    tts_stand_in_timings: OptionalPath = None

    @field_validator("tts_fallback")
    @classmethod
    def _are_engines(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(_engine(name.lower()) for name in value)

    @field_validator("tts_engine", "tts_better_engine")
    @classmethod
    def _is_engine(cls, value: str | None) -> str | None:
        return value if value is None else _engine(value)

    @field_validator("tts_vram_warning")
    @classmethod
    def _are_thresholds(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        VramWatch(value)
        return value

    @field_validator("tts_allowed_origins")
    @classmethod
    def _are_origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(map(read_origin, value))

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
        if not self.tts_token and not _is_loopback(self.host):
            raise ValueError(
                f"TTS_TOKEN: must be set, since TTS_BIND={self.tts_bind} lets other machines connect; "
                f"for example TTS_TOKEN={_EXAMPLES['TTS_TOKEN']}"
            )
        if ANY in self.tts_allowed_origins and not self.tts_token:
            raise ValueError(
                "TTS_ALLOWED_ORIGINS: '*' lets every web page use this server, so it needs TTS_TOKEN as well; "
                "without one, name the pages' origins, "
                f"for example TTS_ALLOWED_ORIGINS={_EXAMPLES['TTS_ALLOWED_ORIGINS']}"
            )
        return self


def load_settings(secrets_dir: Path = SECRETS_DIR, **overrides: Any) -> Settings:
    """Read the settings; ``overrides`` (field names) win over files of secrets, and these over the environment.

    Raises:
        SettingsError: one line for each that can't be used.
    """
    chosen = {name: value for name, value in overrides.items() if value is not None}
    return Settings.read(secrets_dir, chosen, _EXAMPLES, SECRETS)


def survey_settings(secrets_dir: Path = SECRETS_DIR, **overrides: Any) -> tuple[Settings, tuple[Fault, ...]]:
    """What can be used of them, with a default for what can't, and what is wrong.

    Raises:
        SettingsError: ``.env`` can't be read at all.
    """
    chosen = {name: value for name, value in overrides.items() if value is not None}
    return Settings.survey(secrets_dir, chosen, _EXAMPLES, SECRETS)


def engine_variables(secrets_dir: Path = SECRETS_DIR) -> dict[str, str]:
    """What engines read themselves: from files of secrets first, then the environment, then ``.env``; reads files."""
    found = {name: value for name, value in read_env_values(ENV_FILE).items() if value}
    found |= {name: value for name, value in os.environ.items() if value}
    for name in ENGINE_VARIABLES:
        with contextlib.suppress(OSError, UnicodeDecodeError):
            found[name] = (secrets_dir / name.lower()).read_text(encoding="utf-8").strip()
    return found


def read_pronunciations(settings: Settings) -> Pronunciations:
    """What ``TTS_CORRECTIONS`` says; reads a file.

    Raises:
        SettingsError: it can't be used; the text names the line.
    """
    if settings.tts_corrections is None:
        return Pronunciations()
    try:
        return Pronunciations.read(settings.tts_corrections)
    except PronunciationsError as error:
        raise SettingsError(f"TTS_CORRECTIONS: {error}") from error


def read_presets(settings: Settings) -> Presets:
    """What ``TTS_PRESETS`` says, with the one of ``TTS_PRESET``; reads a file.

    Raises:
        SettingsError: they can't be used; the text names the variable.
    """
    try:
        presets = Presets.read(settings.tts_presets or COMMON_FILE)
    except PresetError as error:
        raise SettingsError(f"TTS_PRESETS: {error}") from error
    try:
        return presets.with_default(settings.tts_preset)
    except PresetError as error:
        raise SettingsError(f"TTS_PRESET: {error}") from error


def _engine(name: str) -> str:
    if name not in ENGINES:
        raise ValueError(f"it must be one of {', '.join(ENGINES)}")
    return name


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
