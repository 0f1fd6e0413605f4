"""Finds out which models of the catalogue the settings need."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bot.models.catalogue import Catalogue, Model, Part
from bot.models.hub import find_in_hub_cache
from bot.models.model_store import ModelStore
from config.place import bot_command
from config.settings import Profile, Settings, Weights
from config.speech_settings import DEFAULT_XTTS_MODEL, EngineName, SpeechSettings

QUICK_ENGLISH = "moonshine-base"
"""The model that recognises English in place of Whisper, where Whisper runs on the processor. It is optional."""
FOLDER = "models"
"""Name of the folder in DATA_DIR for models from the hub."""


def download_command(*names: str) -> str:
    """The command that downloads these models. Without names, it downloads those that the settings need."""
    return bot_command("models download", *names)


def repair_command() -> str:
    """The command that repairs the weights that the bot runs itself."""
    return bot_command("models repair", python="python")


def fetch_command() -> str:
    """The command that downloads the weights that a start would use."""
    return bot_command("models fetch", python="python")


def store_of(settings: Settings, model: Model) -> ModelStore:
    """The store for the model, whether the model is there already or not."""
    return ModelStore(settings.packaged_weights if model.packages else settings.data_dir / FOLDER)


def is_here(settings: Settings, name: str, model: Model) -> bool:
    """Whether the model was downloaded by the bot, or is in Hugging Face's own cache."""
    return store_of(settings, model).is_whole(name, model) or find_in_hub_cache(model) is not None


def needed_models(catalogue: Catalogue, settings: Settings, speech: SpeechSettings) -> tuple[str, ...]:
    """The models that the parts of the bot need with these settings, in the catalogue's order.

    A part needs no model of the catalogue if it uses an external server, or if its setting names weights that are not
    in the catalogue.
    """
    needed = {
        *_stt_models(catalogue, settings),
        *_llm_models(catalogue, settings),
        *_tts_models(catalogue, settings, speech),
    }
    return tuple(name for name in catalogue.models if name in needed)


def recogniser_model(catalogue: Catalogue, settings: Settings) -> str | None:
    """The id of the speech recognition model that the settings need; ``None`` if they need none of the catalogue."""
    return next((name for name in _stt_models(catalogue, settings) if recognises_speech(catalogue.models[name])), None)


def uses_quick_english(catalogue: Catalogue, settings: Settings) -> bool:
    """Whether the quick model may recognise English with these settings.

    It is faster only than the Whisper of the profile ``embedded``, and only on the processor.
    """
    return (
        QUICK_ENGLISH in catalogue.models
        and settings.weights is not Weights.TOYS
        and recogniser_model(catalogue, settings) in catalogue.profiles[Profile.EMBEDDED]
        and settings.stt.device in ("auto", "cpu")
        and settings.stt.english_model == "auto"
        and settings.stt.language in (None, "en")
    )


def recognises_speech(model: Model) -> bool:
    """Whether the model recognises speech. The other model for speech recognition only detects voice activity."""
    return "STT_MODEL" in model.settings


def _stt_models(catalogue: Catalogue, settings: Settings) -> Iterator[str]:
    if settings.stt.url is not None:
        return
    if settings.stt.model is None:
        yield from _profile_models(catalogue, settings, Part.STT)
        return
    asked = settings.stt.model
    for name, model in catalogue.models.items():
        if not recognises_speech(model):
            continue
        if asked in (name, *model.also_called) or any(_same(Path(asked), place) for place in _places(settings, name)):
            yield name


def _llm_models(catalogue: Catalogue, settings: Settings) -> Iterator[str]:
    if settings.runs_llm and settings.llm.model is not None:
        # The bot serves the named model itself. A file of the operator's own is not in the catalogue.
        named = catalogue.models.get(settings.llm.model)
        if named is not None and named.part is Part.LLM:
            yield settings.llm.model
        return
    for name in _profile_models(catalogue, settings, Part.LLM):
        own = catalogue.models[name].settings
        if settings.llm.call_url in (None, own.get("LLM_URL")) and settings.llm.call_model in (
            None,
            own.get("LLM_MODEL"),
        ):
            yield name


def _tts_models(catalogue: Catalogue, settings: Settings, speech: SpeechSettings) -> Iterator[str]:
    if settings.tts.websocket_url is not None:
        return
    if settings.tts.engine is None and settings.profile is Profile.EMBEDDED:
        yield from _profile_models(catalogue, settings, Part.TTS)
    engines = voice_engines(settings, speech)
    for name, model in catalogue.models.items():
        if model.part is Part.TTS and model.settings.get("TTS_ENGINE") in engines:
            # If the setting names another folder, the operator uses weights of their own instead of this model.
            if "XTTS_MODEL" in model.settings and not _is_xtts_model(speech, store_of(settings, model).folder(name)):
                continue
            if "PIPER_MODEL" in model.settings and not _is_piper_model(speech, name):
                continue
            if model.settings["TTS_ENGINE"] == EngineName.KOKORO and not _is_kokoro_model(settings, speech, name):
                continue
            yield name


def voice_engines(settings: Settings, speech: SpeechSettings) -> set[str | None]:
    """The engines that the bot's own speech server is set to use."""
    # Fallback engines that were not set explicitly are used only if they are installed, so they need no download.
    return {settings.voice_engine, *speech.named_fallbacks, speech.tts_better_engine}


def _is_xtts_model(speech: SpeechSettings, folder: Path) -> bool:
    return speech.xtts_model == DEFAULT_XTTS_MODEL or _same(speech.xtts_model, folder)


def _profile_models(catalogue: Catalogue, settings: Settings, part: Part) -> Iterator[str]:
    if settings.profile is Profile.EMBEDDED and settings.weights is Weights.TOYS:
        return
    yield from (name for name in catalogue.profiles[settings.profile] if catalogue.models[name].part is part)


def _places(settings: Settings, name: str) -> tuple[Path, Path]:
    """The folders in which a downloaded model may be: for models from packages, and for models from the hub.

    A model that packages contain may be in the second folder too: older versions downloaded it from the hub.
    """
    return settings.packaged_weights / name, settings.data_dir / FOLDER / name


def _is_piper_model(speech: SpeechSettings, name: str) -> bool:
    """Whether the settings choose this model as Piper's voice, or as the voice of RealtimeTTS's Piper.

    If they choose none, this is true for each of Piper's voices in the catalogue.
    """
    if speech.piper_model is None:
        return not speech.tts_engine_options or f"/{name}/" in str(speech.tts_engine_options)
    return name in speech.piper_model.parts


def uses_catalogued_kokoro(catalogue: Catalogue, settings: Settings, speech: SpeechSettings) -> bool:
    """Whether ``KOKORO_MODEL`` is not set, or names the folder of a downloaded model."""
    return any(
        _is_kokoro_model(settings, speech, name)
        for name, model in catalogue.models.items()
        if model.settings.get("TTS_ENGINE") == EngineName.KOKORO
    )


def _is_kokoro_model(settings: Settings, speech: SpeechSettings, name: str) -> bool:
    """Whether Kokoro uses this model, and not the operator's own weights in another folder."""
    return speech.kokoro_model is None or any(_same(speech.kokoro_model, place) for place in _places(settings, name))


def _same(one: Path, other: Path) -> bool:
    return one.absolute() == other.absolute()
