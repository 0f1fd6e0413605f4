"""Three calls at once with the real bot: on two Discord servers and in a browser. None of them learns of another."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.call_elsewhere import CALLS_ON
from bot.calls import NO_CALL
from bot.voice.events import CallBegan, ReplyEnded
from sandbox.guest import Guest
from sandbox.world.entities import Channel, ChannelKind
from sandbox.world.permissions import Permission
from tests.bot.http.chat_house import ChatPage, page_at
from tests.e2e.conftest import LIMIT, Stage, StageMaker
from tests.e2e.scripted_model import Answer, ScriptedModel
from tests.voice.effects import only

ANSWERS = {
    "Apples": "Apples are red and round.",
    "Pears": "Pears are green and long.",
    "Plums": "Plums are blue and small.",
}
"""What the model answers to each question. Each call has its own."""


@dataclass(slots=True)
class Calls:
    """A call on Ada's server, one on Zoe's, and one of Eve in a browser. The bot may have no more calls at once."""

    stage: Stage
    model: ScriptedModel
    zoe: Guest
    text: Channel
    page: ChatPage

    async def zoe_gets(self, typed: str, *, starts: str) -> str:
        """Zoe types on her server. Returns the bot's next message there with this beginning."""
        await self.zoe.say(self.text, typed)
        answer = await self.zoe.wait_for_message(
            self.text, lambda m: m.author.bot and m.content.startswith(starts), LIMIT
        )
        return answer.content


@pytest.fixture
async def calls(make_stage: StageMaker, speech_server: str) -> AsyncIterator[Calls]:
    def script(line: str) -> Answer:
        return Answer(next((answer for word, answer in ANSWERS.items() if word in line), "Hello."), pause=0.01)

    settings = {"tts_websocket_url": speech_server, "llm_model": "scripted", "max_calls": 3}
    async with (
        ScriptedModel(script) as model,
        make_stage(llm_url=model.url, **settings) as stage,
        page_at(stage.app.web.server.url) as page,
        _zoe(stage) as (zoe, text),
    ):
        calls = Calls(stage, model, zoe, text, page)
        await stage.join()
        await calls.zoe_gets("!join", starts="🎤 Joined")
        await page.hello(name="Eve")
        yield calls


@asynccontextmanager
async def _zoe(stage: Stage) -> AsyncIterator[tuple[Guest, Channel]]:
    """Zoe, who is in a voice channel of another server, and the text channel of that server."""
    sandbox, directory = stage.sandbox, stage.sandbox.world.directory
    guild = directory.add_guild("Elsewhere", sandbox.home.owner)
    directory.add_member(guild, sandbox.bot)
    text, voice = directory.add_channel(guild, "general"), directory.add_channel(guild, "den", ChannelKind.VOICE)
    zoe = await sandbox.add_guest("Zoe", guild)
    directory.give_role(guild, zoe.id, directory.add_role(guild, "Managers", Permission.MANAGE_GUILD).id)
    await zoe.join_voice(voice)
    yield zoe, text


async def test_each_call_has_its_own_words_sound_history_traces_and_recording(calls: Calls, tmp_path: Path) -> None:
    stage, bot = calls.stage, calls.stage.bot
    await calls.zoe_gets("!record on", starts="🔴 I'm recording.")
    await asyncio.gather(
        stage.ask("Apples?"), calls.zoe.say(calls.text, "Pears?"), calls.page.send(type="text", text="Plums?")
    )
    await stage.until(lambda: len(_answers(stage)) == 3, "three answers")
    places = {began.call: began.place for began in only(CallBegan, stage.events)}
    assert [began.people for began in only(CallBegan, stage.events) if began.transport == "browser"] == [("Eve",)]
    assert {places[call]: heard for call, heard in _answers(stage).items()} == {
        "Lounge": [ANSWERS["Apples"]],
        "den": [ANSWERS["Pears"]],
        "your browser": [ANSWERS["Plums"]],
    }
    shown = "".join(token["token"] for token in calls.page.all("llm_token"))
    assert shown.strip() == ANSWERS["Plums"]
    assert calls.page.sound
    for guest in (stage.ada, calls.zoe):
        assert guest.voice.receiver.count(bot)
    for messages in calls.model.asked:
        asked = json.dumps(messages)
        assert sum(word in asked for word in ANSWERS) <= 1, "the model is told of no other call"
    assert [call.transport.place for call in stage.app.manager.calls if call.recordings.on] == ["den"]
    await calls.zoe_gets("!record off", starts="⏹️ I'm not recording.")
    (folder,) = (tmp_path / "recordings").iterdir()
    (in_den,) = (call for call, place in places.items() if place == "den")
    assert folder.name.endswith(f"-den.{in_den}")
    assert {path.name.split("-")[0] for path in folder.iterdir()} <= {"Zoe", "bot.wav"}
    traces = [json.loads(line) for line in (tmp_path / "traces.jsonl").read_text(encoding="utf-8").splitlines()]
    assert {trace["call"] for trace in traces} == set(places)
    await stage.app.core.long_term.conversations.writer.flush()
    rows = await stage.app.database.rows(
        "SELECT place, text FROM turns JOIN conversations ON conversations.id = turns.conversation WHERE person IS NULL"
    )
    # The announcement of the recording is a turn of the bot, too.
    said = [(place, text) for place, text in rows if "recorded" not in text]
    assert sorted(said) == sorted(zip(("Lounge", "den", "your browser"), ANSWERS.values(), strict=True))


async def test_commands_and_notices_speak_of_the_call_in_the_place_where_somebody_asks(calls: Calls) -> None:
    stage = calls.stage
    assert "Lounge" in (status := await stage.answer_to("!voice-status", starts="🎤 **In**"))
    assert "until all 3 calls have ended" in status
    assert "den" in await calls.zoe_gets("!voice-status", starts="🎤 **In**")
    assert await calls.zoe_gets("!volume 50", starts="🔊") == "🔊 Volume: 50 %"
    volumes = {call.transport.place: call.volume for call in stage.app.manager.calls}
    assert volumes == {"Lounge": 1.0, "den": 0.5, "your browser": 1.0}
    async with page_at(stage.app.web.server.url) as fourth:
        await fourth.send(type="hello", name="Max", audio={})
        assert (await fourth.until("error", code="call_elsewhere"))["message"] == CALLS_ON.format(count=3)
    await stage.answer_to("!leave", starts="👋 Left")
    await stage.until(lambda: len(stage.app.manager.occupants) == 2, "the end of the call in the lounge")
    assert stage.app.manager.status().held, "two calls go on"
    assert (await stage.answer_to("!stop", starts=NO_CALL)) == NO_CALL, "what is on elsewhere is no call here"
    assert "2 calls are on elsewhere" in await stage.answer_to("!voice-status", starts="🎤")
    await calls.zoe.say(calls.text, "Pears?")
    await stage.until(lambda: len(_answers(stage)) == 1, "the answer in the den")
    await calls.zoe_gets("!leave", starts="👋 Left")
    await calls.page.send(type="hangup")
    await stage.until(lambda: not stage.app.manager.occupants, "the end of all calls")
    assert stage.app.manager.status().held == ()


def _answers(stage: Stage) -> dict[str, list[str]]:
    """What was heard of the model's answers, by call."""
    heard: dict[str, list[str]] = {}
    for ended in only(ReplyEnded, stage.events):
        if ended.heard.strip() in ANSWERS.values():
            heard.setdefault(ended.call, []).append(ended.heard.strip())
    return heard
