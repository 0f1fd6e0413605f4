"""Texts that tell people of a speech server's warnings, and of changes of its engine."""

from __future__ import annotations

from bot.voice.tts.voice_notices import BACK, MAX_CHANGES, MAX_WARNINGS, VoiceNotices
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


def test_a_flood_of_warnings_and_changes_becomes_a_few_notices() -> None:
    notices = VoiceNotices()
    assert [notices.text_for(Warned("The card is full.")) for _ in range(3)] == ["The card is full.", None, None]
    told = [text for n in range(2_000) if (text := notices.text_for(Warned(f"Free things, {n}"))) is not None]
    assert len(told) == MAX_WARNINGS - 1
    changes = [
        text
        for _ in range(1_000)
        for change in (EngineChanged("espeak-ng", "too_slow"), EngineChanged("XTTS v2", "ready"))
        if (text := notices.text_for(change)) is not None
    ]
    assert len(changes) == MAX_CHANGES
