"""The bot comes by itself when people enter a voice channel, follows people, and comes back, on the sandbox."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import discord
import pytest

from bot.autojoin import rules
from bot.commands.outdated_questions import EARLY
from bot.commands.tool_questions import NO_ID, YES_ID
from bot.voice.events import PromptTaken
from bot.voice.turn import Outcome
from sandbox.guest import Guest
from sandbox.server import Sandbox
from sandbox.world.entities import Channel, ChannelKind, Message
from tests.e2e.conftest import LIMIT, Stage, StageMaker, make_settings, serving_tones, staged
from tests.e2e.program import VOICE
from tests.e2e.terminal import in_terminal
from tests.features.comfyui_server import ComfyUiServer
from tests.features.studio import WORKFLOW
from tests.features.talk import let_manage

CAME = "🎤 Somebody is in Lounge, so I came by myself."
STAYS_AWAY = "Now I stay away"
TOOL_IDS = (YES_ID, NO_ID)


def greetings(stage: Stage) -> list[str]:
    return [event.text for event in stage.events if isinstance(event, PromptTaken) and event.recited]


async def no_call(stage: Stage) -> None:
    await stage.until(lambda: not stage.app.calls.occupied, "the end of the call")


async def test_the_bot_comes_when_somebody_comes_and_goes_when_all_have_gone(
    make_stage: StageMaker, tmp_path: Path
) -> None:
    async with (
        serving_tones(tmp_path) as voice,
        make_stage(tts_websocket_url=voice, greet="all", alone_timeout=1.0) as stage,
    ):
        lounge = stage.sandbox.home.lounge
        assert (await stage.answer_to("!autojoin Lounge")).startswith("🔒"), "only for people who may manage the server"
        let_manage(stage.sandbox, stage.ada.id)
        await stage.ada.leave_voice()
        refused = await stage.answer_to("!autojoin Stage")
        assert "onto a stage" in refused
        shown = await stage.answer_to("!autojoin lounge quiet 25-3")
        assert "quiet hours" in shown
        shown = await stage.answer_to("!autojoin lounge", starts="🚪")
        assert f"<#{lounge.id}>" in shown
        assert f"<@{stage.ada.id}>" in shown

        await stage.ada.join_voice(lounge)
        await stage.told(CAME)
        await stage.until(lambda: greetings(stage), "a greeting")
        await stage.ada.leave_voice()
        await stage.told("👋 Everyone has gone")
        await no_call(stage)
        assert len(greetings(stage)) == 1
        assert "Ada" in greetings(stage)[0]

        await stage.ada.join_voice(lounge)
        await stage.told(CAME)
        await stage.answer_to("!leave", starts="👋 Left")
        await no_call(stage)
        ben = await stage.sandbox.add_guest("Ben")
        await ben.join_voice(lounge)
        await stage.ada.leave_voice()
        assert STAYS_AWAY in await stage.answer_to("!autojoin"), "the bot stays away, since the channel was never empty"
        assert not stage.app.calls.occupied
        await ben.leave_voice()
        await stage.ada.join_voice(lounge)
        await stage.told(CAME)
        await stage.answer_to("!autojoin off", starts="🚪 I don't come")
        assert stage.app.calls.occupied, "the call goes on"


async def test_the_bot_waits_for_a_drawing_and_asks_whether_it_may_come(
    make_stage: StageMaker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "ASK_AFTER", 2.0)
    (tmp_path / "workflow.json").write_text(WORKFLOW, encoding="utf-8")
    async with (
        ComfyUiServer() as comfyui,
        serving_tones(tmp_path) as voice,
        make_stage(
            tts_websocket_url=voice, comfyui_url=comfyui.url, comfyui_workflow=tmp_path / "workflow.json"
        ) as stage,
    ):
        let_manage(stage.sandbox, stage.ada.id)
        comfyui.going.clear()
        await stage.ask("!draw a cat")
        await stage.until(comfyui.stepped.is_set, "the drawing")
        await stage.ask("!autojoin Lounge")
        question = await stage.ada.wait_for_message(
            stage.sandbox.home.general, lambda message: message.content.startswith("🎨 Somebody is in Lounge"), LIMIT
        )
        assert not stage.app.calls.occupied
        (yes, _) = (each["custom_id"] for row in question.components for each in row["components"])
        await stage.ada.click(question, yes)
        await stage.until(lambda: stage.app.calls.occupied is not None, "the start of a call")
        comfyui.going.set()
        await stage.told(CAME)


async def post_question(stage: Stage, ids: Sequence[str]) -> Message:
    """Have the bot post a question whose buttons have these ids. Only code that knows an id answers a click on it."""
    channel = stage.app.bot.get_channel(stage.sandbox.home.general.id)
    assert isinstance(channel, discord.TextChannel)
    view = discord.ui.View(timeout=None)
    for each in ids:
        view.add_item(discord.ui.Button(label="?", custom_id=each))
    posted = await channel.send("🔧 May I do this?", view=view)
    view.stop()
    return await stage.ada.wait_for_message(stage.sandbox.home.general, lambda m: m.id == posted.id, LIMIT)


async def test_buttons_from_before_a_restart_answer_in_a_clear_sentence(
    tmp_path: Path, cache_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "ASK_AFTER", 0.5)
    (tmp_path / "workflow.json").write_text(WORKFLOW, encoding="utf-8")
    async with ComfyUiServer() as comfyui, Sandbox() as sandbox:
        settings = make_settings(
            sandbox, tmp_path, cache_dir=cache_dir, comfyui_url=comfyui.url, comfyui_workflow=tmp_path / "workflow.json"
        )
        async with staged(sandbox, settings) as stage:
            let_manage(sandbox, stage.ada.id)
            comfyui.going.clear()
            await stage.ask("!draw a cat")
            await stage.until(comfyui.stepped.is_set, "the drawing")
            await stage.ask("!autojoin Lounge")
            old, general = stage.ada, sandbox.home.general
            asked = await old.wait_for_message(
                general, lambda m: m.content.startswith("🎨 Somebody is in Lounge"), LIMIT
            )
            tool = await post_question(stage, TOOL_IDS)
            await stage.ask("!erase-me")
            erasing = await old.wait_for_message(
                general, lambda m: bool(m.components) and "!my-data" in m.content, LIMIT
            )
        comfyui.going.set()
        async with staged(sandbox, settings) as stage:
            (yes, no) = (each["custom_id"] for row in asked.components for each in row["components"])
            for message, (one, other) in ((asked, (yes, no)), (tool, TOOL_IDS), (erasing, ("yes", "no"))):
                for pressed in (await old.click(message, one), await stage.ada.click(message, other)):
                    answer = await pressed.response(LIMIT)
                    assert answer.content.count("I was restarted since then") == 1, (
                        "a press on either button is answered with this sentence once"
                    )
                    assert not answer.components
            # A button of a question that is newer than the bot's start, and for whose answer no code waits yet.
            young = await old.click(await post_question(stage, TOOL_IDS), TOOL_IDS[0])
            assert (await young.response(LIMIT)).content == EARLY
            await stage.told(CAME)


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Zoe, who may manage another server of the bot and sits in its voice channel, and that server's text channel."""

    zoe: Guest
    text: Channel

    async def told(self, starts: str, *, times: int = 1) -> None:
        """Wait until the bot has written this so many times, and see that it has not written it more often."""

        def written() -> list[Message]:
            return [m for m in self.zoe.messages(self.text) if m.author.bot and m.content.startswith(starts)]

        await self.zoe.wait_for_message(self.text, lambda _: len(written()) >= times, LIMIT)
        assert len(written()) == times


