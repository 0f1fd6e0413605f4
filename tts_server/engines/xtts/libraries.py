"""Imports XTTS's libraries, which takes seconds, and says what to do if the import fails."""

from __future__ import annotations

import importlib
import sys
from importlib.util import find_spec
from types import ModuleType
from typing import Any

from config.place import how_to_install_xtts
from tts_server.engines.base import EngineError

_NEEDED = ("torch", "torchaudio", "TTS", "safetensors")


def import_loading() -> ModuleType:
    """Import and return :mod:`tts_server.engines.xtts.loading`, which needs PyTorch and coqui-tts.

    Raises:
        EngineError: these libraries are not installed, or can't be imported.
    """
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise EngineError(f"XTTS v2 needs libraries that are not installed ({', '.join(missing)}): {_how_to_install()}")
    try:
        _import_torchaudio()
        return importlib.import_module("tts_server.engines.xtts.loading")
    except (ImportError, OSError, RuntimeError) as error:
        raise EngineError(f"XTTS v2's libraries can't be imported ({error}): {_how_to_install()}") from error


def _how_to_install() -> str:
    return f"{how_to_install_xtts()} (about 2.5 GB; more with CUDA's libraries)"


def _import_torchaudio() -> None:
    """Import torchaudio, without its compiled part if this part does not fit the installed PyTorch.

    The package index has torchaudio only for one release of CUDA. With a PyTorch for CPUs, or for another release,
    torchaudio's compiled part can't be loaded. XTTS does not need it: it uses only torchaudio's Python code.
    """
    try:
        importlib.import_module("torchaudio")
    except (ImportError, OSError, RuntimeError):
        for name in [name for name in sys.modules if name.partition(".")[0] == "torchaudio"]:
            del sys.modules[name]
        sys.modules["torchaudio._extension"] = _without_compiled_part()
        importlib.import_module("torchaudio")


def _without_compiled_part() -> ModuleType:
    def unavailable(function: Any) -> Any:
        def raise_instead(*arguments: Any, **named: Any) -> Any:
            raise RuntimeError(f"{function.__name__} needs torchaudio's compiled part, which doesn't fit this PyTorch")

        return raise_instead

    module = ModuleType("torchaudio._extension")
    module.__dict__.update(
        _IS_TORCHAUDIO_EXT_AVAILABLE=False,
        _IS_ALIGN_AVAILABLE=False,
        _check_cuda_version=lambda: None,
        fail_if_no_align=unavailable,
    )
    return module
