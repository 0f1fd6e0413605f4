"""Tests that the README describes the demonstration as it is at the first start, with downloaded weights."""

from __future__ import annotations

from config.project import ROOT
from sandbox.guest_lines import recorded_lines

README = (ROOT / "README.md").read_text(encoding="utf-8")
ONLY_WITH_TOYS = "Ben"


def test_the_readme_names_the_guests_of_the_call_with_a_real_speech_recogniser() -> None:
    (told,) = [part for part in README.split("\n\n") if "plays a scripted call" in part]
    guests = {line.guest for line in recorded_lines().values()}
    assert ONLY_WITH_TOYS not in guests
    assert [guest for guest in sorted(guests) if guest not in told] == []
    assert ONLY_WITH_TOYS not in told
    for file in ("call.wav", "call.json", "data/demo"):
        assert f"`{file}`" in told
    assert "three WAV files" not in told
