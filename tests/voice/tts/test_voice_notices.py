"""Texts for people about changes of the speech engine."""

from __future__ import annotations

from bot.voice.tts.voice_notices import BACK, VoiceNotices
from wire.messages import EngineChanged, Loading, Warned


def test_an_engine_that_is_ready_from_the_start_makes_no_notice() -> None:
    assert VoiceNotices().text_for(EngineChanged("XTTS v2", "ready")) is None


def test_each_change_is_reported_once_and_so_is_the_return() -> None:
    notices = VoiceNotices()
    away = EngineChanged("espeak-ng", "out_of_memory")
    assert "espeak-ng" in (notices.text_for(away) or "")
    assert notices.text_for(away) is None
    assert "keep up" in (notices.text_for(EngineChanged("espeak-ng", "too_slow")) or "")
    assert notices.text_for(EngineChanged("XTTS v2", "ready")) == BACK
    assert notices.text_for(EngineChanged("XTTS v2", "ready")) is None


def test_a_warning_is_passed_on_and_progress_is_not() -> None:
    notices = VoiceNotices()
    assert notices.text_for(Warned("⚠️ GPU 0 is full.")) == "⚠️ GPU 0 is full."
    assert notices.text_for(Loading("XTTS v2", 0.3)) is None
