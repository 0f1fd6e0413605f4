"""What ``GUESSES`` allows a call to do in advance. What costs money is allowed only if the operator asks for it, apart
from transcripts within a budget.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

import pytest
from pydantic import SecretStr

from bot.llm.requests import ModelOptions
from bot.speculation_policy import allowed_speculation, has_spare_power, voice_costs_money
from bot.voice.speculation import Speculation
from config.settings import Settings

pytestmark = pytest.mark.usefixtures("clean_environment")

KEY = SecretStr("sk-0123456789")
LOCAL = ModelOptions("http://127.0.0.1:8080/v1", api_key=KEY)
HOSTED = ModelOptions("https://api.openai.com/v1", api_key=KEY)
PAID_EARS = {"stt_url": "https://api.groq.com/openai/v1", "stt_api_key": "gsk-0123456789"}


def settings(**values: Any) -> Settings:
    return Settings.read(_env_file=None, **values)


def test_everything_runs_ahead_if_nothing_costs_money() -> None:
    assert allowed_speculation(settings(), LOCAL) == Speculation()
    own_ears = settings(stt_url="http://127.0.0.1:8000/v1", stt_api_key="any", guesses="auto")
    assert allowed_speculation(own_ears, LOCAL) == Speculation()
    assert allowed_speculation(settings(), replace(HOSTED, api_key=None)) == Speculation()


def test_a_model_that_costs_money_is_asked_in_advance_only_if_the_operator_wants_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "bot.speculation_policy")
    assert not allowed_speculation(settings(), HOSTED).replies
    assert "api.openai.com costs money" in caplog.text
    assert "GUESSES=on" in caplog.text
    caplog.clear()
    assert allowed_speculation(settings(guesses="on"), HOSTED) == Speculation()
    assert not allowed_speculation(settings(guesses="off"), LOCAL).replies
    assert caplog.text == ""


def test_a_voice_that_costs_money_speaks_in_advance_only_if_the_operator_wants_it() -> None:
    paid = {"tts_engine": "elevenlabs"}
    assert allowed_speculation(settings(**paid), LOCAL) == Speculation(voice=False)
    assert allowed_speculation(settings(**paid, guesses="on"), LOCAL) == Speculation()


@pytest.mark.parametrize(
    ("values", "openai_url", "paid"),
    [
        ({}, None, False),
        ({"tts_engine": "espeak"}, None, False),
        ({"tts_engine": "edge"}, None, False),
        ({"tts_engine": "openai"}, None, True),
        ({"tts_engine": "openai"}, "https://api.openai.com/v1", True),
        ({"tts_engine": "openai"}, "http://127.0.0.1:8880/v1", False),
        ({"tts_engine": "azure"}, "http://127.0.0.1:8880/v1", True),
        ({"profile": "api"}, None, True),
        ({"tts_engine": "openai", "tts_websocket_url": "ws://192.168.1.20:8765/ws/stream"}, None, False),
    ],
)
def test_voices_of_online_services_cost_money(values: dict[str, Any], openai_url: str | None, paid: bool) -> None:
    assert voice_costs_money(settings(**values), openai_url) is paid


def test_a_transcriber_that_costs_money_is_used_at_pauses_within_the_budget_or_not_at_all() -> None:
    assert allowed_speculation(settings(**PAID_EARS), LOCAL) == Speculation(words_cost=True)
    off = allowed_speculation(settings(**PAID_EARS, guesses="off"), LOCAL)
    assert (off.words, off.replies) == (False, False)
    assert allowed_speculation(settings(guesses="off"), LOCAL).words, "an own transcriber may run ahead all the same"


def test_the_operator_sets_the_budget() -> None:
    assert allowed_speculation(settings(wrong_guesses_per_minute=3), LOCAL).wrong_a_minute == 3


@pytest.mark.parametrize(
    ("values", "toys", "cores", "spare"),
    [
        ({}, False, 2, True),
        ({}, False, 1, False),
        ({}, True, 16, False),
        ({"stt_device": "cuda"}, False, 1, True),
        ({"stt_device": "cuda:1"}, False, 1, True),
        ({"stt_url": "http://127.0.0.1:8000/v1"}, False, 16, False),
    ],
)
def test_an_own_transcriber_has_power_to_spare_on_a_card_or_with_enough_cores(
    values: dict[str, Any], toys: bool, cores: int, spare: bool
) -> None:
    assert has_spare_power(settings(**values), toys=toys, cores=cores) is spare


@pytest.mark.parametrize(
    ("values", "model", "spare", "made"),
    [
        ({}, LOCAL, True, True),
        ({}, LOCAL, False, False),
        ({}, HOSTED, True, False),
        ({"guesses": "off"}, LOCAL, True, False),
        ({"interim_transcripts": "on"}, LOCAL, False, True),
        ({"interim_transcripts": "on"}, HOSTED, False, True),
        ({"interim_transcripts": "on", **PAID_EARS}, LOCAL, True, False),
        ({"interim_transcripts": "OFF"}, LOCAL, True, False),
    ],
)
def test_interim_transcripts_are_made_where_they_help_or_as_the_operator_wants(
    values: dict[str, Any], model: ModelOptions, spare: bool, made: bool
) -> None:
    assert allowed_speculation(settings(**values), model, spare_power=spare).interims is made
