"""The rehearsal asks before it sends requests to services that cost money."""

from __future__ import annotations

import pytest

from bot.rehearse.paid import is_agreed, paid_services, requests_warning
from config.settings import Settings

pytestmark = pytest.mark.usefixtures("clean_environment")


@pytest.mark.parametrize(
    ("variables", "services"),
    [
        ({}, ()),
        ({"LLM_URL": "http://192.168.1.20:11434/v1", "LLM_API_KEY": "k", "STT_URL": "http://10.0.0.7/v1"}, ()),
        ({"LLM_URL": "https://api.example.com/v1", "LLM_API_KEY": "k"}, ("the language model at api.example.com",)),
        ({"STT_URL": "https://stt.example.com/v1", "STT_API_KEY": "k"}, ("the speech recognition at stt.example.com",)),
        ({"TTS_ENGINE": "elevenlabs"}, ("the voice of elevenlabs",)),
        ({"TTS_WEBSOCKET_URL": "ws://127.0.0.1:8765/ws/stream", "TTS_ENGINE": "openai"}, ()),
    ],
)
def test_only_services_that_cost_money_count(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], services: tuple[str, ...]
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert paid_services(Settings.read()) == services


def test_an_own_voice_server_costs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TTS_ENGINE", "openai")
    assert paid_services(Settings.read()) == ("the voice of openai",)
    assert paid_services(Settings.read(), "http://127.0.0.1:8880/v1") == ()


WARNING = requests_warning(("the language model at api.example.com",), 120)


def test_the_warning_says_which_service_gets_how_many_requests() -> None:
    assert "up to 20 questions" in WARNING
    assert "up to 70 requests to each of these services, which may cost money: the language model at" in WARNING


@pytest.mark.parametrize(
    ("yes", "terminal", "typed", "agreed"),
    [
        (True, False, None, True),
        (True, True, None, True),
        (False, False, None, False),
        (False, True, "y", True),
        (False, True, " YES ", True),
        (False, True, "", False),
        (False, True, "n", False),
        (False, True, EOFError(), False),
    ],
)
def test_nothing_begins_without_agreement(
    yes: bool, terminal: bool, typed: str | EOFError | None, agreed: bool
) -> None:
    said: list[str] = []

    def ask(question: str) -> str:
        assert typed is not None, "there is nobody to ask, or nothing to ask about"
        if isinstance(typed, EOFError):
            raise typed
        said.append(question)
        return typed

    assert is_agreed(WARNING, yes=yes, interactive=terminal, ask=ask, say=said.append) is agreed
    assert said[0] == WARNING
    assert any("Nothing was sent" in one for one in said) is not agreed
    assert any("--yes" in one for one in said) is (not yes and not terminal)
