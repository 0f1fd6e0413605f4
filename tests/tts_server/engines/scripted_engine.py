"""A RealtimeTTS engine that does what its text says."""

from __future__ import annotations

import threading
from typing import Any

from RealtimeTTS.engines.base_engine import BaseEngine

from audio.encoders import FfmpegEncoder
from tests.tones import tone
from tts_server.engines.realtime_tts.engine import PA_INT16

RATE = 16_000
TONE_HZ = 200.0


def encoded(container: str, codec: str, seconds: float, rate: int) -> bytes:
    encoder = FfmpegEncoder(rate, container, codec, "")
    return encoder.encode(tone(seconds, TONE_HZ, rate=rate)) + encoder.finish()


class ScriptedEngine(BaseEngine):  # type: ignore[misc]  # RealtimeTTS ships no types
    """Puts ``pieces`` into its queue for every text. Some words in the text change this.

    With "hang" it waits for ``release``, even if stopped, and then speaks. With "wait" it waits to be stopped. With
    "raise" it raises an error. With "false" it reports a failure.
    """

    def __init__(
        self,
        pieces: list[bytes],
        stream: tuple[int, int, int] = (PA_INT16, 1, RATE),
        voices: tuple[Any, ...] = ("Anna", "Bob"),
    ) -> None:
        self.pieces, self.stream, self.voices = pieces, stream, voices
        self.release = threading.Event()
        self.hanging = threading.Event()
        self.hangs = False
        self.texts: list[str] = []
        self.chosen: Any = None
        self.parameters: dict[str, Any] = {}

    def post_init(self) -> None:
        self.engine_name = "scripted"

    def get_stream_info(self) -> tuple[int, int, int]:
        return self.stream

    def get_voices(self) -> list[Any]:
        return list(self.voices)

    def set_voice(self, voice: Any) -> None:
        self.chosen = voice

    def set_voice_parameters(self, **voice_parameters: Any) -> None:
        self.parameters = voice_parameters

    def synthesize(self, text: str, sentence_count: int = 0) -> bool:
        super().synthesize(text, sentence_count)
        self.texts.append(text)
        if "wait" in text:
            self.hanging.set()
            self.stop_synthesis_event.wait(60)
        if "hang" in text:
            self.hangs = True
            self.hanging.set()
            self.release.wait(60)
            self.hangs = False
        if "raise" in text:
            raise ValueError("no licence")
        for piece in self.pieces:
            self.queue.put(piece)
        return "false" not in text
