"""Presets: the shipped values, values set by a request, and files that can't be used."""

from __future__ import annotations

from pathlib import Path

import pytest

from wire.parameters import SpeechParameters
from wire.presets import PresetError, Presets


@pytest.mark.parametrize(
    ("name", "temperature", "repetition_penalty", "speed"),
    [
        ("natural", 0.75, 4.0, 0.98),
        ("warm", 0.85, 3.0, 0.95),
        ("calm", 0.5, 6.0, 0.9),
        ("energetic", 0.9, 2.5, 1.1),
        ("neutral", 0.7, 5.0, 1.0),
    ],
)
def test_the_five(name: str, temperature: float, repetition_penalty: float, speed: float) -> None:
    settled = Presets.read().apply(SpeechParameters(preset=name))
    assert (settled.temperature, settled.repetition_penalty, settled.speed) == (temperature, repetition_penalty, speed)


def test_what_a_request_sets_itself_wins() -> None:
    settled = Presets.read().apply(SpeechParameters(preset="calm", speed=1.4, top_k=30))
    assert (settled.temperature, settled.speed, settled.top_k) == (0.5, 1.4, 30)


def test_the_default_is_for_who_names_none() -> None:
    assert Presets.read(default="warm").apply(SpeechParameters()).temperature == 0.85
    assert Presets.read().apply(SpeechParameters()) == SpeechParameters()


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("grumpy: {temperature: 3}", "grumpy.temperature"),
        ("grumpy: {loudness: 3}", "grumpy.loudness"),
        ("Grumpy!: {}", "Grumpy!"),
        ("[1, 2", "presets.yaml"),
        ("- grumpy", "presets.yaml"),
        ("grumpy: {top_k: 3.5}", "grumpy.top_k"),
        ("grumpy: {speed: .nan}", "grumpy.speed"),
    ],
)
def test_a_file_that_can_not_be_used_is_named_with_its_fault(tmp_path: Path, text: str, fault: str) -> None:
    path = tmp_path / "presets.yaml"
    path.write_text(text)
    with pytest.raises(PresetError, match=fault.replace("!", ".")):
        Presets.read(path)


def test_a_default_that_is_not_there() -> None:
    with pytest.raises(PresetError, match=r"'grumpy'.*natural"):
        Presets.read(default="grumpy")


@pytest.mark.parametrize("data", ["# für mich\n".encode("latin-1"), b"'A B': {speed: 1}\n"])
def test_a_file_that_cannot_be_used_is_refused_in_words(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "mine.yaml").write_bytes(data)
    with pytest.raises(PresetError, match=r"mine\.yaml") as caught:
        Presets.read(tmp_path / "mine.yaml")
    assert "^" not in str(caught.value)
