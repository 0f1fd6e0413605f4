"""Tests of joining, leaving, what people do to the bot in a channel, and how a call ends."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.store import CallRecord, Store
from bot.voice.dialogue.left_unanswered import CALL_ENDED
from bot.voice.discord.transport import CHANNEL_FULL
from bot.voice.manager import ALREADY_IN_CALL
from bot.voice.playback.playback import ReplyPlayback
from bot.voice.turn import Outcome
from sandbox.server import Sandbox
from sandbox.world.permissions import Permission
from tests.e2e.conftest import Stage, StageMaker, make_settings, staged
from tests.e2e.talking import ended, speaks, talk


async def test_join_and_leave_answer_with_their_texts(stage: Stage) -> None:
    assert await stage.answer_to("!leave", starts="❌") == "❌ I'm not in a voice channel!"
    assert await stage.answer_to("!stop", starts="No") == "No active voice session"
    assert await stage.answer_to("!speak hello", starts="No") == "No active voice session"
    assert (await stage.answer_to("!voice-status", starts="No")).startswith("No active voice session")
    assert await stage.answer_to("!join", starts="🎤") == "🎤 Joined Lounge! Send messages here to make me speak."
    assert await stage.answer_to("!join", starts="❌") == ALREADY_IN_CALL.format(prefix="!")
    assert await stage.answer_to("!leave", starts="👋") == "👋 Left voice channel!"
    await ended(stage, "command")


@pytest.mark.parametrize("cause", ["command", pytest.param("failure", marks=pytest.mark.slow)])
async def test_the_author_of_a_message_that_still_waits_when_the_call_ends_is_told(
    stage: Stage, cause: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stage.join()
    (call,) = stage.app.calls.active
    for text in ("thank you", "and what is a frog?", "and a toad?"):
        await stage.ask(text)
    if cause == "command":
        await stage.ask("!leave")
    else:
        await stage.until(lambda: call.conversation.waiting > 0, "messages that wait")
        monkeypatch.setattr(ReplyPlayback, "wait_for_room", None)
    await stage.told(CALL_ENDED)
    await ended(stage, cause)


async def test_joining_from_outside_a_voice_channel_needs_the_name_of_one(stage: Stage) -> None:
    ben = await stage.sandbox.add_guest("Ben")
    text = stage.sandbox.text_channel
    await ben.say(text, "!join")
    await ben.wait_for_message(text, lambda m: m.content == "❌ You must be in a voice channel!")
    await ben.say(text, "!join Nowhere")
    await ben.wait_for_message(text, lambda m: m.content.startswith("❌ I see no voice channel"))
    await ben.say(text, "!join Second lounge")
    await ben.wait_for_message(text, lambda m: m.content.startswith("🎤 Joined Second lounge"))


async def test_a_person_in_no_voice_channel_learns_where_the_call_is(stage: Stage) -> None:
    await stage.join()
    ben = await stage.sandbox.add_guest("Ben")
    text = stage.sandbox.text_channel
    await ben.say(text, "!join")
    await ben.wait_for_message(text, lambda m: m.content == "❌ I'm in Lounge already. Come in there, and talk to me.")
    stage.sandbox.faults.deny(ben.user, stage.sandbox.voice_channel, Permission.VIEW_CHANNEL)
    asked = await ben.say(text, "!join")
    told = await ben.wait_for_message(text, lambda m: m.content.startswith("❌"), after=asked)
    assert "Lounge" not in told.content


async def test_a_person_who_names_a_channel_during_a_call_learns_where_the_call_is(stage: Stage) -> None:
    await stage.join()
    assert await stage.answer_to("!join lounge", starts="❌") == (
        "❌ I'm in Lounge already, and so are you. Talk to me."
    )
    assert await stage.answer_to("!join second lounge", starts="❌") == (
        "❌ I'm in a call in Lounge. Use `!leave` first, then `!join Second lounge`."
    )
    ben = await stage.sandbox.add_guest("Ben")
    text = stage.sandbox.text_channel
    await ben.say(text, "!join lounge")
    await ben.wait_for_message(text, lambda m: m.content == "❌ I'm in Lounge already. Come in there, and talk to me.")
    stage.sandbox.faults.deny(ben.user, stage.sandbox.voice_channel, Permission.VIEW_CHANNEL)
    asked = await ben.say(text, "!join second lounge")
    told = await ben.wait_for_message(text, lambda m: m.content.startswith("❌"), after=asked)
    assert told.content == "❌ I'm in a call on this server already, in a channel that you don't see."


async def test_a_call_needs_no_right_to_react(stage: Stage) -> None:
    sandbox = stage.sandbox
    sandbox.faults.deny(sandbox.bot, sandbox.text_channel, Permission.ADD_REACTIONS)
    await stage.join()
    await stage.ask("How are you?")
    assert [trace.outcome for trace in await stage.turns(1)] == [Outcome.SPOKEN]


async def test_nobody_can_send_the_bot_to_a_channel_that_is_closed_to_them_or_see_it_there(stage: Stage) -> None:
    ben = await stage.sandbox.add_guest("Ben")
    text, second = stage.sandbox.text_channel, stage.sandbox.home.second_lounge
    stage.sandbox.faults.deny(ben.user, second, Permission.CONNECT)
    await ben.say(text, "!join Second lounge")
    await ben.wait_for_message(text, lambda m: m.content.startswith(f"🔒 <#{second.id}> is closed to you"))
    stage.sandbox.faults.deny(ben.user, second, Permission.VIEW_CHANNEL)
    await ben.say(text, "!join Second lounge")
    await ben.wait_for_message(text, lambda m: m.content.startswith("❌ I see no voice channel"))
    assert await stage.answer_to("!join Second lounge", starts="🎤") == (
        "🎤 Joined Second lounge! Send messages here to make me speak."
    )
    await ben.say(text, "!voice-status")
    status = await ben.wait_for_message(text, lambda m: "Encryption" in m.content)
    assert "Second lounge" not in status.content
    assert "Second lounge" in await stage.answer_to("!voice-status", starts="🎤 **In**")


async def test_slash_commands_do_the_same_as_typed_commands(stage: Stage) -> None:
    text = stage.sandbox.text_channel
    joined = await (await stage.ada.press(text, "join")).response()
    assert joined.content.startswith("🎤 Joined Lounge!")
    pressed = await stage.ada.press(text, "speak", text="Testing, testing.")
    assert (await pressed.response()).content == "🎤 I'll say that."
    (trace,) = await stage.turns(1)
    assert trace.outcome is Outcome.SPOKEN
    status = await (await stage.ada.press(text, "voice-status")).response()
    assert "espeak" in status.content
    assert "first packet" in status.content
    volume = await (await stage.ada.press(text, "volume", percent=50)).response()
    assert volume.content == "🔊 Volume: 50 %"
    assert "!join" in (await (await stage.ada.press(text, "help")).response()).content
    left = await (await stage.ada.press(text, "leave")).response()
    assert left.content == "👋 Left voice channel!"


async def test_help_shows_every_command_even_if_there_are_many(stage: Stage) -> None:
    await stage.ask("!help")
    await stage.told("**What I can do.**")
    shown = [command for command in stage.app.bot.commands if not command.hidden]

    def pages() -> list[str]:
        return [m.content for m in stage.ada.messages(stage.sandbox.home.general) if m.author.bot]

    def all_there() -> bool:
        return all(any(f"`!{command.qualified_name}" in page for page in pages()) for command in shown)

    await stage.until(all_there, "every command")
    assert all(len(page) <= 2000 for page in pages())


async def test_a_prompt_channel_can_be_set(make_stage: StageMaker, speech_server: str) -> None:
    async with make_stage(tts_websocket_url=speech_server, prompt_channel="#side-talk") as stage:
        side = stage.sandbox.home.side
        assert f"<#{side.id}>" in await stage.answer_to("!join", starts="🎤 Joined")
        await stage.ask("not here")
        message = await stage.ada.say(side, "hello there")
        await stage.ada.wait_for_reaction(message, "🎤")
        assert len(await stage.turns(1)) == 1


async def test_a_full_channel_and_missing_permissions_are_reported_and_leave_no_feature_paused(stage: Stage) -> None:
    sandbox = stage.sandbox
    sandbox.faults.make_full(sandbox.voice_channel)
    assert await stage.answer_to("!join", starts="❌") == CHANNEL_FULL
    sandbox.faults.deny(sandbox.bot, sandbox.home.second_lounge, Permission.SPEAK)
    told = await stage.answer_to("!join Second lounge", starts="❌")
    assert "speak in #Second lounge" in told
    assert "https://discord.com" in told, "the answer has an invite link that asks for all permissions"
    assert stage.app.calls.status().held == (), "no feature stays paused"


async def test_a_kick_ends_the_call_and_the_bot_can_come_back(stage: Stage) -> None:
    await stage.join()
    await stage.sandbox.faults.kick_from_voice(stage.sandbox.bot)
    assert "disconnected from Lounge" in await stage.told("👋")
    await ended(stage, "kicked")
    await stage.join()
    await speaks(stage)


async def test_a_deleted_channel_ends_the_call(stage: Stage) -> None:
    await stage.join()
    await stage.sandbox.faults.delete_channel(stage.sandbox.voice_channel)
    assert "deleted" in await stage.told("👋")
    await ended(stage, "channel deleted")


async def test_if_the_prompt_channel_is_deleted_the_call_goes_on_and_can_still_be_ended(stage: Stage) -> None:
    await stage.join()
    await stage.sandbox.faults.delete_channel(stage.sandbox.text_channel)
    await talk(stage.ada, "How are you?")
    (trace,) = await stage.turns(1)
    assert trace.outcome is Outcome.SPOKEN
    side = stage.sandbox.home.side
    await stage.ada.say(side, "!leave")
    await stage.ada.wait_for_message(side, lambda m: m.content == "👋 Left voice channel!")
    await ended(stage, "command")
    assert stage.app.calls.status().held == (), "no feature stays paused"


async def test_the_bot_leaves_when_everybody_has_left(make_stage: StageMaker, speech_server: str) -> None:
    async with make_stage(tts_websocket_url=speech_server, alone_timeout=0.4) as stage:
        await stage.join()
        await stage.ada.leave_voice()
        assert "Everyone has gone" in await stage.told("👋")
        await ended(stage, "alone")


async def test_a_move_is_reported_and_followed(stage: Stage) -> None:
    await stage.join()
    await stage.sandbox.faults.move(stage.sandbox.bot, stage.sandbox.home.second_lounge)
    assert "moved to Second lounge" in await stage.told("🎤 I was")
    await stage.ada.leave_voice()
    await stage.ada.join_voice(stage.sandbox.home.second_lounge)
    await stage.until(lambda: stage.ada.voice.encrypted, "Ada's encryption")
    await speaks(stage)


async def test_being_muted_suppressed_or_moved_to_the_afk_channel_is_reported(stage: Stage) -> None:
    faults, bot = stage.sandbox.faults, stage.sandbox.bot
    await stage.join()
    faults.server_mute(bot)
    assert "muted by this server" in await stage.told("🔇")
    faults.server_mute(bot, muted=False)
    await stage.told("🔊")
    await faults.move_to_afk(bot)
    assert "AFK" in await stage.told("💤")


async def test_being_in_the_audience_of_a_stage_is_reported(stage: Stage) -> None:
    await stage.ada.join_voice(stage.sandbox.stage_channel)
    await stage.answer_to("!join", starts="🎤 Joined Stage")
    stage.sandbox.faults.suppress(stage.sandbox.bot)
    assert "audience" in await stage.told("🔇")


async def test_leave_during_a_slow_start_cancels_it(stage: Stage) -> None:
    await stage.sandbox.faults.lose_voice_server()
    await stage.ask("!join")
    await stage.until(lambda: stage.app.calls.status().state.value == "starting", "the start")
    assert await stage.answer_to("!leave", starts="👋 Left") == "👋 Left voice channel!"
    assert stage.app.calls.status().state.value == "idle"
    assert stage.app.calls.status().held == (), "no feature stays paused"


async def test_a_start_after_a_crash_ends_the_ghost_call_and_says_so(speech_server: str, tmp_path: Path) -> None:
    async with Sandbox() as sandbox:
        # A process that was killed in a call leaves two things behind: the record of the call, and its place in the
        # channel.
        sandbox.world.join_voice(sandbox.bot_id, sandbox.voice_channel.id)
        guild, voice, text = sandbox.guild.id, sandbox.voice_channel.id, sandbox.text_channel.id
        async with Store.opened(tmp_path / "seiyuu.sqlite3") as store:
            await store.begin_call(CallRecord(guild, voice, text))
        settings = make_settings(sandbox, tmp_path, tts_websocket_url=speech_server)
        async with staged(sandbox, settings) as stage:
            assert "restarted in the middle" in await stage.told("👋")
            await stage.until(lambda: stage.bot not in sandbox.guild.voice_states, "the bot out of the channel")
            await stage.join()
