"""Tests of the notices about the bot's voice state."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import discord

from bot.voice.discord.voice_state import voice_state_notice


def state(channel: str | None) -> discord.VoiceState:
    where = SimpleNamespace(name=channel, guild=SimpleNamespace(afk_channel=None)) if channel is not None else None
    return cast(discord.VoiceState, SimpleNamespace(channel=where, mute=False, deaf=False, suppress=False))


def test_a_move_to_another_channel_is_reported() -> None:
    told = voice_state_notice(state("Lounge"), state("Kitchen"), "!")
    assert told == "🎤 I was moved to Kitchen. Write here as before."


def test_a_rejoin_after_a_lost_connection_is_no_move() -> None:
    assert voice_state_notice(state(None), state("Lounge"), "!") is None
