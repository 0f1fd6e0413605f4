"""The bot's own controls as tools: who may use them, and what they change."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import AsyncMock, Mock

import discord
import pytest

from bot.characters import Characters
from bot.commands.control_rights import ControlRights
from bot.controls.leaving import LAST_WORDS, LateLeaving
from bot.controls.tools import Controls
from bot.controls.volumes import Volumes
from bot.controls.words import Control, ControlWords, ControlWordsError
from bot.database import Database
from bot.llm.personas import PERSONAS_DIR
from bot.store import Store
from bot.tools.tool import Asker, Effect, Tool, ToolError
from bot.voice.manager import CallManager
from bot.voice.transport import EndCause
from bot.voices.voices import Voices
from tests.guards import make_guard
from tests.timing import ManualSleep
from wire.parameters import SpeechParameters

HERE, ELSEWHERE, PAGE = 100, 200, 0
IN_CALL, OUTSIDE = 1, 2
LOUNGE = SimpleNamespace(id=7, guild=SimpleNamespace(id=HERE))
WORDS = ControlWords()


def asker(person: int | None = IN_CALL, server: int = HERE, words: str = "") -> Asker:
    return Asker(person, "Ada", words, server)


def member(user: int) -> Mock:
    it = Mock(spec=discord.Member)
    it.id, it.guild_permissions, it.roles = user, discord.Permissions.none(), []
    it.voice = SimpleNamespace(channel=LOUNGE) if user == IN_CALL else None
    return it


class Stage:
    """A server with a call in its lounge, in which person 1 is. Person 2 is a member outside of the call."""

    def __init__(self, characters: Characters, store: Store) -> None:
        people = {person: member(person) for person in (IN_CALL, OUTSIDE)}
        server = SimpleNamespace(id=HERE, get_member=people.get)
        client = Mock(spec=discord.Client)
        client.get_guild.side_effect = {HERE: server}.get
        self.call = SimpleNamespace(id="c1", server=HERE, volume=1.0, conversation=SimpleNamespace(floor_free=False))
        self.manner = SpeechParameters(voice="robin", speed=1.0)
        self.manager = Mock(spec=CallManager)
        self.manager.calls = (self.call,)
        self.manager.is_active.side_effect = lambda call: call in self.manager.calls
        self.manager.end = AsyncMock()
        voices = Mock(spec=Voices)
        voices.manner.side_effect = lambda _: self.manner
        voices.choose_manner = AsyncMock(side_effect=lambda _, manner: setattr(self, "manner", manner))
        self.sleep = ManualSleep()
        self.leaving = LateLeaving(self.manager, self.sleep)
        self.characters = characters
        self.volumes = Volumes(store, self.manager)
        controls = Controls(self.manager, self.volumes, voices, characters, self.leaving, WORDS)
        controls.may = ControlRights(client, make_guard(lambda _: cast(Any, LOUNGE)), PAGE)
        self.tools = controls.tools()

    def tool(self, name: str) -> Tool:
        return next(tool for tool in self.tools if tool.description.name == name)

    async def use(self, name: str, asked: Asker | None = None, **arguments: Any) -> str:
        """Run a tool, and return its result."""
        result = await self.tool(name).run(arguments, asked or asker())
        assert result.trusted
        return result.text


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with Database.opened(tmp_path / "bot.sqlite3") as database:
        stage = Stage(await Characters.open(database, PERSONAS_DIR, "seiyuu"), Store(database))
        yield stage
        await stage.leaving.close()


def test_the_tools_need_the_rights_of_the_typed_commands(stage: Stage) -> None:
    names = [tool.description.name for tool in stage.tools]
    assert names == ["leave_call", "set_volume", "set_mood", "set_speaking_speed"]
    assert all(tool.effect is Effect.PRIVILEGED for tool in stage.tools)
    assert all(tool.may_use(asker()) for tool in stage.tools)
    for stranger in (asker(None), asker(99), asker(IN_CALL, ELSEWHERE)):
        assert not any(tool.may_use(stranger) for tool in stage.tools), stranger
    assert [tool.description.name for tool in stage.tools if tool.may_use(asker(OUTSIDE))] == ["leave_call"], (
        "everybody may send the bot away, but only people in the call may use its other controls"
    )


def test_whoever_uses_the_page_may_change_everything_there(stage: Stage) -> None:
    assert all(tool.may_use(asker(2**62, PAGE)) for tool in stage.tools)


async def test_a_person_who_lost_the_right_meanwhile_is_refused(stage: Stage) -> None:
    for tool in stage.tools:
        with pytest.raises(ToolError, match="may not do that"):
            await tool.run({"change": "slower", "mood": "sad"}, asker(99))
    assert stage.call.volume == 1.0


async def test_the_volume_is_changed_by_steps_or_percent_and_stays_above_zero(stage: Stage) -> None:
    assert "80 percent" in await stage.use("set_volume", change="quieter")
    assert stage.call.volume == pytest.approx(0.8)
    await stage.use("set_volume", change="louder")
    assert stage.call.volume == pytest.approx(1.0)
    await stage.use("set_volume", percent=35)
    assert stage.call.volume == await stage.volumes.at(HERE) == pytest.approx(0.35)
    assert await stage.volumes.at(ELSEWHERE) == 1.0
    for _ in range(10):
        await stage.use("set_volume", change="quieter")
    assert stage.call.volume > 0, "quieter never makes it mute"


async def test_a_choice_elsewhere_does_not_change_this_call(stage: Stage) -> None:
    await stage.use("set_volume", asker(None, PAGE), percent=10)
    assert stage.call.volume == 1.0
    assert await stage.volumes.at(PAGE) == pytest.approx(0.1)
    with pytest.raises(ToolError, match="no voice call"):
        await stage.use("leave_call", asker(None, PAGE))


@pytest.mark.parametrize("arguments", [{}, {"change": "mute"}, {"percent": 201}, {"percent": -1}, {"percent": True}])
async def test_what_is_no_volume_is_refused(stage: Stage, arguments: dict[str, Any]) -> None:
    for wrong in (arguments, {"percent": float("nan")}, {"percent": "loud"}, {"change": ["louder"]}):
        with pytest.raises(ToolError):
            await stage.use("set_volume", **wrong)
    assert stage.call.volume == 1.0


async def test_speed_keeps_the_voice_and_stays_within_limits(stage: Stage) -> None:
    assert "87 percent" in await stage.use("set_speaking_speed", change="slower")
    assert stage.manner.speed == pytest.approx(0.87)
    await stage.use("set_speaking_speed", change="usual")
    assert stage.manner == SpeechParameters(voice="robin")
    for change in ("faster", "slower"):
        for _ in range(20):
            await stage.use("set_speaking_speed", change=change)
        assert stage.manner.speed in (0.5, 2.0)


async def test_a_mood_is_set_by_its_name_and_other_names_are_refused(stage: Stage) -> None:
    assert "downcast" in await stage.use("set_mood", mood="Sad")
    assert stage.characters.at(HERE).mood == "sad"
    with pytest.raises(ToolError, match="cheerful"):
        await stage.use("set_mood", mood="no such mood")
    assert "sleepy" in stage.tool("set_mood").description.text


async def test_leaving_now_waits_for_the_end_of_the_answer(stage: Stage) -> None:
    await stage.use("leave_call")
    await stage.sleep.pass_by(LAST_WORDS / 2)
    stage.manager.end.assert_not_awaited()
    stage.call.conversation.floor_free = True
    await stage.sleep.pass_by(1.0)
    stage.manager.end.assert_awaited_once_with(EndCause.VOICE_COMMAND, call=stage.call)


async def test_leaving_later_can_be_given_up_and_put_off(stage: Stage) -> None:
    stage.call.conversation.floor_free = True
    assert "in 10 minutes" in await stage.use("leave_call", in_minutes=10)
    await stage.sleep.pass_by(599)
    assert "You stay" in await stage.use("leave_call", stay=True)
    assert "were not" in await stage.use("leave_call", stay=True)
    await stage.use("leave_call", in_minutes=1)
    await stage.use("leave_call", in_minutes=2)
    await stage.sleep.pass_by(119)
    stage.manager.end.assert_not_awaited()
    await stage.sleep.pass_by(1)
    stage.manager.end.assert_awaited_once()


async def test_a_later_call_is_not_left_because_of_an_earlier_wish(stage: Stage) -> None:
    await stage.use("leave_call", in_minutes=1)
    stage.manager.calls = (SimpleNamespace(id="c2", server=HERE, conversation=SimpleNamespace(floor_free=True)),)
    await stage.sleep.pass_by(60 + LAST_WORDS + 1)
    stage.manager.end.assert_not_awaited()


async def test_without_a_call_there_is_nothing_to_leave(stage: Stage) -> None:
    with pytest.raises(ToolError):
        await stage.use("leave_call", in_minutes=float("inf"))
    stage.manager.calls = ()
    with pytest.raises(ToolError, match="no voice call"):
        await stage.use("leave_call", in_minutes=1)
    before = asyncio.all_tasks()
    await stage.leaving.close()
    assert asyncio.all_tasks() <= before


@pytest.mark.parametrize(
    ("control", "words"),
    [
        (Control.VOLUME, "Could you be a bit quieter, please?"),
        (Control.VOLUME, "Sprich bitte etwas leiser!"),
        (Control.VOLUME, "もう少し静かにして"),
        (Control.SPEED, "Speak slower."),
        (Control.SPEED, "请说慢一点"),
        (Control.MOOD, "Be sad."),
        (Control.LEAVE, "Leave in ten minutes."),
        (Control.LEAVE, "Уйди, пожалуйста"),
    ],
)
def test_words_that_ask_for_a_control_are_known(control: Control, words: str) -> None:
    assert WORDS.ask_for(control, words)


@pytest.mark.parametrize(
    "words", ["What does this page say?", "Summarise https://example.com/leaves", "", "Was steht da?"]
)
def test_words_that_ask_for_no_control_are_not_taken_for_one(words: str) -> None:
    assert not any(WORDS.ask_for(control, words) for control in Control)


@pytest.mark.parametrize(
    ("words", "leaves", "stays"),
    [
        ("Leave, please.", True, True),
        ("I don't know, just leave.", True, True),
        ("Don't leave!", False, True),
        ("Do not go away yet", False, True),
        ("Geh bitte nicht!", False, True),
        ("Ne pars pas.", False, True),
        ("Не уходи", False, True),
        ("别走", False, True),
        ("Please stay.", False, True),
        ("Nice weather.", False, False),
    ],
)
def test_whoever_says_not_to_leave_asks_the_bot_to_stay(stage: Stage, words: str, leaves: bool, stays: bool) -> None:
    tool = stage.tool("leave_call")
    assert tool.asked_for(words, {"in_minutes": 0}) is leaves
    assert tool.asked_for(words, {"stay": True}) is stays


def test_not_so_loud_asks_for_another_volume(stage: Stage) -> None:
    assert stage.tool("set_volume").asked_for("Don't be so loud!", {})


@pytest.mark.parametrize("text", ["volume: {en: [loud]}", "volume: loud", "- a", "{", "music: {en: [play]}"])
def test_a_broken_file_of_words_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "controls.yaml"
    path.write_text(text)
    with pytest.raises(ControlWordsError, match=r"controls\.yaml can't be used"):
        ControlWords(path)
