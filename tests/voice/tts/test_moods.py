"""Speech parameters of a persona in a mood. The persona's preset wins over the mood's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bot.llm.personas import PERSONAS_DIR, Character, Persona, load_persona
from bot.voice.tts.moods import MoodManner, load_moods, speech_parameters
from wire.parameters import SpeechParameters
from wire.presets import Presets

USUAL = SpeechParameters()
MOODS = {"sleepy": MoodManner(preset="calm", speed=0.8, pitch_shift=-1.0)}


def mika(mood: str = "sleepy", **own: Any) -> Character:
    persona = Persona(name="Mika", description="x", moods={"sleepy": "x", "odd": "y"}, default_mood="sleepy", **own)
    return Character("mika", persona, mood)


def test_all_shipped_moods_have_a_manner_with_an_existing_preset() -> None:
    moods, presets = load_moods(), Presets.read().names
    assert {manner.preset for manner in moods.values()} <= set(presets)
    for file in PERSONAS_DIR.glob("*.yaml"):
        assert set(load_persona(file.stem).moods) <= set(moods), file.name


def test_a_mood_sets_preset_speed_and_pitch() -> None:
    assert speech_parameters(mika(), MOODS, USUAL) == SpeechParameters(preset="calm", speed=0.8, pitch_shift=-1.0)
    assert speech_parameters(mika("odd"), MOODS, USUAL) == USUAL, "the mood odd has no parameters"


def test_a_chosen_voice_wins_over_the_personas_voice_and_the_personas_preset_over_the_moods_preset() -> None:
    sky = mika(voice="sky", preset="warm")
    assert speech_parameters(sky, MOODS, USUAL) == SpeechParameters("sky", "warm", None, -1.0, 0.8)
    assert speech_parameters(sky, MOODS, SpeechParameters("robin")).voice == "robin"


def test_pitch_and_speed_of_persona_and_mood_are_combined() -> None:
    deep = mika("odd", speed=0.5, pitch_shift=-2.0)
    assert speech_parameters(deep, MOODS, USUAL) == SpeechParameters(speed=0.5, pitch_shift=-2.0)
    both = speech_parameters(mika(speed=2.0, pitch_shift=-2.0), MOODS, USUAL)
    assert (both.speed, both.pitch_shift) == (1.6, -3.0)
    lowest = speech_parameters(mika(speed=0.5, pitch_shift=-12.0), MOODS, USUAL)
    assert (lowest.speed, lowest.pitch_shift) == (0.5, -12.0), "the speech server takes no lower values"


def test_chosen_parameters_are_combined_with_persona_and_mood() -> None:
    chosen = SpeechParameters(preset="warm", speed=2.0, pitch_shift=3.0, temperature=0.3)
    assert speech_parameters(mika(), MOODS, chosen) == SpeechParameters(
        preset="warm", speed=1.6, pitch_shift=2.0, temperature=0.3
    )


def test_an_empty_file_has_no_moods(tmp_path: Path) -> None:
    (tmp_path / "empty.yaml").write_text("", encoding="utf-8")
    assert load_moods(tmp_path / "empty.yaml") == {}
