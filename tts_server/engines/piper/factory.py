"""Creates the Piper engine with the voices of ``PIPER_MODEL``, that of ``TTS_ENGINE_OPTIONS``, or a downloaded one.

This module imports Piper's libraries only after it has checked that they are installed.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from config.place import bot_command, how_to_install_requirements
from tts_server.engines.base import EngineError
from tts_server.engines.piper.voice_files import VoiceFile, find_voices, read_voice

if TYPE_CHECKING:
    from tts_server.engines.piper.engine import PiperEngine

_OPTIONS = ("voice", "piper_path", "debug")
_VOICE_OPTIONS = ("model_file", "config_file")
_NEEDED = ("piper", "onnx")


def _how_to_get_a_voice() -> str:
    return f"type {bot_command('models download piper-joe')}, or set PIPER_MODEL to the file of another voice"


def create_piper(
    model: Path | None, options: Mapping[str, Any], voice: str | None, *, downloaded: Path | None = None
) -> PiperEngine:
    """Create the engine and load its default voice. It blocks for about a second: call it in a thread.

    Args:
        model: a voice's file, or a folder with voices.
        options: ``TTS_ENGINE_OPTIONS``, in the form of RealtimeTTS's Piper engine, which this engine replaced. The
            voice in these options is used if ``model`` is ``None``. The options about Piper's program are accepted and
            ignored.
        voice: the default voice; ``None`` for the engine's own default.
        downloaded: the folder of the voice that speaks if neither ``model`` nor ``options`` names a voice.

    Raises:
        EngineError: Piper's packages are not installed, or no voice can be used.
        UnknownVoiceError: the engine has no such voice.
    """
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise EngineError(
            f"piper needs packages that are not installed ({', '.join(missing)}): {how_to_install_requirements()}"
        )
    files = _files(model, options, downloaded)
    # Piper's libraries are imported only if Piper is used.
    engine: PiperEngine = importlib.import_module("tts_server.engines.piper.engine").PiperEngine(files, voice)
    try:
        engine.load_default()
    except EngineError:
        engine.close()
        raise
    return engine


def _files(model: Path | None, options: Mapping[str, Any], downloaded: Path | None) -> list[VoiceFile]:
    named = _voice_of(options)
    if model is not None:
        return find_voices(model)
    if named is None and downloaded is not None:
        try:
            return find_voices(downloaded)
        except EngineError as error:
            raise EngineError(f"{error}: {_how_to_get_a_voice()}") from error
    if named is None:
        raise EngineError(f"piper needs a voice that is on this machine: {_how_to_get_a_voice()}")
    file, description = named
    if not file.is_file():
        raise EngineError(f"piper's voice {file} is not there: {_how_to_get_a_voice()}")
    return [read_voice(file, description)]


def _voice_of(options: Mapping[str, Any]) -> tuple[Path, Path | None] | None:
    _check("an option", options, _OPTIONS)
    voice = options.get("voice")
    if voice is None:
        return None
    if isinstance(voice, dict):
        _check("a voice's option", voice, _VOICE_OPTIONS)
    if not isinstance(voice, dict) or not isinstance(voice.get("model_file"), str):
        raise EngineError('TTS_ENGINE_OPTIONS: piper\'s voice is {"model_file": "data/models/VOICE.onnx"}')
    description = voice.get("config_file")
    return Path(voice["model_file"]), Path(str(description)) if description else None


def _check(what: str, given: Mapping[str, Any], known: tuple[str, ...]) -> None:
    for name in given:
        if name not in known:
            raise EngineError(f"TTS_ENGINE_OPTIONS: {name!r} is not {what} of piper; it has {', '.join(known)}")
