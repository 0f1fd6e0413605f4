"""The README's description of the demonstration is that of the first start."""

from __future__ import annotations

from config.project import ROOT
from sandbox.guest_lines import recorded_lines

README = (ROOT / "README.md").read_text(encoding="utf-8")
OF_TOYS = "Ben"


def test_the_guests_are_those_of_the_call_with_real_ears() -> None:
    (told,) = [part for part in README.split("\n\n") if "plays a scripted call" in part]
    guests = {line.guest for line in recorded_lines().values()}
    assert OF_TOYS not in guests
    assert [guest for guest in sorted(guests) if guest not in told] == []
    assert OF_TOYS not in told
    for file in ("call.wav", "call.json", "data/demo"):
        assert f"`{file}`" in told
    assert "three WAV files" not in told
