"""Tests of the doctor's speed test and its advice for slow machines."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bot.doctor.engines import check_model_server, check_voice
from bot.doctor.speed import busy_note, llm_speed, llm_verdict, stt_speed, stt_verdict
from bot.models.named_llm import EmbeddedLlm
from bot.own_weights import OwnWeights
from config.settings import Settings
from config.speech_settings import SpeechSettings
from tests.http_server import Handler
from tests.llm.servers import DONE, FINISHED, delta_event, event, said, serving, streaming
from tests.voice.transcribe.scripted_transcriber import ScriptedTranscriber
from toys.llm.weights import toy_weights
from tts_server.command_line import lighter_engine, verdict


def test_verdicts_name_the_setting_to_change() -> None:
    assert llm_verdict(30) == stt_verdict(0.5) == verdict(0.05, "espeak") == "fast enough for a call"
    assert "LLM_MODEL" in llm_verdict(2)
    assert "STT_MODEL" in stt_verdict(4)
    assert verdict(1.5, "piper") == "too slow for a call: set TTS_ENGINE=piper"
    assert verdict(1.5, None) == "too slow for a call"


@pytest.mark.usefixtures("clean_environment")
def test_instead_of_a_slow_engine_piper_is_advised_if_its_weights_are_here_and_otherwise_espeak(tmp_path: Path) -> None:
    kokoro: dict[str, Any] = {"tts_engine": "kokoro", "cache_dir": tmp_path}
    assert lighter_engine(SpeechSettings.read(**kokoro)) == "espeak"
    (tmp_path / "weights" / "piper-joe").mkdir(parents=True)
    assert lighter_engine(SpeechSettings.read(**kokoro)) == "piper"
    assert lighter_engine(SpeechSettings.read(cache_dir=tmp_path, tts_engine="piper")) == "espeak"
    assert lighter_engine(SpeechSettings.read(cache_dir=tmp_path, tts_engine="espeak")) is None


@pytest.mark.usefixtures("clean_environment")
async def test_the_doctor_marks_a_voice_that_is_too_slow_with_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("bot.doctor.engines.busy_note_now", lambda: busy_note(6.4, 2))
    variables = {"TTS_ENGINE": "stand-in", "TTS_STAND_IN_RTF": "1.0", "TTS_FALLBACK": "", "CACHE_DIR": str(tmp_path)}
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    found = await check_voice(Settings.read(), OwnWeights())
    assert found.mark == "–"
    assert "too slow for a call: set TTS_ENGINE=espeak (measured while other programs" in found.text


def test_a_busy_machine_is_reported() -> None:
    assert busy_note(1.0, 2) == ""
    assert "load 6.4" in busy_note(6.4, 2)


async def test_the_language_model_is_really_asked(tmp_path: Path) -> None:
    toy = EmbeddedLlm(toy_weights(tmp_path), "toy")
    assert "tokens a second: " in await llm_speed(toy)


async def test_a_language_model_that_can_not_be_loaded_raises_an_error(tmp_path: Path) -> None:
    (tmp_path / "broken.gguf").write_bytes(b"GGUF" + bytes(100))
    with pytest.raises(RuntimeError):
        await llm_speed(EmbeddedLlm(tmp_path / "broken.gguf", "broken"))


THOUGHT = delta_event(reasoning_content="Hm.")
SILENT = "can't hold a call. The model server at 127.0.0.1:"


@pytest.mark.parametrize(
    ("sent", "good", "told"),
    [
        ((FINISHED, DONE), False, "answered without saying anything. Remedy: get "),
        ((THOUGHT, delta_event("length"), DONE), False, "spent its whole budget of 500 tokens on thinking."),
        ((event({"error": {"message": "no memory"}}),), False, "reported an error: no memory."),
        ((said("A "), said("word."), FINISHED, DONE), True, "first word after "),
    ],
)
async def test_an_empty_answer_is_not_told_as_a_slow_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sent: tuple[bytes, ...], good: bool, told: str
) -> None:
    handler = streaming(*sent)
    monkeypatch.setattr("bot.doctor.speed.served_llm", lambda _: model_server(handler))
    monkeypatch.setattr("bot.doctor.speed.MIN_TOKENS_PER_SECOND", 0.0)
    llm = EmbeddedLlm(tmp_path / "mine.gguf", "mine", unchecked=True)
    found = await check_model_server(Settings.read(_env_file=None, profile="embedded"), OwnWeights(llms=(llm,)))
    assert found.good is good
    assert told in found.text
    assert (SILENT in found.text) is not good
    assert "not a word within" not in found.text


@asynccontextmanager
async def model_server(handler: Handler) -> AsyncIterator[SimpleNamespace]:
    """Stands in for the bot's own model server: a scripted one."""
    async with serving(handler) as url:
        yield SimpleNamespace(url=url)


async def test_the_transcriber_is_tested_with_three_seconds_of_sound() -> None:
    ears = ScriptedTranscriber([""])
    assert "for a sound of 3 s: fast enough for a call" in await stt_speed(ears)
    assert ears.requests[-1].seconds == 3.0
