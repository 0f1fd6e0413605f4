"""Music that is asked for aloud: in several languages, and never in ordinary talk about music and games."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.music.titles import TitleIndex
from bot.voice.utterances.music_words import PlayWords
from bot.voice.utterances.names import Names
from bot.voice.utterances.voice_commands import (
    CommandRequest,
    VoiceCommand,
    VoiceCommandFinder,
    load_command_phrases,
)

NAMES = Names(("Seiyuu",))
PHRASES = load_command_phrases()
PLAY, COMMANDS = PlayWords(NAMES, PHRASES), VoiceCommandFinder(NAMES, PHRASES)
IN_ENGLISH = ("Strauss - Blue Danube", "07 Thank You", "Red River Valley", "River Kwai March")
TITLES = TitleIndex.of([*IN_ENGLISH, "さくら", "月亮代表我的心", "Ein Lied"])
PAUSE, RESUME = VoiceCommand.MUSIC_PAUSE, VoiceCommand.MUSIC_RESUME
SKIP, STOP = VoiceCommand.MUSIC_SKIP, VoiceCommand.MUSIC_STOP


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("Seiyuu, play Blue Danube.", "Strauss - Blue Danube"),
        ("Hey Seiyuu, could you please play the Blue Danube now? Thanks!", "Strauss - Blue Danube"),
        ("Play Strauss, Blue Danube, Seiyuu.", "Strauss - Blue Danube"),
        ("Play thank you, please.", "07 Thank You"),
        ("Play thank you. Thank you!", "07 Thank You"),
        ("Play the song Kwai.", "River Kwai March"),
        ("Please play the song red valley.", "Red River Valley"),
        ("Seiyuu, spiel bitte Blue Danube!", "Strauss - Blue Danube"),
        ("Seiyuu, bitte spiel Blue Danube ab!", "Strauss - Blue Danube"),
        ("Spiel ein Lied.", "Ein Lied"),
        ("Mets la chanson Blue Danube, s'il te plaît.", "Strauss - Blue Danube"),
        ("Pon Blue Danube, por favor.", "Strauss - Blue Danube"),
        ("Включи Blue Danube, пожалуйста.", "Strauss - Blue Danube"),
        ("さくらをかけてください。", "さくら"),
        ("Seiyuu、さくらを再生して", "さくら"),
        ("请播放月亮代表我的心。", "月亮代表我的心"),
        ("播放Blue Danube", "Strauss - Blue Danube"),
    ],
)
def test_a_piece_can_be_asked_for_by_its_title(text: str, title: str) -> None:
    assert PLAY.find(text, TITLES) == CommandRequest(VoiceCommand.PLAY, title)


@pytest.mark.parametrize(
    "text",
    [
        "Play chess with me.",
        "Play a game with us, Seiyuu.",
        "I like to play Blue Danube on the piano.",
        "Do you play Blue Danube?",
        "Did they play the Blue Danube yesterday?",
        "Don't play Blue Danube.",
        "Play Blue Danube when Ben comes.",
        "Blue Danube.",
        "Play.",
        "Play the song.",
        "Play the song you like most.",
        "Play the song river.",
        "Play river.",
        "Play the river.",
        "Play Kwai.",
        "Let us play another round.",
        "This song is wonderful.",
        "Spiel nicht Blue Danube.",
        "Wir spielen Blue Danube.",
        "Joue avec moi.",
        "Pon la mesa.",
        "Поставь чайник.",
        "放心吧",
        "",
        "play " * 60,
    ],
)
def test_other_talk_about_playing_asks_for_no_piece(text: str) -> None:
    assert PLAY.find(text, TITLES) is None
    assert COMMANDS.find(text, alone=True, speaking=True) is None


def test_without_music_nobody_asks_for_a_piece() -> None:
    assert PLAY.find("Play Blue Danube.", TitleIndex()) is None


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("Seiyuu, pause the music.", PAUSE),
        ("Could you pause the music for a moment, please?", PAUSE),
        ("Halt die Musik an!", PAUSE),
        ("Mets la musique en pause, s'il te plaît.", PAUSE),
        ("Pon la música en pausa.", PAUSE),
        ("Поставь музыку на паузу, пожалуйста.", PAUSE),
        ("音楽を一時停止してください。", PAUSE),
        ("暂停音乐", PAUSE),
        ("Okay, resume the music now.", RESUME),
        ("Spiel die Musik weiter.", RESUME),
        ("Reprends la musique.", RESUME),
        ("继续播放", RESUME),
        ("Skip this song.", SKIP),
        ("Next song, please!", SKIP),
        ("Nächstes Lied, bitte.", SKIP),
        ("Chanson suivante !", SKIP),
        ("Siguiente canción, por favor.", SKIP),
        ("Следующая песня.", SKIP),
        ("次の曲をかけて", SKIP),
        ("下一首", SKIP),
        ("Seiyuu, stop the music!", STOP),
        ("Turn the music off, please.", STOP),
        ("Mach die Musik aus!", STOP),
        ("Arrête la musique.", STOP),
        ("Apaga la música, por favor.", STOP),
        ("Выключи музыку.", STOP),
        ("音楽を止めて", STOP),
        ("停止播放音乐", STOP),
        ("Turn the radio off, please.", STOP),
        ("Mach das Radio aus, bitte!", STOP),
        ("Schalte das Radio aus.", STOP),
        ("Éteins la radio.", STOP),
        ("Apaga la radio.", STOP),
        ("Выключи радио.", STOP),
        ("ラジオを消して", STOP),
        ("关掉电台", STOP),
        ("Pause the radio.", PAUSE),
        ("Resume the radio.", RESUME),
        ("Next station, please.", SKIP),
    ],
)
def test_music_is_controlled_in_several_languages(text: str, command: VoiceCommand) -> None:
    assert COMMANDS.find(text, alone=True, speaking=False) == CommandRequest(command)


@pytest.mark.parametrize("text", ["Pause the music.", "Next song, please.", "Stop the music!", "Resume the music."])
def test_among_several_people_a_command_for_music_needs_the_name(text: str) -> None:
    assert COMMANDS.find(text, alone=False, speaking=True) is None
    assert COMMANDS.find(f"Seiyuu, {text}", alone=False, speaking=False) is not None


@pytest.mark.parametrize(
    "text",
    [
        "The music should pause here.",
        "They had to stop the music at ten.",
        "Seiyuu, when did they stop the music?",
        "Don't stop the music!",
        "Don't stop the music, Seiyuu.",
        "Please don't skip this song.",
        "What is the next song?",
        "The next song is my favourite.",
        "I always skip this song.",
        "Skip the part about music.",
        "Pause.",
        "Next.",
        "Skip it.",
        "Music is wonderful.",
        "Stop the music video.",
        "Don't turn off the radio.",
        "The radio is off.",
        "They turned the radio off.",
        "What is the next station?",
        "Mach die Musik nicht aus.",
        "Die Musik ist aus.",
        "La musique est trop forte.",
        "Не выключай музыку.",
        "音楽が好きです。",
        "我喜欢下一首",
        "下一首是什么",
    ],
)
def test_other_talk_about_music_is_no_command(text: str) -> None:
    assert COMMANDS.find(text, alone=True, speaking=True) is None
    assert PLAY.find(text, TITLES) is None


def test_stop_alone_stops_the_voice_and_not_the_music() -> None:
    for text in ("Stop!", "Stop it.", "Be quiet.", "止めて", "停止"):
        assert COMMANDS.find(text, alone=True, speaking=True) == CommandRequest(VoiceCommand.STOP)


@given(st.text())
def test_any_text_gets_an_answer(text: str) -> None:
    PLAY.find(text, TITLES)
    TITLES.exact(text)
    TITLES.only(text)
