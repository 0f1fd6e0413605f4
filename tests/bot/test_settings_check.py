"""Which settings the start accepts though something that they name is missing."""

from __future__ import annotations

import pytest

from bot.settings_check import checked_settings
from config.errors import SettingsError

pytestmark = pytest.mark.usefixtures("clean_environment")


@pytest.mark.parametrize(
    "variables",
    [
        {"TTS_ENGINE": "espeak"},
        {"TTS_ENGINE": "xtts", "TTS_FALLBACK": "piper,espeak"},
        {"TTS_WEBSOCKET_URL": "ws://127.0.0.1:9/ws/stream"},
    ],
    ids=["another engine", "a stand-in", "a server elsewhere"],
)
def test_a_missing_piper_voice_is_accepted_where_piper_is_not_the_engine(
    variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIPER_MODEL", "/nope")
    with pytest.raises(SettingsError, match="PIPER_MODEL=/nope is not here"):
        checked_settings()
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    checked_settings()


def test_a_piper_voice_of_the_catalogue_may_still_be_downloaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TTS_ENGINE", "piper")
    monkeypatch.setenv("PIPER_MODEL", "data/models/piper-joe")
    checked_settings()
