"""What a change of the bot's voice state means for who listens."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import discord

from bot.voice.discord.voice_state import voice_state_notice


def state(channel: str | None) -> discord.VoiceState:
    where = SimpleNamespace(name=channel, guild=SimpleNamespace(afk_channel=None)) if channel is not None else None
    return cast(discord.VoiceState, SimpleNamespace(channel=where, mute=False, deaf=False, suppress=False))


def test_who_is_put_into_another_channel_is_told_to_have_been_moved() -> None:
    told = voice_state_notice(state("Lounge"), state("Kitchen"), "!")
    assert told == "🎤 I was moved to Kitchen. Write here as before."


def test_who_comes_back_after_a_lost_connection_was_not_moved() -> None:
    assert voice_state_notice(state(None), state("Lounge"), "!") is None
