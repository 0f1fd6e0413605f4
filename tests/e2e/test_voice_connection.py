"""Tests of a call whose connections break: the voice gateway, the voice packets, and the gateway."""

from __future__ import annotations

import asyncio

import pytest

from bot.returning import LOST_CALL_LEFT
from bot.voice.discord.close_codes import CLOSE_CODES, AfterClose
from sandbox.voice.network import Conditions
from tests.e2e.conftest import Stage
from tests.e2e.talking import ended, speaks, talk

QUICK_CODES = {4006, 4015}
"""The close codes of the voice gateway that `make test` tries. After the first, the bot makes a new connection. After
the second, it resumes the old one.
"""
RESTORED = [
    pytest.param(code, marks=[] if code in QUICK_CODES else [pytest.mark.slow], id=f"{code} {after.name.lower()}")
    for code, after in CLOSE_CODES.items()
    if after is not AfterClose.END
]


@pytest.mark.parametrize("code", RESTORED)
async def test_a_broken_voice_connection_is_restored_and_the_bot_is_heard_again(stage: Stage, code: int) -> None:
    await stage.join()
    await stage.sandbox.voice_server.close(stage.bot, code)
    call = stage.app.calls.current_on(stage.sandbox.guild.id)
    assert call is not None
    group = {stage.bot, stage.ada.id}
    lounge = stage.sandbox.voice_channel.id
    await stage.until(
        lambda: call.transport.encrypted and stage.sandbox.voice_server.in_group(lounge) == group, "the connection"
    )
    await speaks(stage)
    assert stage.app.calls.current_on(stage.sandbox.guild.id) is call


@pytest.mark.slow
@pytest.mark.parametrize("code", [code for code, after in CLOSE_CODES.items() if after is AfterClose.END])
async def test_after_close_codes_that_end_the_call_the_bot_leaves_and_says_why(stage: Stage, code: int) -> None:
    await stage.join()
    stage.sandbox.voice_server.refuse(code)
    await stage.sandbox.voice_server.close(stage.bot, code)
    assert "asks me not to come back" in await stage.told("❌")
    await ended(stage, "refused")
    stage.sandbox.voice_server.refuse(None)
    await stage.join()


@pytest.mark.slow
@pytest.mark.parametrize("heals", [True, False])
async def test_a_connection_that_is_open_but_dead_is_made_anew_or_the_bot_leaves_and_says_why(
    stage: Stage, heals: bool
) -> None:
    server = stage.sandbox.voice_server
    await stage.join()
    call = stage.app.calls.current_on(stage.sandbox.guild.id)
    assert call is not None
    server.fall_silent(stage.bot)
    await stage.until(lambda: server.speaks_to(stage.bot), "another connection")
    # If a connection falls silent before it is complete, the bot takes that for a failed attempt, and makes another
    # one.
    await stage.until(lambda: call.transport.encrypted and stage.ada.voice.encrypted, "the key")
    if heals:
        await speaks(stage)
        assert stage.app.calls.current_on(stage.sandbox.guild.id) is call
    else:
        server.fall_silent(stage.bot)
        assert "I lost the connection" in await stage.told("❌")
        await ended(stage, "connection lost")


@pytest.mark.slow
async def test_people_are_told_that_no_voice_packets_come_through_and_what_is_likely_wrong(stage: Stage) -> None:
    network = stage.sandbox.voice_server.network
    network.up = network.down = Conditions(loss=1.0)
    told = await stage.answer_to("!join", starts="❌ I can't talk in Lounge")
    assert "no voice packets (UDP) come back" in told
    assert "firewall" in told
    network.up = network.down = Conditions()
    await stage.join()
    call = stage.app.calls.current_on(stage.sandbox.guild.id)
    assert call is not None

    async def ask_again_and_again() -> None:
        while True:
            await talk(stage.ada, "what time is it")

    # Nobody has spoken before, so no packet has ever come.
    network.up = network.down = Conditions(loss=1.0)
    asking = asyncio.create_task(ask_again_and_again())
    told = await stage.told("🙉 I can't hear you")
    assert "no voice packets (UDP) reach me any more" in told
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    network.up = network.down = Conditions()
    await stage.until(lambda: call.transport.encrypted and stage.ada.voice.encrypted, "the key")
    await speaks(stage)
    assert stage.app.calls.current_on(stage.sandbox.guild.id) is call


async def test_the_bot_follows_a_change_of_the_voice_server(stage: Stage) -> None:
    await stage.join()
    await stage.sandbox.faults.change_voice_server()
    group, lounge = {stage.bot, stage.ada.id}, stage.sandbox.voice_channel.id
    await stage.until(lambda: stage.sandbox.voice_server.in_group(lounge) == group, "the bot on the new server")
    await stage.until(lambda: stage.ada.voice.encrypted, "Ada's encryption")
    await speaks(stage)


@pytest.mark.parametrize("resumable", [True, False])
async def test_the_call_outlives_a_drop_of_the_gateway(stage: Stage, resumable: bool) -> None:
    await stage.join()
    if resumable:
        stage.sandbox.faults.cut_gateway()
    else:
        stage.sandbox.faults.cut_gateway_and_forget_sessions()
    await stage.sandbox.bot_online()
    await stage.until(lambda: not stage.app.bot.is_ws_ratelimited() and stage.app.bot.is_ready(), "the bot")
    await speaks(stage)
    said = [message.content for message in stage.ada.messages(stage.sandbox.text_channel)]
    assert LOST_CALL_LEFT.format(prefix="!") not in said, "a new session is no restart"
    await stage.sandbox.faults.kick_from_voice(stage.sandbox.bot)
    await ended(stage, "kicked")


async def test_a_call_that_discord_cuts_off_for_good_ends_properly(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    await stage.join()
    # 4004: authentication failed. After this code, a client must not connect again.
    await stage.sandbox.faults.close_gateway(4004)
    await stage.told("👋")
    await stage.until(stage.app.bot.is_closed, "the end")
    assert stage.app.calls.current_on(stage.sandbox.guild.id) is None
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []
