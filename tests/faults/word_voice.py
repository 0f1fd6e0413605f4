"""The real speech server with a stand-in voice that speaks words as tones: ``python -m tests.faults.word_voice``."""

from __future__ import annotations

import sys
import threading
from collections.abc import Generator
from unittest.mock import patch

from typing_extensions import override

from audio.samples import Samples
from tests.faults.words import tones
from tts_server.command_line import run
from tts_server.engines import stand_in
from tts_server.engines.base import Voice
from wire.parameters import SpeechParameters

PIECE = 0.1
"""Seconds of sound in one piece."""


class WordVoice(stand_in.StandInEngine):
    """Speaks each word as its tone, at once, whatever the mood."""

    # With this, the server leaves the pitch to the engine. Otherwise a mood would change the tones.
    shifts_pitch = True

    @override
    def synthesize(
        self, text: str, voice: Voice, parameters: SpeechParameters, stop: threading.Event
    ) -> Generator[Samples, None, None]:
        sound, piece = tones(text, self.sample_rate), round(PIECE * self.sample_rate)
        for start in range(0, len(sound), piece):
            if stop.is_set():
                return
            yield sound[start : start + piece]


if __name__ == "__main__":
    with patch.object(stand_in, "StandInEngine", WordVoice):
        sys.exit(run())
