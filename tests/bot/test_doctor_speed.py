"""Tests of the doctor's speed test and its advice for slow machines."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.doctor_speed import busy_note, llm_speed, llm_verdict, stt_speed, stt_verdict
from bot.models.named_llm import EmbeddedLlm
from bot.voice.transcribe.transcriber import Transcript, TranscriptionRequest
from toys.llm.weights import toy_weights
from tts_server.command_line import verdict


def test_verdicts_name_the_setting_to_change() -> None:
    assert llm_verdict(30) == stt_verdict(0.5) == verdict(0.05) == "fast enough for a call"
    assert "LLM_MODEL" in llm_verdict(2)
    assert "STT_MODEL" in stt_verdict(4)
    assert "TTS_ENGINE" in verdict(1.5)


def test_a_busy_machine_is_told() -> None:
    assert busy_note(1.0, 2) == ""
    assert "load 6.4" in busy_note(6.4, 2)


async def test_the_mind_is_really_asked(tmp_path: Path) -> None:
    toy = EmbeddedLlm(toy_weights(tmp_path), "toy")
    assert "tokens a second: " in await llm_speed(toy)


async def test_a_mind_that_can_not_be_loaded_raises(tmp_path: Path) -> None:
    (tmp_path / "broken.gguf").write_bytes(b"GGUF" + bytes(100))
    with pytest.raises(RuntimeError):
        await llm_speed(EmbeddedLlm(tmp_path / "broken.gguf", "broken"))


class Ears:
    """A transcriber that hears nothing and records its requests."""

    def __init__(self) -> None:
        self.seconds = 0.0

    async def transcribe(self, request: TranscriptionRequest) -> Transcript:
        self.seconds = request.seconds
        return Transcript("")

    async def warm_up(self) -> None: ...

    async def problem(self) -> str | None: ...

    async def rest(self) -> None: ...

    async def close(self) -> None: ...

    def describe(self) -> str:
        return "ears"


async def test_the_ears_listen_to_three_seconds() -> None:
    ears = Ears()
    assert "for a sound of 3 s: fast enough for a call" in await stt_speed(ears)
    assert ears.seconds == 3.0
