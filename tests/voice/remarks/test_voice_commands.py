"""Commands said aloud: found in several languages, and never in remarks that only sound like them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.voice.remarks.names import Names
from bot.voice.remarks.voice_commands import COMMANDS_FILE, VoiceCommand, VoiceCommands, VoiceCommandsError

NAMES = Names(("Seiyuu", "Seiyu", "Sayu", "Saiyu"))
COMMANDS = VoiceCommands(NAMES)


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
def test_a_command_with_the_name_is_obeyed_in_any_company(text: str, command: VoiceCommand) -> None:
    assert COMMANDS.find(text, alone=False, speaking=False) is command


@pytest.mark.parametrize("text", ["Leave the voice channel.", "What did I say?", "Verlass den Kanal!"])
def test_among_several_people_leaving_and_repeating_need_the_name(text: str) -> None:
    assert COMMANDS.find(text, alone=False, speaking=True) is None
    assert COMMANDS.find(text, alone=True, speaking=False) is not None


@pytest.mark.parametrize(
    "text",
    ["Stop!", "Stop, stop, stop!", "Okay, stop it, please.", "Be quiet!", "やめてください", "停！停！", "Тихо!"],
)
def test_stop_alone_works_while_the_bot_speaks_and_only_then(text: str) -> None:
    assert COMMANDS.find(text, alone=False, speaking=True) is VoiceCommand.STOP
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
def test_a_remark_that_only_sounds_like_a_command_is_none(text: str) -> None:
    assert COMMANDS.find(text, alone=True, speaking=True) is None


@given(st.text(), st.booleans(), st.booleans())
def test_any_text_gets_an_answer(text: str, alone: bool, speaking: bool) -> None:
    COMMANDS.find(text, alone=alone, speaking=speaking)


@given(st.lists(st.sampled_from(["please", "seiyuu", "stop", "leave", "not", "okay", "the"]), max_size=6))
def test_a_word_that_is_neither_polite_nor_the_command_spoils_it(words: list[str]) -> None:
    if {"not", "the"} & set(words):
        assert COMMANDS.find(" ".join(words), alone=True, speaking=True) is None


@pytest.mark.parametrize(
    ("stop", "fault"),
    [
        ("stop: {en: [no]}", "stop"),
        ("stop: [halt]", "stop"),
        ("stop: {en: ['!']}", "without words"),
        ("stop: {en: [leave]}", "'leave'"),
        ("stop: {en: [halt]}\nlouder: {}", "louder"),
        ("stop: {en: [halt", "can't be used"),
    ],
)
def test_a_file_that_can_not_be_used_says_why(tmp_path: Path, stop: str, fault: str) -> None:
    path = tmp_path / "commands.yaml"
    path.write_text(f"polite: {{}}\nleave: {{en: [leave]}}\nrepeat me: {{}}\n{stop}\n", encoding="utf-8")
    with pytest.raises(VoiceCommandsError, match=fault) as raised:
        VoiceCommands(NAMES, path)
    assert str(path) in str(raised.value)


def test_a_missing_file_says_which() -> None:
    with pytest.raises(VoiceCommandsError, match=r"nowhere\.yaml"):
        VoiceCommands(NAMES, COMMANDS_FILE.with_name("nowhere.yaml"))
