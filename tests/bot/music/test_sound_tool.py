"""Sounds on request: what the model's tool plays, what it says, and what it refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from bot.controls.sound_tools import MAX_TOLD, sound_tools
from bot.controls.tools import Controls
from bot.controls.words import Control, ControlWords
from bot.music.sound_board import SoundBoard
from bot.tools.tool import Asker, Tool, ToolError
from bot.voice.manager import CallManager
from tests.bot.music.pieces import wav, write
from tests.bot.music.test_sound_board import StandInCall

WORDS = ControlWords()


async def full(place: int) -> float:
    del place
    return 1.0


class Stage:
    """A call with the sounds of a folder."""

    def __init__(self, folder: Path | None, cache: Path) -> None:
        self.call: Any = StandInCall()
        self.forbidden: set[str] = set()
        self.manager = Mock(spec=CallManager)
        self.manager.calls = (self.call,)
        self.board = SoundBoard(folder, cache, full)
        controls = Controls(self.manager, Mock(), Mock(), Mock(), Mock(), WORDS)
        controls.may = lambda asker, command: command not in self.forbidden
        self.tools = sound_tools(controls, self.board, self.manager)

    @property
    def tool(self) -> Tool:
        (tool,) = self.tools
        return tool

    async def play(self, name: object, server: int = StandInCall.server) -> str:
        return (await self.tool.run({"name": name}, Asker(1, "Ada", "", server))).text


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    write(tmp_path / "sounds" / "Drum Roll.wav", wav(1.0, 0.1))
    return Stage(tmp_path / "sounds", tmp_path)


async def test_the_model_plays_a_sound_and_learns_what_happened(stage: Stage) -> None:
    assert await stage.play("drum roll") == "The sound plays now."
    assert stage.call.mixer.take() is not None
    assert stage.board.stop(stage.call)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("drum rll", r"^I have no sound of that name\. Did you mean Drum Roll\?"),
        ("  ", r"^Which one\? There are: Drum Roll\.$"),
        (7, "name must be a text"),
    ],
)
async def test_a_wrong_name_is_refused_and_the_right_names_are_told(stage: Stage, name: object, told: str) -> None:
    with pytest.raises(ToolError, match=told):
        await stage.play(name)


async def test_of_many_sounds_only_some_are_named(stage: Stage, tmp_path: Path) -> None:
    for number in range(MAX_TOLD):
        write(tmp_path / "sounds" / f"x{number:02}.wav", b"")
    # Drum Roll is named first, so the last of the new ones is left out.
    with pytest.raises(ToolError, match=rf"x{MAX_TOLD - 2:02} and 1 more\.$"):
        await stage.play("")


async def test_whoever_may_not_play_sounds_can_not_have_the_model_do_it(stage: Stage) -> None:
    stage.forbidden = {"sound"}
    assert not stage.tool.may_use(Asker(1, "Ada", "", StandInCall.server))
    with pytest.raises(ToolError, match="may not do that"):
        await stage.play("drum roll")


async def test_there_is_no_sound_without_a_call_or_in_another_place(stage: Stage) -> None:
    with pytest.raises(ToolError, match="no voice call here"):
        await stage.play("drum roll", StandInCall.server + 1)
    stage.manager.calls = ()
    with pytest.raises(ToolError, match="no voice call here"):
        await stage.play("drum roll")


def test_without_a_folder_of_sounds_there_is_no_tool(tmp_path: Path) -> None:
    assert Stage(None, tmp_path).tools == ()


@pytest.mark.parametrize("words", ["Play the drum roll!", "Spiel das Geräusch.", "Joue un son.", "効果音を鳴らして"])
def test_words_that_ask_for_a_sound_are_known(words: str) -> None:
    assert WORDS.ask_for(Control.SOUND, words)


@pytest.mark.parametrize("words", ["What does this page say?", "Was steht da?", "Read it to me."])
def test_other_words_do_not_ask_for_a_sound(words: str) -> None:
    assert not WORDS.ask_for(Control.SOUND, words)
