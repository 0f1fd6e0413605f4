"""What people change over ``/ws/chat`` during a call: persona, mood and volume, also by commands and by asking."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import Mock

import pytest

from bot.characters import Characters
from bot.controls.leaving import LateLeaving
from bot.controls.tools import Controls
from bot.controls.volumes import Volumes
from bot.controls.words import ControlWords
from bot.llm.history import Turn
from bot.llm.personas import PERSONAS_DIR
from bot.llm.tool_calls import ToolCall
from bot.model_name import NO_TOOLS
from bot.store import Store
from bot.tools.registry import ToolRegistry
from bot.tools.tools_file import ToolsFile
from bot.tools.yes_no_words import YesNoWords
from bot.voices.voices import Voices
from tests.bot.http.chat_house import chat_house
from tests.timing import ManualSleep


async def test_a_persona_is_chosen_from_those_that_exist(tmp_path: Path) -> None:
    async with chat_house(tmp_path) as house:
        page = await house.open()
        await page.send(type="persona", persona="helper")
        await page.until("error", code="no_call")
        await page.hello()
        shown = await page.until("persona", persona="seiyuu", name="Seiyuu")
        choices = [{"persona": "evil_seiyuu", "name": "Evil Seiyuu"}, {"persona": "helper", "name": "Kobi"}]
        assert [each for each in shown["choices"] if each["persona"] != "seiyuu"] == choices
        await page.send(type="persona", persona="helper")
        await page.until("persona", persona="helper", name="Kobi")
        await page.noticed("From now on I am Kobi")
        assert house.call.character.file == "helper"
        await page.send(type="persona", persona="nobody")
        await page.until("error", code="persona_unchanged")
        await page.count("persona", 3)
        assert page.got[-1]["persona"] == "helper", "the page shows again who the bot is"
        page.vanish()
        again = await house.talking()
        await again.until("persona", persona="helper")


async def test_persona_and_mood_are_chosen_by_typing_too(tmp_path: Path) -> None:
    async with chat_house(tmp_path) as house:
        page = await house.talking()
        for typed, answer in (
            ("!persona", "You can choose from: Seiyuu, Evil Seiyuu, Kobi (`helper`)."),
            ("!persona Kobi", "From now on I am Kobi"),
            ("!mood", "You can choose from: `cheerful`, `calm`, `curious`."),
            ("!mood calm", "Kobi is calm now."),
            ("!mood furious", "❌ Kobi has no mood with that name."),
        ):
            await page.send(type="text", text=typed)
            await page.noticed(answer)
        await page.until("persona", persona="helper")
        assert house.call.character.mood == "calm"
        assert not page.all("error")


async def test_a_choice_that_can_not_be_saved_is_reported_and_the_call_goes_on(tmp_path: Path) -> None:
    async with chat_house(tmp_path) as house:
        page = await house.talking()
        await house.database.write("DROP TABLE chat_character")
        await page.send(type="persona", persona="helper")
        assert "can't be written" in (await page.until("error", code="persona_unchanged"))["message"]
        await page.send(type="text", text="!mood calm")
        await page.noticed("can't be written")
        await page.send(type="text", text="Hello")
        await page.until("audio_end", reply="r1", reason="done")


async def test_commands_can_be_typed(tmp_path: Path) -> None:
    async with chat_house(tmp_path) as house:
        page = await house.talking()
        for text, words in (
            ("!listen off", "still type"),
            ("!listen on", "I listen in this"),
            ("!volume", "Volume: 100 %"),
            ("!volume 40 %", "Volume: 40 %"),
            ("!volume 20 music", "Music volume: 20 %"),
            ("!volume music", "Music volume: 20 %"),
            ("!volume sounds", "Sound volume: 50 %"),
            ("!volume loud music", "whole number from 0 to 200"),
            ("!volume loud", "whole number from 0 to 200"),
            ("!volume 201", "whole number from 0 to 200"),
            ("!draw a cat", "Discord"),
        ):
            await page.send(type="text", text=text)
            await page.noticed(words)
        assert house.call.volume == pytest.approx(0.4)
        await page.send(type="text", text="!leave")
        await house.until_idle()


async def test_the_bots_own_controls_act_on_a_browser_call(tmp_path: Path) -> None:
    async with chat_house(tmp_path) as house:
        page = await house.talking()
        characters = await Characters.open(house.database, PERSONAS_DIR, "seiyuu")
        voices, sleep = await Voices.load(Mock(), house.database, "!"), ManualSleep()
        leaving = LateLeaving(house.manager, sleep)
        volumes = Volumes(Store(house.database), house.manager)
        controls = Controls(house.manager, volumes, voices, characters, leaving, ControlWords())
        registry = ToolRegistry(ToolsFile(), YesNoWords(), controls.tools())
        person = house.call.transport.people.person

        async def use(words: str, name: str, arguments: str) -> str:
            """Have a tool called in a turn that begins with these words."""
            turn = registry.at(0).for_turn(Turn("user", "Ada", words, person=person))
            assert name in [each.name for each in turn.descriptions]
            return await turn.run(ToolCall("", name, arguments))

        assert "80 percent" in await use("Could you be a bit quieter?", "set_volume", '{"change": "quieter"}')
        assert house.call.volume == pytest.approx(0.8)
        assert "was not run" in await use("What is in the news?", "set_volume", '{"change": "louder"}')
        assert "87 percent" in await use("Speak slower, please.", "set_speaking_speed", '{"change": "slower"}')
        assert voices.manner(0).speed == pytest.approx(0.87)
        assert "sad" in await use("Be sad.", "set_mood", '{"mood": "sad"}')
        assert "in 10 minutes" in await use("Leave in ten minutes.", "leave_call", '{"in_minutes": 10}')
        await sleep.pass_by(599)
        assert house.manager.calls == (house.call,)
        await sleep.pass_by(2)
        await page.noticed("hung up")
        await house.until_idle()
        await page.send(type="hello", audio={})
        await page.count("ready", 2)
        assert house.call.volume == pytest.approx(0.8), "the page keeps its volume"
        await leaving.close()


async def test_a_notice_says_once_that_the_model_is_too_small_for_tools(tmp_path: Path) -> None:
    async with chat_house(tmp_path, first_notice=NO_TOOLS) as house:
        page = await house.talking()
        await page.noticed("too small for tools")
        assert "LLM_URL" in page.all("notice")[-1]["text"], "the notice names the remedy"
        await page.send(type="hangup")
        await house.until_idle()
        await page.send(type="hello", audio={})
        await page.count("ready", 2)
        await page.send(type="text", text="Hello")
        await page.until("audio_end")
        assert sum("too small" in each["text"] for each in page.all("notice")) == 1