async def test_two_servers_that_want_the_one_call_are_told_that_one_waits(
    make_stage: StageMaker, tmp_path: Path
) -> None:
    async with (
        serving_tones(tmp_path) as voice,
        make_stage(tts_websocket_url=voice, alone_timeout=1.0) as stage,
    ):
        sandbox, directory, home = stage.sandbox, stage.sandbox.world.directory, stage.sandbox.home
        guild = directory.add_guild("Elsewhere", home.owner)
        directory.add_member(guild, sandbox.bot)
        text, den = directory.add_channel(guild, "general"), directory.add_channel(guild, "Den", ChannelKind.VOICE)
        zoe = await sandbox.add_guest("Zoe", guild)
        let_manage(sandbox, stage.ada.id)
        let_manage(sandbox, zoe.id, guild)
        there = Elsewhere(zoe, text)

        await stage.ask("!autojoin Lounge")
        await stage.told(CAME)
        await zoe.join_voice(den)
        await zoe.say(text, "!autojoin Den")
        await there.told("⏳ Den waits for me: I'm in a call elsewhere. I come when that is over.")
        await stage.told("⏳ Another server waits for me. I stay here as long as somebody is here")
        assert stage.app.calls.current_on(home.guild.id) is not None, "the bot does not leave people for others"

        await stage.ada.leave_voice()
        await there.told("🎤 Somebody is in Den, so I came by myself.")
        assert sandbox.bot_id not in home.guild.voice_states

        await stage.ada.join_voice(home.lounge)
        await stage.told("⏳ Lounge waits for me")
        await there.told("⏳ Another server waits for me")
        await zoe.leave_voice()
        await stage.told(CAME)
        await there.told("⏳", times=2)
        seen_there = " ".join(m.content for m in zoe.messages(text))
        seen_here = " ".join(m.content for m in stage.ada.messages(home.general))
        assert not {home.guild.name, home.lounge.name, home.general.name} & set(seen_there.split())
        assert not {guild.name, den.name} & set(seen_here.replace(",", " ").split())


