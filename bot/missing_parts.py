"""Warnings at the start about weights and packages that the settings need and this machine lacks."""

from __future__ import annotations

import importlib.util

from bot.models.catalogue import CatalogueError, Part, load_catalogue
from bot.models.needs import download_command, is_here, needed_models, recognises_speech
from bot.models.outside import outside_weights
from config.place import how_to_install_xtts
from config.settings import Profile, Settings
from config.speech_settings import EngineName, SpeechSettings

_WITHOUT = {
    Part.STT: "I can't understand speech",
    Part.TTS: "this voice is silent, and an engine of TTS_FALLBACK speaks instead, if there is one",
}


def missing_parts(settings: Settings) -> list[str]:
    """A warning for each missing part, with the command that gets it. Servers are not checked. Blocks on the disk."""
    speech = SpeechSettings.read(tts_engine=settings.voice_engine)
    found = []
    own_voice = settings.tts.websocket_url is None
    if own_voice and settings.voice_engine == EngineName.XTTS and importlib.util.find_spec("TTS") is None:
        found.append(f"⚠️ XTTS's packages are not installed. To get them, {how_to_install_xtts()}.")
    try:
        catalogue = load_catalogue()
    except CatalogueError as error:
        return [*found, f"⚠️ {error}."]
    # Missing weights of the embedded profile have replacements. `choose_weights` warns about them.
    replaceable = catalogue.profiles[Profile.EMBEDDED] if settings.profile is Profile.EMBEDDED else ()
    for name in needed_models(catalogue, settings, speech):
        model = catalogue.models[name]
        is_named = settings.stt.model is not None and recognises_speech(model)
        if name in replaceable and not is_named:
            continue
        if model.part in _WITHOUT and not is_here(settings, name, model):
            found.append(
                f"⚠️ {model.title} is not here. Without it {_WITHOUT[model.part]}. "
                f"To get it, type `{download_command(name)}`."
            )
    found += [
        f"⚠️ {outside.fault} Without it {_WITHOUT[outside.part]}."
        for outside in outside_weights(catalogue, settings, speech)
        if outside.part in _WITHOUT and outside.place is None
    ]
    return found
