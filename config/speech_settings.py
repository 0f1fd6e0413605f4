"""All settings of the speech server, read from the environment and ``.env``."""

from __future__ import annotations

import contextlib
import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, field_validator, model_validator

from config.addresses import ANY_ORIGIN, host_and_port, only_this_machine_can_connect
from config.env_file import ENV_FILE, read_env_values
from config.examples import EXAMPLES
from config.hosts import is_local
from config.program_settings import SECRETS_DIR, ProgramSettings
from config.spelling import nearest
from config.types import (
    YEAR,
    BlankCounts,
    CardLimits,
    CommaList,
    EngineChoice,
    JsonObject,
    LocalPath,
    OptionalEngine,
    OptionalPath,
    OptionalText,
    Origins,
)

DEFAULT_VOICES_DIR = Path("data/voices")
DEFAULT_XTTS_MODEL = Path("data/models/xtts-v2")
"""Default folders. The bot's own speech server uses the folders of the same names inside DATA_DIR."""
ENGINES = (
    *("espeak", "xtts", "stand-in", "azure", "camb", "cartesia", "chatterbox", "edge", "elevenlabs", "gtts", "higgs"),
    *("inflect", "kokoro", "luxtts", "minimax", "modelslab", "moss", "neutts", "omnivoice", "openai", "orpheus"),
    *("parler", "piper", "pocket", "qwen", "qwen-cpu", "soprano", "sopro", "style", "system", "typecast", "zipvoice"),
)
"""All engine names. Those of RealtimeTTS are described in :mod:`tts_server.engines.realtime_tts.factory`."""
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
"""Variables with the keys and addresses of online engines. Like settings, they may be in ``.env``."""
PAID_ENGINES = frozenset({"azure", "camb", "cartesia", "elevenlabs", "minimax", "modelslab", "openai", "typecast"})
"""Online engines that need a key, so that what they speak probably costs money."""


class EngineName(StrEnum):
    """Engines of the server itself. RealtimeTTS's engines have names of their own, such as ``openai`` or ``edge``."""

    XTTS = "xtts"
    PIPER = "piper"
    KOKORO = "kokoro"
    ESPEAK = "espeak"
    STAND_IN = "stand-in"


class Precision(StrEnum):
    """Number format of XTTS. ``auto`` is half precision on a GPU, and full precision on the CPU."""

    AUTO = "auto"
    FULL = "float32"
    HALF = "float16"
    BRAIN = "bfloat16"


class SpeechSettings(ProgramSettings):
    """The settings. A field's name in capitals is its variable. Times are in seconds."""

    tts_allowed_origins: Origins = ()
    tts_engine: EngineChoice = EngineName.ESPEAK
    tts_engine_options: JsonObject = Field(default_factory=dict)
    tts_fallback: Annotated[CommaList, BlankCounts()] = (
        EngineName.PIPER,
        EngineName.KOKORO,
        EngineName.ESPEAK,
    )
    tts_better_engine: OptionalEngine = None
    tts_voice: OptionalText = None
    tts_voices_dir: LocalPath = DEFAULT_VOICES_DIR
    tts_corrections: OptionalPath = None
    tts_presets: OptionalPath = None
    tts_preset: Annotated[OptionalText, BlankCounts()] = "natural"
    tts_precision: Precision = Precision.AUTO
    tts_deepspeed: bool = False
    tts_idle_unload: float = Field(300.0, ge=1, le=YEAR)
    tts_max_replies: int = Field(5, ge=1, le=64)
    tts_requests_per_minute: int = Field(600, ge=1, le=100_000)
    tts_vram_warning: CardLimits = ("0.9",)
    xtts_model: LocalPath = DEFAULT_XTTS_MODEL
    piper_model: OptionalPath = None
    kokoro_model: OptionalPath = None
    tts_stand_in_first_audio_ms: float = Field(200.0, ge=0, le=60_000)
    tts_stand_in_rtf: float = Field(0.3, ge=0, le=100)
    tts_stand_in_timings: OptionalPath = None

    @property
    def downloaded_piper(self) -> Path | None:
        """The folder of the Piper voice downloaded for the bot; ``None`` if there is none. Looks at the disk."""
        folder = self.packaged_weights / "piper-joe"
        return folder if folder.is_dir() else None

    @property
    def kokoro_folder(self) -> Path | None:
        """The folder of Kokoro's weights: that of ``KOKORO_MODEL``, or else the downloaded one. Looks at the disk."""
        downloaded = self.packaged_weights / "kokoro"
        return self.kokoro_model or (downloaded if downloaded.is_dir() else None)

    @property
    def named_fallbacks(self) -> tuple[str, ...]:
        """The engines of ``TTS_FALLBACK`` if the setting names other engines than the usual ones; otherwise none."""
        usual = type(self).model_fields["tts_fallback"].default
        return () if self.tts_fallback == usual else self.tts_fallback

    @field_validator("tts_fallback")
    @classmethod
    def _are_engines(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(_engine(name.lower()) for name in value)

    @field_validator("tts_engine", "tts_better_engine")
    @classmethod
    def _is_engine(cls, value: str | None) -> str | None:
        return value if value is None else _engine(value)

    @property
    def host(self) -> str:
        """Address to listen on."""
        return host_and_port(self.tts.bind)[0]

    @property
    def port(self) -> int:
        """Port to listen on; 0 chooses a free one."""
        return host_and_port(self.tts.bind)[1]

    @model_validator(mode="after")
    def _guard(self) -> Self:
        if not self.tts.token and not only_this_machine_can_connect(self.tts.bind):
            raise ValueError(
                f"TTS_TOKEN: must be set, since TTS_BIND={self.tts.bind} lets other machines connect; "
                f"for example TTS_TOKEN={EXAMPLES['TTS_TOKEN']}"
            )
        if ANY_ORIGIN in self.tts_allowed_origins and not self.tts.token:
            raise ValueError(
                "TTS_ALLOWED_ORIGINS: '*' lets every web page use this server, so it needs TTS_TOKEN as well; "
                "without one, name the pages' origins, "
                f"for example TTS_ALLOWED_ORIGINS={EXAMPLES['TTS_ALLOWED_ORIGINS']}"
            )
        return self


def engine_variables(secrets_dir: Path = SECRETS_DIR) -> dict[str, str]:
    """All variables of the environment and of ``.env``, and those of :data:`ENGINE_VARIABLES` from files of secrets.

    Files of secrets win over the environment, and the environment wins over ``.env``. Reads files.
    """
    found = {name: value for name, value in read_env_values(ENV_FILE).items() if value}
    found |= {name: value for name, value in os.environ.items() if value}
    for name in ENGINE_VARIABLES:
        with contextlib.suppress(OSError, UnicodeDecodeError):
            if secret := (secrets_dir / name.lower()).read_text(encoding="utf-8").strip():
                found[name] = secret
    return found


def engine_costs_money(name: str, openai_url: str | None = None) -> bool:
    """Whether what an engine speaks probably costs money.

    Args:
        openai_url: address of the server for the engine ``openai``; ``None`` if it is OpenAI's own server.
    """
    return name in PAID_ENGINES and not (name == "openai" and openai_url is not None and is_local(openai_url))


def _engine(name: str) -> str:
    if name not in ENGINES:
        near = nearest(name, ENGINES)
        meant = f"did you mean {near}? It" if near is not None else "it"
        raise ValueError(f"{meant} must be one of {', '.join(ENGINES)}")
    return name
