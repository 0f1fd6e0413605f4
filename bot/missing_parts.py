"""What the settings ask for and this machine does not have: told at the start, not in the first call."""

from __future__ import annotations

import importlib.util

from huggingface_hub import try_to_load_from_cache

from bot.models.catalogue import CatalogueError, Model, Part, load_catalogue
from bot.models.needs import download_command, needed_models, shelf_of
from config.settings import Settings
from tts_server.settings import EngineName
from tts_server.settings import load_settings as load_speech_settings

_WITHOUT = {
    Part.EARS: "I can't understand speech",
    Part.VOICE: "I can't speak with it, and an engine of TTS_FALLBACK does, if there is one",
}


def missing_parts(settings: Settings) -> list[str]:
    """A warning for each part, with what to type. What serves a model is asked itself, elsewhere. Blocks."""
    speech = load_speech_settings(tts_engine=settings.voice_engine)
    found = []
    own_voice = settings.tts_websocket_url is None
    if own_voice and settings.voice_engine == EngineName.XTTS and importlib.util.find_spec("TTS") is None:
        found.append("⚠️ XTTS's packages are not installed. To get them, type `make xtts`.")
    try:
        catalogue = load_catalogue()
    except CatalogueError as error:
        return [*found, f"⚠️ {error}."]
    shelf = shelf_of(settings)
    for name in needed_models(catalogue, settings, speech):
        model = catalogue.models[name]
        if model.part in _WITHOUT and not shelf.is_whole(name, model) and not _is_in_hub_cache(model):
            found.append(
                f"⚠️ {model.title} is not here. Without it {_WITHOUT[model.part]}. "
                f"To get it, type `{download_command(name)}`."
            )
    return found


def _is_in_hub_cache(model: Model) -> bool:
    cached = try_to_load_from_cache(model.repository, model.files[0].path, revision=model.revision)
    return isinstance(cached, str)
