"""Tests that the bot's messages name commands with the operator's prefix."""

from __future__ import annotations

import re

from tests.e2e.conftest import StageMaker

_NAMED = re.compile(r"`!\w+|!(?:join|leave|help|optout|listen|voice|release)\b")


async def test_messages_that_name_commands_use_the_chosen_prefix(make_stage: StageMaker, speech_server: str) -> None:
    async with make_stage(tts_websocket_url=speech_server, command_prefix="?") as stage:
        faults, bot, text = stage.sandbox.faults, stage.sandbox.bot, stage.sandbox.text_channel
        await stage.answer_to("?join", starts="🎤 Joined")
        assert "`?leave`" in await stage.answer_to("?join", starts="❌ Already")
        assert "`?help`" in await stage.answer_to("?dance", starts="❓")
        await faults.move_to_afk(bot)
        assert "`?leave`" in await stage.told("💤")
        await faults.kick_from_voice(bot)
        assert (await stage.told("👋 I was disconnected")).endswith("`?join` brings me back.")
        assert "`?voice-status`" in await stage.answer_to("?help release", starts="`?release")
        await stage.answer_to("?help", starts="**What I can do")
        await stage.answer_to("?voice use nobody", starts="❓")
        told = [message.content for message in stage.ada.messages(text) if message.author is bot]
        assert len(told) >= 8
        assert [content for content in told if _NAMED.search(content)] == []