async def test_a_bot_that_was_killed_comes_back_to_people_who_are_still_there(
    tmp_path: Path, speech_server: str
) -> None:
    async with Sandbox() as sandbox:
        ada = await sandbox.add_guest("Ada")
        let_manage(sandbox, ada.id)
        await ada.join_voice(sandbox.voice_channel)
        async with in_terminal("run", folder=tmp_path, **sandbox.bot_settings, **{VOICE: speech_server}) as terminal:
            await terminal.until_said("Connected as")
            await ada.say(sandbox.text_channel, "!autojoin Lounge")
            await ada.wait_for_message(sandbox.text_channel, lambda m: m.content.startswith(CAME), LIMIT)
            terminal.family().member("bot", "run").kill()
        said = await ada.say(sandbox.text_channel, "Where are you?")
        async with in_terminal("run", folder=tmp_path, **sandbox.bot_settings, **{VOICE: speech_server}):
            await ada.wait_for_message(
                sandbox.text_channel, lambda m: m.id > said.id and m.content.startswith(CAME), LIMIT
            )
            assert sandbox.guild.voice_states[sandbox.bot_id].channel_id == sandbox.voice_channel.id


async def test_the_bot_follows_a_person_who_asked_it_to_from_channel_to_channel(stage: Stage) -> None:
    sandbox, directory = stage.sandbox, stage.sandbox.world.directory
    games = directory.add_channel(sandbox.guild, "games", ChannelKind.VOICE)
    afk, lounge = sandbox.home.afk, sandbox.home.lounge

    def bot_is_in(channel: Channel) -> bool:
        state = sandbox.guild.voice_states.get(stage.bot)
        return state is not None and state.channel_id == channel.id

    await stage.join()
    assert "nobody" in await stage.answer_to("!follow", starts="👣")
    ben = await sandbox.add_guest("Ben")
    await ben.say(sandbox.home.general, "!follow me")
    await ben.wait_for_message(sandbox.home.general, lambda m: m.content.startswith(("❌", "🔒")), LIMIT)
    assert "Ada" in await stage.answer_to("!follow me", starts="👣 I follow")
    await stage.ada.join_voice(games)
    await stage.until(lambda: bot_is_in(games), "the bot")
    await stage.ada.join_voice(lounge)
    await stage.until(lambda: bot_is_in(lounge), "the bot")
    for _ in range(3):
        await stage.ada.join_voice(games)
        await stage.ada.join_voice(lounge)
    await stage.ada.join_voice(games)
    await stage.until(lambda: bot_is_in(games), "the bot")
    await stage.ask("Are you here?")
    assert (await stage.turns(1))[0].outcome is Outcome.SPOKEN, "the call goes on where Ada is"
    await stage.ada.join_voice(lounge)
    await stage.until(lambda: bot_is_in(lounge), "the bot")
    await sandbox.faults.move(stage.ada.user, afk)
    await stage.told("👣 I can't go along")
    assert sandbox.guild.voice_states[stage.bot].channel_id == lounge.id
    assert "nobody" in await stage.answer_to("!follow", starts="👣")
