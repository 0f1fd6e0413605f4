"""A call of three people with recorded voices, with a real transcriber, model and voice."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from benchmarks.real_call_measurement import GuestUtterance, RealCall, divided_by_microphone
from benchmarks.turn_measurement import PEOPLE
from bot.own_weights import OwnWeights
from sandbox.guest_lines import recorded_lines
from sandbox.speech_sounds import breath, cough, keyboard, music, noise
from sandbox.word_errors import NO_WORDS, word_errors

REAL: Mapping[str, str] = {"PROFILE": "embedded", "WEIGHTS": "real"}
PLAIN = ("capital", "hello", "interruption", "story", "aside", "agreed")
"""Lines without the bot's own name, which every recogniser spells as it likes."""
MAX_ERRORS = 3.0
"""Largest allowed share of misheard words, in percent."""


def said() -> list[GuestUtterance]:
    lines = recorded_lines()
    return [GuestUtterance(lines[name].text, lines[name].guest, lines[name].read()) for name in PLAIN]


@pytest.mark.timeout(400)
async def test_every_utterance_and_no_noise_is_heard_and_each_person_is_answered(
    weights: OwnWeights, tmp_path: Path
) -> None:
    assert None not in (weights.stt, weights.llm, weights.voice)
    async with RealCall(tmp_path, REAL) as call:
        heard = await call.transcribe(divided_by_microphone(said()), lambda: None)
        errors = sum((word_errors(one.text, one.heard) for one in heard), NO_WORDS)
        assert errors.percent <= MAX_ERRORS, [(one.text, one.heard) for one in heard]
        assert [len(one.parts) for one in heard] == [1] * len(heard), "each is one utterance"

        sounds = {
            "push-to-talk": [keyboard(6.0, 1), cough(2), cough(3)],
            "voice activity": [breath(8.0, 4), cough(5), music(6.0, 6)],
            "open": [noise(8.0, 7, level=0.02), music(6.0, 8)],
        }
        assert await call.reactions_to(sounds) == []

        for kind, utterance in zip(PEOPLE, said(), strict=False):
            (turn,) = await call.converse(kind, [utterance], lambda: None)
            assert turn.trace.audio > 300
            assert word_errors(turn.text, turn.heard).errors == 0
