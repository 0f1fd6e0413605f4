"""The demonstration's settings: it uses the engines from the operator's settings, and its own values for all others."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo

from bot.models.catalogue import CatalogueError, load_catalogue
from bot.models.named_llm import NoSuchLlmError, named_llm
from bot.models.needs import recogniser_model, store_of
from config.program_settings import NO_SECRETS, SECRETS, SECRETS_DIR
from config.settings import Profile, Settings
from config.speech_settings import (
    DEFAULT_VOICES_DIR,
    DEFAULT_XTTS_MODEL,
    ENGINE_VARIABLES,
    SpeechSettings,
    engine_variables,
)
from config.types import BlankCounts

_KEPT = frozenset(
    {
        *("profile", "weights", "cache_dir", "data_dir", "voice_gpu", "tts_engine", "tts_websocket_url"),
        *("guesses", "wrong_guesses_per_minute"),
    }
)
"""The operator's settings that the demonstration always uses: the choice of the engines, and what is sent to them."""
_NOT_REPORTED = frozenset(
    {"discord_token", "discord_api_url", "discord_ca_file", "tts_bind", "web_bind", "web_token", "web_allowed_origins"}
)
"""Settings that the demonstration always replaces, so their replacement is not reported."""
_FIELDS: dict[str, FieldInfo] = {**SpeechSettings.settings(), **Settings.settings()}


def demo_settings(settings: Settings) -> Settings:
    """Build the demonstration's settings: the engines of ``settings``, and default values for everything else."""
    usual = {name: _usual(field) for name, field in Settings.settings().items() if not _is_used(name, settings)}
    return settings.changed(**usual)


def demo_environment(settings: Settings, speech: SpeechSettings, secrets_dir: Path = SECRETS_DIR) -> dict[str, str]:
    """Environment variables for the demonstration's bot. They hide the operator's settings, except for the engines.

    The demonstration's bot reads no files of secrets, since a token there would replace its own. The engines' keys
    become variables. Blocks on the disk, because it reads these files and looks for downloaded models.
    """
    hidden = {name.upper(): _written(field) for name, field in _FIELDS.items() if not _is_used(name, settings)}
    # The demonstration's bot has its own DATA_DIR without models and voices, so their variables get absolute paths.
    kept = dict(_models_here(settings))
    if speech.xtts_model == DEFAULT_XTTS_MODEL:
        kept["XTTS_MODEL"] = str((settings.data_dir / "models" / "xtts-v2").resolve())
    if speech.tts_voices_dir == DEFAULT_VOICES_DIR and _is_used("tts_voices_dir", settings):
        kept["TTS_VOICES_DIR"] = str((settings.data_dir / "voices").resolve())
    return {**hidden, **kept, **dict(_engine_keys(settings, secrets_dir)), **NO_SECRETS}


def _engine_keys(settings: Settings, secrets_dir: Path) -> Iterator[tuple[str, str]]:
    """Variables with the keys of the engines that the demonstration uses."""
    for name, value in settings.values().items():
        if name.upper() in SECRETS and value is not None and _is_used(name, settings):
            yield name.upper(), value.get_secret_value()
    yield from ((name, value) for name, value in engine_variables(secrets_dir).items() if name in ENGINE_VARIABLES)


def _models_here(settings: Settings) -> Iterator[tuple[str, str]]:
    """Variables with the paths of the downloaded models that the settings name."""
    try:
        catalogue = load_catalogue()
    except CatalogueError:
        return
    stt_model = recogniser_model(catalogue, settings) if settings.stt.model is not None else None
    if stt_model is not None:
        model = catalogue.models[stt_model]
        store = store_of(settings, model)
        if store.is_whole(stt_model, model):
            yield "STT_MODEL", str(store.folder(stt_model).resolve())
    # An invalid name is reported later, when the weights are chosen.
    with contextlib.suppress(NoSuchLlmError):
        if (llm := named_llm(settings, catalogue)) is not None:
            yield "LLM_MODEL", str(llm.path.resolve())


def ignored_settings(settings: Settings, speech: SpeechSettings) -> list[str]:
    """Names of the variables that the operator has set, but that the demonstration does not use."""
    set_here = speech.values() | settings.values()
    return sorted(
        name.upper()
        for name, value in set_here.items()
        if name not in _NOT_REPORTED and not _is_used(name, settings) and value != _usual(_FIELDS[name])
    )


def _is_used(name: str, settings: Settings) -> bool:
    """Whether the demonstration uses a setting of the operator's.

    An engine's settings are used only if the operator chose that engine. The engines of the profile get default
    settings.
    """
    if name in _KEPT or name in ("llm_model", "stt_english_model"):
        return True
    if name.startswith("llm_"):
        return not settings.runs_llm or settings.profile is not Profile.EMBEDDED
    if name.startswith("stt_"):
        return not settings.runs_default_stt
    if name.startswith(("tts_", "xtts_", "piper_", "kokoro_")):
        return settings.voice_engine != "espeak" or settings.tts.websocket_url is not None
    return False


def _usual(field: FieldInfo) -> Any:
    return field.get_default(call_default_factory=True)


def _written(field: FieldInfo) -> str:
    """The value of a variable that sets a field to its default: empty, unless an empty value has its own meaning."""
    if not any(isinstance(mark, BlankCounts) for mark in field.metadata):
        return ""
    usual = _usual(field)
    return ",".join(usual) if isinstance(usual, tuple) else str(usual)
