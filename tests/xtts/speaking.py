"""What these tests share: who has XTTS's libraries, voices on a shelf, and hearing a text to its end."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from importlib.util import find_spec

import numpy as np
import pytest

from audio.samples import Samples
from tts_server.engines.base import Voice
from tts_server.engines.xtts.engine import XttsEngine
from tts_server.voices.profile import VoiceProfile
from wire.parameters import SpeechParameters

TEXT = "hello there, my friend."


def skip_without_libraries() -> None:
    """Skip the module that says this, where XTTS's libraries are not installed."""
    if find_spec("torch") is None or find_spec("TTS") is None:
        reason = "XTTS v2's libraries (2.5 GB) are not installed: `make test-xtts` installs them and runs these tests"
        pytest.skip(reason, allow_module_level=True)


class Shelf:
    """The voices that people made, in a list."""

    def __init__(self, *profiles: VoiceProfile) -> None:
        self.profiles = list(profiles)

    def all(self) -> Sequence[VoiceProfile]:
        return self.profiles

    def get(self, voice: str) -> VoiceProfile | None:
        return next((profile for profile in self.profiles if profile.id == voice), None)


def hear(engine: XttsEngine, text: str = TEXT, voice: str | Voice | None = None, **parameters: float) -> Samples:
    """All that ``voice`` says when it speaks ``text``."""
    given = SpeechParameters(**parameters)  # type: ignore[arg-type]  # each has its own type
    speaker = voice if isinstance(voice, Voice) else engine.resolve(voice, None)
    return np.concatenate(list(engine.synthesize(text, speaker, given, threading.Event())))
