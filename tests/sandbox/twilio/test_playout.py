"""The stand-in for Twilio plays sound sample by sample, and sends marks back exactly when their sound is over."""

from __future__ import annotations

from sandbox.twilio.playout import SILENCE, Playout


def test_a_mark_comes_back_when_all_sound_before_it_was_heard() -> None:
    playout = Playout()
    playout.sound(b"a" * 100)
    assert playout.mark("1") == []
    playout.sound(b"b" * 100)
    playout.sound(b"c" * 10)
    assert playout.mark("2") == []
    assert playout.play(99) == []
    assert playout.play(1) == ["1"]
    assert playout.play(160) == ["2"]
    assert bytes(playout.heard) == b"a" * 100 + b"b" * 100 + b"c" * 10 + SILENCE * 50
    assert (playout.spoken, playout.waiting, playout.passed) == (210, 0, ["1", "2"])


def test_a_mark_without_sound_before_it_comes_back_at_once() -> None:
    playout = Playout()
    assert playout.mark("1") == ["1"]
    playout.sound(b"")
    assert playout.mark("2") == ["2"]


def test_cleared_sound_is_not_heard_and_its_marks_come_back_at_once() -> None:
    playout = Playout()
    playout.sound(b"a" * 160)
    playout.mark("1")
    playout.sound(b"b" * 160)
    playout.mark("2")
    assert playout.play(160) == ["1"]
    assert playout.clear() == ["2"]
    assert playout.clear() == []
    playout.sound(b"c" * 160)
    assert playout.mark("3") == []
    assert playout.play(160) == ["3"]
    assert (bytes(playout.heard), playout.passed, playout.cleared) == (b"a" * 160 + b"c" * 160, ["1", "3"], ["2"])
