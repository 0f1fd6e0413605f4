"""What the demonstration takes of a person's settings: their engines. For the rest it has settings of its own."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from pydantic.fields import FieldInfo

from bot.models.catalogue import CatalogueError, load_catalogue
from bot.models.named_llm import NoSuchLlmError, named_llm
from bot.models.needs import recogniser_model, store_of
from config.settings import Profile, Settings
from config.speech_settings import USUAL_VOICES_DIR, USUAL_XTTS_MODEL, SpeechSettings
from config.types import BlankCounts

_KEPT = frozenset({"profile", "weights", "cache_dir", "data_dir", "voice_gpu", "tts_engine", "tts_websocket_url"})
_NOT_TOLD = frozenset({"discord_token", "discord_api_url", "discord_ca_file", "tts_bind"})
"""The demonstration can't but have its own of these."""
_FIELDS: dict[str, FieldInfo] = {**SpeechSettings.settings(), **Settings.settings()}


def demo_settings(settings: Settings) -> Settings:
    """The same engines, and everything else as it is in the demonstration."""
    usual = {name: _usual(field) for name, field in Settings.settings().items() if not _is_taken(name, settings)}
    return settings.changed(**usual)


def demo_environment(settings: Settings, speech: SpeechSettings) -> dict[str, str]:
    """Variables for the demonstration's bot: they hide what a person has set for their own bot, but for its engines.

    Blocks: it looks which models are here.
    """
    hidden = {name.upper(): _written(field) for name, field in _FIELDS.items() if not _is_taken(name, settings)}
    # The demonstration's bot has a DATA_DIR of its own, with no weights and no voices in it.
    kept = dict(_models_here(settings))
    if speech.xtts_model == USUAL_XTTS_MODEL:
        kept["XTTS_MODEL"] = str((settings.data_dir / "models" / "xtts-v2").resolve())
    if speech.tts_voices_dir == USUAL_VOICES_DIR and _is_taken("tts_voices_dir", settings):
        kept["TTS_VOICES_DIR"] = str((settings.data_dir / "voices").resolve())
    return {**hidden, **kept}


def _models_here(settings: Settings) -> Iterator[tuple[str, str]]:
    """By their paths, the models that the settings name by a name of the catalogue."""
    try:
        catalogue = load_catalogue()
    except CatalogueError:
        return
    ears = recogniser_model(catalogue, settings) if settings.stt.model is not None else None
    if ears is not None:
        model = catalogue.models[ears]
        store = store_of(settings, model)
        if store.is_whole(ears, model):
            yield "STT_MODEL", str(store.folder(ears).resolve())
    # What is wrong with the name is told when the weights are chosen.
    with contextlib.suppress(NoSuchLlmError):
        if (llm := named_llm(settings, catalogue)) is not None:
            yield "LLM_MODEL", str(llm.path.resolve())


def left_out(settings: Settings, speech: SpeechSettings) -> list[str]:
    """The variables that a person has set and the demonstration does not take."""
    set_here = speech.values() | settings.values()
    return sorted(
        name.upper()
        for name, value in set_here.items()
        if name not in _NOT_TOLD and not _is_taken(name, settings) and value != _usual(_FIELDS[name])
    )


def _is_taken(name: str, settings: Settings) -> bool:
    """Whether a setting belongs to an engine that the person has chosen; the profile's own are taken as they are."""
    if name in _KEPT or name == "llm_model":
        return True
    if name.startswith("llm_"):
        return not settings.runs_llm or settings.profile is not Profile.EMBEDDED
    if name.startswith("stt_"):
        return not settings.runs_default_stt
    if name.startswith(("tts_", "xtts_", "piper_")):
        return settings.voice_engine != "espeak" or settings.tts.websocket_url is not None
    return False


def _usual(field: FieldInfo) -> Any:
    return field.get_default(call_default_factory=True)


def _written(field: FieldInfo) -> str:
    """As a variable: empty is "not set", unless an empty value means something."""
    if not any(isinstance(mark, BlankCounts) for mark in field.metadata):
        return ""
    usual = _usual(field)
    return ",".join(usual) if isinstance(usual, tuple) else str(usual)
