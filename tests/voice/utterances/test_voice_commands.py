"""Spoken commands are found in all languages, and never in utterances that only sound like them."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.llm.personas import PERSONAS_DIR, Persona, load_persona
from bot.text import plain
from bot.voice.utterances.names import Names
from bot.voice.utterances.voice_commands import (
    CommandRequest,
    VoiceCommand,
    VoiceCommandFinder,
    load_command_phrases,
    load_mood_words,
)

NAMES = Names(("Seiyuu", "Seiyu", "Sayu", "Saiyu"))
PHRASES = load_command_phrases()
COMMANDS = VoiceCommandFinder(NAMES, PHRASES)
PERSONAS = {path.stem: load_persona(path.stem) for path in PERSONAS_DIR.glob("*.yaml")}


@cache
def finder_for(file: str) -> VoiceCommandFinder:
    """A finder of the commands that this persona understands."""
    commands = VoiceCommandFinder(Names(PERSONAS[file].names), PHRASES)
    commands.set_choices(PERSONAS[file], PERSONAS)
    return commands


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("Seiyuu, leave the voice channel.", VoiceCommand.LEAVE),
        ("Hey Seiyuu, could you please leave the voice channel now? Thanks!", VoiceCommand.LEAVE),
        ("Say you, leave the channel.", VoiceCommand.LEAVE),
        ("Seiyuu, bitte verlass den Kanal!", VoiceCommand.LEAVE),
        ("Seiyuu, quitte le salon vocal, s’il te plaît.", VoiceCommand.LEAVE),
        ("Seiyuu, sal del canal de voz, por favor.", VoiceCommand.LEAVE),
        ("Seiyuu, 退出してください。", VoiceCommand.LEAVE),
        ("Seiyuu，请离开语音频道", VoiceCommand.LEAVE),
        ("Seiyuu, пожалуйста, выйди из канала.", VoiceCommand.LEAVE),
        ("Seiyuu, be quiet.", VoiceCommand.STOP),
        ("Seiyuu, what did I just say?", VoiceCommand.REPEAT_ME),
        ("Seiyuu, was habe ich gesagt?", VoiceCommand.REPEAT_ME),
        ("Seiyuu, 我刚才说了什么？", VoiceCommand.REPEAT_ME),
    ],
)
def test_a_command_with_the_name_is_found_among_several_people_too(text: str, command: VoiceCommand) -> None:
    assert COMMANDS.find(text, alone=False, speaking=False) == CommandRequest(command)


@pytest.mark.parametrize("text", ["Leave the voice channel.", "What did I say?", "Verlass den Kanal!"])
def test_leaving_and_repeating_need_the_name_among_several_people(text: str) -> None:
    assert COMMANDS.find(text, alone=False, speaking=True) is None
    assert COMMANDS.find(text, alone=True, speaking=False) is not None


@pytest.mark.parametrize(
    "text",
    ["Stop!", "Stop, stop, stop!", "Okay, stop it, please.", "Be quiet!", "やめてください", "停！停！", "Тихо!"],
)
def test_stop_alone_works_while_the_bot_speaks_and_only_then(text: str) -> None:
    assert COMMANDS.find(text, alone=False, speaking=True) == CommandRequest(VoiceCommand.STOP)
    assert COMMANDS.find(text, alone=True, speaking=False) is None


@pytest.mark.parametrize(
    "text",
    [
        "don't leave the voice channel",
        "Seiyuu, don't leave the voice channel!",
        "stop by the shop",
        "Seiyuu, stop by the shop",
        "I told him to leave",
        "Seiyuu, I told him to leave",
        "Seiyuu, when did they leave the channel?",
        "the bus stop",
        "enough people know what I said to her",
        "what did I say to you yesterday?",
        "停止了吗",
        "Seiyuu, leave. Stop.",
        "Seiyuu, please.",
        "stop " * 60,
        "",
    ],
)
def test_an_utterance_that_only_sounds_like_a_command_is_none(text: str) -> None:
    assert COMMANDS.find(text, alone=True, speaking=True) is None


@pytest.mark.parametrize(
    ("text", "mood"),
    [
        ("Seiyuu, be sad.", "sad"),
        ("Hey Seiyuu, could you please be a bit more cheerful?", "cheerful"),
        ("Be sleepy, Seiyuu!", "sleepy"),
        ("Seiyuu, be a little bit more excited.", "excited"),
        ("Seiyuu, sei traurig.", "sad"),
        ("Seiyuu, sei bitte wieder fröhlich!", "cheerful"),
        ("Seiyuu, sois triste, s'il te plaît.", "sad"),
        ("Seiyuu, ponte triste.", "sad"),
        ("Seiyuu, будь грустной.", "sad"),
        ("Seiyuu, 悲しくして。", "sad"),
        ("Seiyuu, 悲しくなってください。", "sad"),
        ("Seiyuu，难过一点", "sad"),
        ("Seiyuu, be angry.", None),
        ("Seiyuu, be hungry.", None),
        ("Seiyuu, don't be sad.", None),
        ("Seiyuu, sei nicht traurig.", None),
        ("Seiyuu, are you sad?", None),
        ("Seiyuu, my dog must be sad.", None),
        ("Seiyuu, be sad about it.", None),
        ("Seiyuu, I want to be sad", None),
        ("Seiyuu, why be sad?", None),
    ],
)
def test_the_personas_moods_can_be_asked_for_in_any_language_and_other_moods_are_ordinary_talk(
    text: str, mood: str | None
) -> None:
    wish = CommandRequest(VoiceCommand.MOOD, mood) if mood else None
    assert finder_for("seiyuu").find(text, alone=False, speaking=False) == wish
    assert finder_for("seiyuu").find(text, alone=True, speaking=True) == wish


@pytest.mark.parametrize(
    ("now", "text", "wanted"),
    [
        ("seiyuu", "Seiyuu, be Evil Seiyuu.", "evil_seiyuu"),
        ("seiyuu", "Seiyuu, please talk as Evil Seiyuu now!", "evil_seiyuu"),
        ("seiyuu", "Seiyuu, become Shadow Seiyuu.", "evil_seiyuu"),
        ("seiyuu", "Seiyuu, sei Evil Seiyuu.", "evil_seiyuu"),
        ("seiyuu", "Seiyuu, be evil!", "evil_seiyuu"),
        ("seiyuu", "Seiyuu, evil mode, please.", "evil_seiyuu"),
        ("seiyuu", "Seiyuu, talk as helper.", "helper"),
        ("seiyuu", "Seiyuu, be Kobi.", "helper"),
        ("evil_seiyuu", "Evil Seiyuu, be Seiyuu again.", "seiyuu"),
        ("seiyuu", "Seiyuu, be Seiyuu.", None),
        ("seiyuu", "Seiyuu, who is Evil Seiyuu?", None),
        ("seiyuu", "Seiyuu, be my helper.", None),
    ],
)
def test_a_persona_can_be_asked_for_by_any_of_its_names(now: str, text: str, wanted: str | None) -> None:
    wish = CommandRequest(VoiceCommand.PERSONA, wanted) if wanted else None
    assert finder_for(now).find(text, alone=False, speaking=False) == wish


def test_fixed_commands_win_over_moods_of_the_same_name() -> None:
    persona = Persona(name="Seiyuu", description="x", moods={"quiet": "x", "very_odd": "y"}, default_mood="quiet")
    commands = VoiceCommandFinder(NAMES, PHRASES)
    commands.set_choices(persona)
    assert commands.find("Seiyuu, be quiet.", alone=True, speaking=True) == CommandRequest(VoiceCommand.STOP)
    assert commands.find("Seiyuu, be very odd.", alone=True, speaking=True) == CommandRequest(
        VoiceCommand.MOOD, "very_odd"
    )


def test_without_the_name_only_a_person_alone_with_the_bot_changes_its_mood() -> None:
    assert finder_for("seiyuu").find("Be sad.", alone=False, speaking=False) is None
    assert finder_for("seiyuu").find("Be sad.", alone=True, speaking=False) == CommandRequest(VoiceCommand.MOOD, "sad")


def test_all_shipped_moods_have_names_in_all_languages_and_no_name_means_two_moods() -> None:
    languages = {"en", "de", "fr", "es", "ru", "ja", "zh"}
    words = load_mood_words()
    for persona in PERSONAS.values():
        for mood in persona.moods:
            assert set(words[mood]) == languages, mood
        called = [plain(word) for mood in persona.moods for language in languages for word in words[mood][language]]
        moods = {word: {m for m in persona.moods for forms in words[m].values() if word in forms} for word in called}
        assert all(len(meant) <= 1 for meant in moods.values())


@given(st.text(), st.booleans(), st.booleans())
def test_any_text_gets_an_answer(text: str, alone: bool, speaking: bool) -> None:
    COMMANDS.find(text, alone=alone, speaking=speaking)


@given(st.lists(st.sampled_from(["please", "seiyuu", "stop", "leave", "not", "okay", "the"]), max_size=6))
def test_an_utterance_with_a_word_that_is_neither_polite_nor_part_of_a_command_is_no_command(words: list[str]) -> None:
    if {"not", "the"} & set(words):
        assert COMMANDS.find(" ".join(words), alone=True, speaking=True) is None
