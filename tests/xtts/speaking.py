"""Helpers: skipping tests without XTTS's libraries, and letting the engine speak a whole text."""

from __future__ import annotations

import threading
from importlib.util import find_spec

import numpy as np
import pytest

from audio.samples import Samples
from tts_server.engines.base import Voice
from tts_server.engines.xtts.engine import XttsEngine
from wire.parameters import SpeechParameters

TEXT = "hello there, my friend."


def skip_without_libraries() -> None:
    """Skip the calling module if XTTS's libraries are not installed."""
    if find_spec("torch") is None or find_spec("TTS") is None:
        reason = "XTTS v2's libraries (2.5 GB) are not installed: `make test-xtts` installs them and runs these tests"
        pytest.skip(reason, allow_module_level=True)


def hear(engine: XttsEngine, text: str = TEXT, voice: str | Voice | None = None, **parameters: float) -> Samples:
    """Return the whole sound of ``text``."""
    given = SpeechParameters(**parameters)  # type: ignore[arg-type]  # each has its own type
    speaker = voice if isinstance(voice, Voice) else engine.resolve(voice, None)
    return np.concatenate(list(engine.synthesize(text, speaker, given, threading.Event())))
