"""Which of the models that can be downloaded the settings ask for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bot.models.catalogue import Catalogue, Model, Part
from bot.models.hub import place_in_hub_cache
from bot.models.model_store import ModelStore
from config.settings import Profile, Settings, Weights
from config.speech_settings import USUAL_XTTS_MODEL, SpeechSettings

BOT = ".venv/bin/python -m bot"
"""How people start this program: what they are told to type begins so."""
FOLDER = "models"
"""In DATA_DIR: what comes from the hub."""


def download_command(*names: str) -> str:
    """What somebody types to get these models, or what the settings need."""
    return " ".join([BOT, "models download", *names])


def store_of(settings: Settings, model: Model) -> ModelStore:
    """Where the model lies, or would."""
    return ModelStore(settings.packaged_weights if model.packages else settings.data_dir / FOLDER)


def is_here(settings: Settings, name: str, model: Model) -> bool:
    """Whether it was downloaded, or lies in the hub's own cache."""
    return store_of(settings, model).is_whole(name, model) or place_in_hub_cache(model) is not None


def needed_models(catalogue: Catalogue, settings: Settings, speech: SpeechSettings) -> tuple[str, ...]:
    """The models that the parts of this bot are to work with, in the catalogue's order.

    A part that is somebody else's server needs none, and neither does one that is set to something that the catalogue
    does not have.
    """
    needed = {*_ears(catalogue, settings), *_mind(catalogue, settings), *_voices(catalogue, settings, speech)}
    return tuple(name for name in catalogue.models if name in needed)


def recogniser_model(catalogue: Catalogue, settings: Settings) -> str | None:
    """The model that recognises speech, by its name in the catalogue; ``None`` for one that is not in it."""
    return next((name for name in _ears(catalogue, settings) if recognises_speech(catalogue.models[name])), None)


def recognises_speech(model: Model) -> bool:
    """Whether it turns speech into words; the ears have another one that tells speech from noise."""
    return "STT_MODEL" in model.settings


def _ears(catalogue: Catalogue, settings: Settings) -> Iterator[str]:
    if settings.stt.url is not None:
        return
    if settings.stt.model is None:
        yield from _of_profile(catalogue, settings, Part.EARS)
        return
    asked = settings.stt.model
    for name, model in catalogue.models.items():
        if not recognises_speech(model):
            continue
        if asked in (name, *model.also_called) or any(_same(Path(asked), place) for place in _places(settings, name)):
            yield name


def _mind(catalogue: Catalogue, settings: Settings) -> Iterator[str]:
    if settings.runs_llm and settings.llm.model is not None:
        # The bot serves what is named; a file of somebody's own is in no catalogue.
        named = catalogue.models.get(settings.llm.model)
        if named is not None and named.part is Part.MIND:
            yield settings.llm.model
        return
    for name in _of_profile(catalogue, settings, Part.MIND):
        own = catalogue.models[name].settings
        if settings.llm.call_url in (None, own.get("LLM_URL")) and settings.llm.model in (None, own.get("LLM_MODEL")):
            yield name


def _voices(catalogue: Catalogue, settings: Settings, speech: SpeechSettings) -> Iterator[str]:
    if settings.tts.websocket_url is not None:
        return
    if settings.tts.engine is None and settings.profile is Profile.EMBEDDED:
        yield from _of_profile(catalogue, settings, Part.VOICE)
    engines = voice_engines(settings, speech)
    for name, model in catalogue.models.items():
        if model.part is Part.VOICE and model.settings.get("TTS_ENGINE") in engines:
            # Weights of somebody's own lie in a folder of their own.
            if "XTTS_MODEL" in model.settings and not _is_usual(speech, store_of(settings, model).folder(name)):
                continue
            if "PIPER_MODEL" in model.settings and not _is_pipers(speech, name):
                continue
            yield name


def voice_engines(settings: Settings, speech: SpeechSettings) -> set[str | None]:
    """The engines that the bot's own speech server is to have."""
    # Those that stand in unasked do so where they are here.
    others = speech.tts_fallback if "tts_fallback" in speech.model_fields_set else ()
    return {settings.voice_engine, *others, speech.tts_better_engine}


def _is_usual(speech: SpeechSettings, folder: Path) -> bool:
    return speech.xtts_model == USUAL_XTTS_MODEL or _same(speech.xtts_model, folder)


def _of_profile(catalogue: Catalogue, settings: Settings, part: Part) -> Iterator[str]:
    if settings.profile is Profile.EMBEDDED and settings.weights is Weights.TOYS:
        return
    yield from (name for name in catalogue.profiles[settings.profile] if catalogue.models[name].part is part)


def _places(settings: Settings, name: str) -> tuple[Path, Path]:
    """Where a model lies that was downloaded, and where one lay that came from the hub before packages carried it."""
    return settings.packaged_weights / name, settings.data_dir / FOLDER / name


def _is_pipers(speech: SpeechSettings, name: str) -> bool:
    """Whether Piper's voice is this one, or not yet any; it may be named in the way of RealtimeTTS's Piper too."""
    if speech.piper_model is None:
        return not speech.tts_engine_options or f"/{name}/" in str(speech.tts_engine_options)
    return name in speech.piper_model.parts


def _same(one: Path, other: Path) -> bool:
    return one.absolute() == other.absolute()
