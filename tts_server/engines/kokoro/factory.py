"""Creates the Kokoro engine with the weights of ``KOKORO_MODEL``, or with downloaded ones.

This module imports Kokoro's libraries only after it has checked that they are installed.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from config.place import how_to_install_requirements
from tts_server.engines.base import EngineError
from tts_server.engines.kokoro.model_files import find_files, how_to_download

if TYPE_CHECKING:
    from tts_server.engines.kokoro.engine import KokoroEngine

_NEEDED = ("kokoro_onnx", "phonemizer", "espeakng_loader")


def create_kokoro(folder: Path | None, options: Mapping[str, Any], voice: str | None) -> KokoroEngine:
    """Create the engine and load its network. It blocks for about a second: call it in a thread.

    Args:
        folder: the folder with the weights; ``None`` if there is none.
        options: ``TTS_ENGINE_OPTIONS``. This engine has none.
        voice: the default speaker; ``None`` for the engine's own default.

    Raises:
        EngineError: Kokoro's packages are not installed, or its weights are missing or damaged.
        UnknownVoiceError: the engine has no such speaker.
    """
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise EngineError(
            f"kokoro needs packages that are not installed ({', '.join(missing)}): {how_to_install_requirements()}"
        )
    if options:
        raise EngineError(
            f"TTS_ENGINE_OPTIONS: kokoro has no options, so not {next(iter(options))!r} either; "
            "TTS_VOICE chooses the speaker"
        )
    if folder is None:
        raise EngineError(
            f"kokoro's weights are not on this machine: {how_to_download()}, or set KOKORO_MODEL to their folder"
        )
    # Kokoro's libraries are imported only if Kokoro is used.
    engine: KokoroEngine = importlib.import_module("tts_server.engines.kokoro.engine").KokoroEngine(
        find_files(folder), voice
    )
    return engine
