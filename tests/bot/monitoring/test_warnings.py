"""Tests of the warnings: which limit is crossed, and what can be done about it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bot.monitoring.monitor import Monitor
from bot.monitoring.warnings import voice_remedy
from config.sections import WarningSettings
from config.types import GpuVendor
from hardware.memory import GIB, CardMemory
from tests.bot.monitoring.figures import SPOKEN_TURN, Figures


def codes(monitor: Monitor) -> list[str]:
    return [warning.code for warning in monitor.warnings()]


def test_without_turns_and_cards_nothing_is_wrong() -> None:
    assert codes(Figures().monitor) == []


@pytest.mark.parametrize(
    ("stage", "ms", "code", "setting"),
    [
        ("transcribed", 120.0 + 501, "stt_ms", "WARN_STT_MS=500"),
        ("first_token", 310.0 + 1_001, "first_token_ms", "WARN_FIRST_TOKEN_MS=1000"),
        ("first_audio", 520.0 + 301, "tts_ms", "WARN_TTS_MS=300"),
    ],
)
def test_an_engine_that_is_slower_than_its_limit_is_named_with_a_remedy(
    stage: str, ms: float, code: str, setting: str
) -> None:
    figures = Figures()
    figures.turn()
    assert codes(figures.monitor) == []
    for later in (1_000.0, 0.0):
        slow: dict[str, Any] = {stage: ms + later}
        figures.turn(replace(SPOKEN_TURN, **slow))
    (warning,) = figures.monitor.warnings()
    assert warning.code == code
    assert setting in warning.text
    assert warning.remedy


def test_a_limit_of_the_operator_counts() -> None:
    figures = Figures(limits=WarningSettings(stt_ms=100.0, tts_ms=50.0))
    figures.turn()
    assert codes(figures.monitor) == ["stt_ms", "tts_ms"]
    assert "180 ms" in figures.monitor.warnings()[0].text


async def polled(figures: Figures, *cards: CardMemory) -> None:
    """Poll these states of one card, one after the other."""
    for card in cards:
        await figures.poll_cards(card)


async def test_a_card_counts_as_too_busy_only_if_it_is_busy_for_a_minute() -> None:
    figures, card = Figures(), CardMemory("RTX", GpuVendor.NVIDIA, 12 * GIB, 2 * GIB, utilisation=0.1)
    await polled(figures, card, replace(card, utilisation=1.0))
    assert codes(figures.monitor) == [], "a card that is fully busy for a moment is no reason for a warning"
    await polled(figures, *(replace(card, used_bytes=n, utilisation=0.99) for n in range(12)))
    (warning,) = figures.monitor.warnings()
    assert (warning.code, "99 % busy" in warning.text, "WARN_GPU=0.8" in warning.text) == ("gpu", True, True)


async def test_a_card_that_is_nearly_full_is_named() -> None:
    figures = Figures()
    await polled(figures, CardMemory("RX 6800", GpuVendor.AMD, 10 * GIB, 9 * GIB))
    (warning,) = figures.monitor.warnings()
    assert warning.code == "vram"
    assert "RX 6800 is nearly full" in warning.text


def test_an_engine_that_is_away_is_named_and_one_that_is_not_checked_yet_is_not() -> None:
    figures = Figures()
    figures.state |= {"model": "The model server does not answer.", "ears": "unknown"}
    (warning,) = figures.monitor.warnings()
    assert (warning.code, warning.text) == ("mind", "Mind: The model server does not answer.")
    assert "doctor" in warning.remedy


def test_small_engines_are_named_without_markdown() -> None:
    figures = Figures()
    figures.monitor.small_engines = "⚠️ I answer with a toy. Set `LLM_URL`.\n⚠️ My ears are a toy."
    assert [warning.text for warning in figures.monitor.warnings()] == [
        "I answer with a toy. Set LLM_URL.",
        "My ears are a toy.",
    ]


@pytest.mark.parametrize(
    ("engine", "told", "untold"),
    [
        ("piper", "end other programs", "TTS_ENGINE"),
        ("espeak", "end other programs", "TTS_ENGINE"),
        ("kokoro", "TTS_ENGINE=piper", "TTS_DEVICE"),
        ("xtts", "TTS_DEVICE=cuda", "TTS_WEBSOCKET_URL"),
        (None, "TTS_WEBSOCKET_URL", "TTS_ENGINE"),
    ],
)
def test_the_remedy_for_a_slow_voice_depends_on_the_engine(engine: str | None, told: str, untold: str) -> None:
    remedy = voice_remedy(engine)
    assert told in remedy
    assert untold not in remedy
    figures = Figures(limits=WarningSettings(tts_ms=50.0))
    figures.monitor.remedies = {"tts_ms": remedy}
    figures.turn()
    (warning,) = figures.monitor.warnings()
    assert warning.remedy == remedy
