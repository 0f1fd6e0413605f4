"""Presets have the shipped values, requests may set other values, and files that can't be used are refused."""

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
def test_the_five_presets_have_these_values(
    name: str, temperature: float, repetition_penalty: float, speed: float
) -> None:
    settled = Presets.read().apply(SpeechParameters(preset=name))
    assert (settled.temperature, settled.repetition_penalty, settled.speed) == (temperature, repetition_penalty, speed)


def test_values_of_a_request_take_precedence() -> None:
    settled = Presets.read().apply(SpeechParameters(preset="calm", speed=1.4, top_k=30))
    assert (settled.temperature, settled.speed, settled.top_k) == (0.5, 1.4, 30)


def test_requests_without_a_preset_get_the_default() -> None:
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
def test_an_unusable_file_is_named_with_its_mistake(tmp_path: Path, text: str, fault: str) -> None:
    path = tmp_path / "presets.yaml"
    path.write_text(text)
    with pytest.raises(PresetError, match=fault.replace("!", ".")):
        Presets.read(path)


def test_a_missing_default_preset_is_refused() -> None:
    with pytest.raises(PresetError, match=r"'grumpy'.*natural"):
        Presets.read(default="grumpy")


@pytest.mark.parametrize("data", ["# für mich\n".encode("latin-1"), b"'A B': {speed: 1}\n"])
def test_an_unusable_file_is_refused_in_plain_words(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "mine.yaml").write_bytes(data)
    with pytest.raises(PresetError, match=r"mine\.yaml") as caught:
        Presets.read(tmp_path / "mine.yaml")
    assert "^" not in str(caught.value)
