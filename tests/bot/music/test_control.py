"""Music on request: what the model's tools do with it, what they say, and what they refuse."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest

from bot.controls.music_tools import music_tools
from bot.controls.tools import Controls
from bot.controls.volumes import Volumes
from bot.controls.words import Control, ControlWords
from bot.database import Database
from bot.music import control as music_control
from bot.music import service as music_service
from bot.music.control import MusicControl
from bot.music.decoding import DecodedMusic, MusicError, Source
from bot.music.service import MusicService
from bot.store import Store
from bot.tools.tool import Asker, Tool, ToolError, ToolResult
from bot.voice.manager import CallManager
from bot.voice.mixing.mixer import Mixer
from bot.voice.mixing.stream import Channel
from tests.bot.music.pieces import write
from tests.bot.music.test_player import FRAME, Music
from tests.timing import LIMIT
from tests.voice.mixing.sounds import ScriptedReply

HERE, ELSEWHERE = 100, 200
WORDS = ControlWords()


class Stage:
    """A call on a server, whose music is made up. While ``held`` is not set, no piece is opened."""

    def __init__(self, folder: Path, store: Store) -> None:
        self.told: list[str] = []
        self.closing: list[Callable[[], Any]] = []
        self.held = asyncio.Event()
        self.held.set()
        self.broken: set[str] = set()
        self.call = SimpleNamespace(
            id="c1", server=HERE, mixer=Mixer(ScriptedReply()), tell=self.told.append, when_closed=self.closing.append
        )
        self.manager = Mock(spec=CallManager)
        self.manager.calls = (self.call,)
        self.volumes = Volumes(store, self.manager)
        self.music = MusicService(folder, folder)
        self.control = MusicControl(self.manager, self.music, self.volumes.music_at)
        self.forbidden: set[str] = set()
        controls = Controls(self.manager, self.volumes, Mock(), Mock(), Mock(), WORDS)
        controls.may = lambda asker, command: command not in self.forbidden
        self.tools = music_tools(controls, self.control, self.volumes)

    @asynccontextmanager
    async def decode(self, source: Source, store: Path) -> AsyncIterator[DecodedMusic]:
        del store
        await self.held.wait()
        if Path(str(source)).stem in self.broken:
            raise MusicError("It could not be decoded.")
        yield Music([FRAME] * 100 + [None])

    def tool(self, name: str) -> Tool:
        return next(tool for tool in self.tools if tool.description.name == name)

    async def use(self, tool: str, /, server: int = HERE, **arguments: Any) -> ToolResult:
        return await self.tool(tool).run(arguments, Asker(1, "Ada", "", server))

    async def say(self, tool: str, /, **arguments: Any) -> str:
        return (await self.use(tool, **arguments)).text

    @property
    def playing(self) -> str:
        player = self.music.player(self.call)  # type: ignore[arg-type]
        return player.playing.track.title if player is not None and player.playing is not None else ""

    async def close(self) -> None:
        for end in self.closing:
            await end()


@pytest.fixture
async def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    for name in ("Blue Danube", "Red River", "River Kwai", "Broken One"):
        write(tmp_path / f"{name}.ogg", b"")
    async with Database.opened(tmp_path / "bot.sqlite3") as database:
        stage = Stage(tmp_path, Store(database))
        monkeypatch.setattr(music_service, "source_decoding", stage.decode)
        yield stage
        await stage.close()


async def test_the_model_plays_pauses_skips_and_ends_music_and_learns_what_happened(stage: Stage) -> None:
    assert await stage.say("play_music", name="blue  danube") == "Blue Danube plays now."
    assert stage.playing == "Blue Danube"
    assert (await stage.say("play_music", name="red river")).startswith("Red River is in the queue. Another")
    assert await stage.say("play_music", name="kwai") == "River Kwai is in the queue. 2 other pieces play before it."
    now = await stage.use("show_music")
    assert not now.trusted, "a title may be somebody else's words"
    assert now.text == "Blue Danube plays, 0 of 2 seconds. Next: Red River, River Kwai."
    assert await stage.say("change_music", change="pause") == "The music is paused."
    with pytest.raises(ToolError, match="is paused already"):
        await stage.use("change_music", change="pause")
    assert await stage.say("change_music", change="resume") == "The music goes on."
    with pytest.raises(ToolError, match="is not paused"):
        await stage.use("change_music", change="resume")
    assert await stage.say("change_music", change="skip") == "The piece was ended. The next one follows."
    async with asyncio.timeout(LIMIT):
        while stage.playing != "Red River":
            await asyncio.sleep(0)
    assert await stage.say("change_music", change="stop") == "The music is off, and nothing waits any more."
    async with asyncio.timeout(LIMIT):
        while stage.playing:
            await asyncio.sleep(0)
    for change in ("pause", "resume", "skip", "stop"):
        with pytest.raises(ToolError, match="Nothing is playing"):
            await stage.use("change_music", change=change)
    with pytest.raises(ToolError, match="Nothing is playing"):
        await stage.use("show_music")


async def test_the_volume_of_music_is_not_that_of_the_voice(stage: Stage) -> None:
    assert "30 percent and is 20 percent now" in await stage.say("change_music", change="quieter")
    assert stage.call.mixer.volume(Channel.MUSIC) == pytest.approx(0.2)
    for _ in range(5):
        await stage.use("change_music", change="quieter")
    assert stage.call.mixer.volume(Channel.MUSIC) > 0, "quieter never makes it mute"
    assert "percent now" in await stage.say("change_music", change="louder")
    assert await stage.volumes.at(HERE) == 1.0


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"name": "no such piece"}, "I have no music of that name"),
        ({"name": "river"}, "Which one: River Kwai, Red River"),
        ({"name": "  "}, "Say its name"),
        ({"name": "../../../etc/passwd"}, "no music of that name"),
        ({"name": "x" * 5_000}, "no music of that name"),
        ({"name": "a\0b\n"}, "no music of that name"),
        ({"name": 7}, "must be a text"),
        ({"name": ["Blue Danube"]}, "must be a text"),
        ({}, "must be a text"),
        ({"name": "broken one"}, "could not be decoded"),
    ],
)
async def test_a_piece_that_can_not_be_played_is_refused_in_a_sentence(
    stage: Stage, arguments: dict[str, Any], reason: str
) -> None:
    stage.broken = {"Broken One"}
    with pytest.raises(ToolError, match=reason) as refusal:
        await stage.use("play_music", **arguments)
    assert str(refusal.value)[0].isalpha(), "no emoji at its beginning: it may be spoken"
    assert len(str(refusal.value)) < 300
    assert stage.playing == ""


@pytest.mark.parametrize("change", ["explode", 3, None, ["skip"], "skip; stop"])
async def test_an_unknown_change_of_the_music_is_refused(stage: Stage, change: object) -> None:
    with pytest.raises(ToolError, match="must be one of these"):
        await stage.use("change_music", change=change)


async def test_music_elsewhere_is_not_touched(stage: Stage) -> None:
    await stage.use("play_music", name="blue danube")
    for name, arguments in (("play_music", {"name": "kwai"}), ("change_music", {"change": "stop"}), ("show_music", {})):
        with pytest.raises(ToolError, match="no voice call here"):
            await stage.use(name, ELSEWHERE, **arguments)
    stage.manager.calls = ()
    with pytest.raises(ToolError, match="no voice call here"):
        await stage.use("show_music")
    assert stage.playing == "Blue Danube"


async def test_of_two_calls_in_a_place_each_has_music_of_its_own(stage: Stage) -> None:
    closing: list[Callable[[], Any]] = []
    other = SimpleNamespace(
        id="c2", server=HERE, mixer=Mixer(ScriptedReply()), tell=stage.told.append, when_closed=closing.append
    )
    stage.manager.calls = (stage.call, other)
    here, there = Asker(1, "Ada", "", HERE, call="c1"), Asker(2, "Ben", "", HERE, call="c2")
    await stage.tool("play_music").run({"name": "blue danube"}, here)
    with pytest.raises(ToolError, match="Nothing is playing"):
        await stage.tool("change_music").run({"change": "stop"}, there)
    await stage.tool("play_music").run({"name": "kwai"}, there)
    await stage.tool("change_music").run({"change": "quieter"}, there)
    assert stage.call.mixer.volume(Channel.MUSIC) != other.mixer.volume(Channel.MUSIC)
    assert "River Kwai plays" in (await stage.tool("show_music").run({}, there)).text
    assert stage.playing == "Blue Danube"
    with pytest.raises(ToolError, match="no voice call here"):
        await stage.use("show_music")
    for end in closing:
        await end()
    assert stage.playing == "Blue Danube", "the end of one call ends only its own music"


async def test_a_piece_that_takes_long_to_open_does_not_hold_up_the_answer(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(music_control, "OPENING_SECONDS", 0.01)
    stage.held.clear()
    assert "is being opened" in await stage.say("play_music", name="blue danube")
    stage.held.set()
    async with asyncio.timeout(LIMIT):
        while not stage.told:
            await asyncio.sleep(0)
    assert stage.told == ["▶️ Blue Danube"]


async def test_a_piece_that_takes_long_to_open_and_then_can_not_be_played_is_reported(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(music_control, "OPENING_SECONDS", 0.01)
    stage.held.clear()
    stage.broken = {"Broken One"}
    await stage.use("play_music", name="broken one")
    stage.held.set()
    async with asyncio.timeout(LIMIT):
        while not stage.told:
            await asyncio.sleep(0)
    assert stage.told == ["❌ Broken One: It could not be decoded."]


async def test_the_tools_need_the_rights_of_the_typed_commands(stage: Stage) -> None:
    asker = Asker(1, "Ada", "", HERE)
    assert [tool.description.name for tool in stage.tools if tool.may_use(asker)] == [
        "play_music",
        "change_music",
        "show_music",
    ]
    stage.forbidden = {"play", "skip"}
    assert not stage.tool("play_music").may_use(asker)
    with pytest.raises(ToolError, match="may not do that"):
        await stage.use("play_music", name="blue danube")
    with pytest.raises(ToolError, match="may not do that"):
        await stage.use("change_music", change="stop")
    stage.forbidden = {"pause"}
    assert not stage.tool("change_music").may_use(asker)
    stage.forbidden = {"queue"}
    assert not stage.tool("show_music").may_use(asker)


def test_without_a_folder_of_music_there_are_no_tools(tmp_path: Path) -> None:
    control = MusicControl(Mock(spec=CallManager), MusicService(None, tmp_path), Mock())
    assert music_tools(Mock(spec=Controls), control, Mock(spec=Volumes)) == ()


@pytest.mark.parametrize(
    "words",
    [
        "Play some music, please.",
        "Skip this song!",
        "Spiel ein Lied.",
        "Mets une chanson.",
        "Pon música.",
        "Включи музыку.",
        "音楽を流して",
        "放一首歌",
    ],
)
def test_words_that_ask_for_music_are_known(stage: Stage, words: str) -> None:
    assert WORDS.ask_for(Control.MUSIC, words)
    assert stage.tool("play_music").asked_for(words, {})


@pytest.mark.parametrize("words", ["What does this page say?", "Was steht da?", "Read it to me.", "Qu'est-ce ?"])
def test_other_words_do_not_ask_for_music(words: str) -> None:
    assert not WORDS.ask_for(Control.MUSIC, words)
