"""The files of personas: those that come with the bot, and mistakes in those of an operator."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from bot.llm.personas import PERSONAS_DIR, PersonaError, load_persona

GOOD = "name: Mika\ndescription: You like tea.\nmoods: {calm: slow.}\ndefault_mood: calm\n"


@pytest.mark.parametrize("name", [path.stem for path in PERSONAS_DIR.glob("*.yaml")])
def test_every_shipped_persona_can_be_used(name: str) -> None:
    persona = load_persona(name)
    assert persona.moods[persona.default_mood]


def test_the_shipped_persona_knows_what_to_say_when_the_model_fails() -> None:
    assert load_persona("seiyuu").confused_line == "*Seiyuu seems confused...*"


def test_a_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "mika.yaml").write_text(GOOD + "model: tiny\n", encoding="utf-8")
    persona = load_persona("mika", tmp_path)
    assert (persona.name, persona.model, persona.style) == ("Mika", "tiny", None)


def test_the_error_for_the_name_of_a_persona_says_what_its_file_is_called(tmp_path: Path) -> None:
    (tmp_path / "helper.yaml").write_text(GOOD, encoding="utf-8")
    (tmp_path / "broken.yaml").write_text("[", encoding="utf-8")
    with pytest.raises(PersonaError, match=r"no persona 'Mika' in .*; there are: broken, helper \(Mika\)$"):
        load_persona("Mika", tmp_path)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (GOOD.replace("default_mood: calm", "default_mood: wild"), "'wild', but the moods are: calm"),
        (GOOD.replace("name: Mika\n", ""), "name: Field required"),
        (GOOD.replace("Mika", "'Mi: ka'"), "name: "),
        (GOOD.replace("moods: {calm: slow.}", "moods: {calm: 7}"), "moods.calm: "),
        (GOOD + "tempo: fast\n", "tempo: Extra inputs"),
        (GOOD + "preset: Very calm\n", "preset: "),
        (GOOD + "voice: ''\n", "voice: "),
        (GOOD + "style: [\n", "line 6"),
        ("just text", "is not a persona"),
        ("", "is not a persona"),
        ("name: \x00", "can't be read"),
    ],
)
def test_a_mistake_in_a_file_is_explained(tmp_path: Path, text: str, fault: str) -> None:
    (tmp_path / "mika.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(PersonaError) as caught:
        load_persona("mika", tmp_path)
    assert "mika.yaml" in str(caught.value)
    assert fault in str(caught.value)


def test_the_error_for_an_unknown_persona_lists_the_existing_ones(tmp_path: Path) -> None:
    (tmp_path / "mika.yaml").write_text(GOOD, encoding="utf-8")
    with pytest.raises(PersonaError, match=r"no persona 'nobody'.*there are: mika"):
        load_persona("nobody", tmp_path)


@pytest.mark.parametrize("line", ["name: 'a: b'", "preset: '!?'"])
def test_a_mistake_is_reported_without_a_regular_expression(tmp_path: Path, line: str) -> None:
    fields = {"name": "Mia", "description": "She.", "moods": {"calm": "calm"}, "default_mood": "calm"}
    (tmp_path / "mia.yaml").write_text(yaml.safe_dump(fields | yaml.safe_load(line)))
    with pytest.raises(PersonaError) as caught:
        load_persona("mia", tmp_path)
    assert line.partition(":")[0] in str(caught.value)
    assert not re.search(r"\^|pattern", str(caught.value)), caught.value
