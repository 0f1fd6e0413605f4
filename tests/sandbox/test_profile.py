"""A bot's profile: its avatar with the rate limit of its changes, and its presence."""

from __future__ import annotations

import base64

import discord
import pytest

from sandbox.server import Sandbox
from tests.sandbox.conftest import Bot
from tests.sandbox.test_rest import PNG

GIF = base64.b64decode("R0lGODlhAQABAAAAACwAAAAAAQABAAACAkQBADs=")


async def test_the_third_picture_within_ten_minutes_is_refused_as_discord_refuses_it(
    sandbox: Sandbox, bot: Bot
) -> None:
    assert bot.user is not None
    await bot.user.edit(avatar=PNG)
    await bot.user.edit(avatar=GIF)
    shown = sandbox.bot.avatar
    with pytest.raises(discord.HTTPException) as refusal:
        await bot.user.edit(avatar=PNG)
    assert (refusal.value.status, refusal.value.code) == (400, 50035)
    assert "In avatar: You are changing your avatar too fast. Try again later." in refusal.value.text
    assert sandbox.bot.avatar == shown
    sandbox.world.avatars.reset_rate_limit()
    await bot.user.edit(avatar=PNG)
    assert sandbox.bot.avatar != shown


async def test_guests_see_the_status_of_a_bot(sandbox: Sandbox, bot: Bot) -> None:
    ada = await sandbox.add_guest("Ada")
    presences = sandbox.world.presences
    assert presences.of(sandbox.bot_id).status == "online"
    assert presences.of(ada.id).status == "offline"
    await bot.change_presence(activity=discord.CustomActivity("🎤 In Voice Chat"), status=discord.Status.dnd)
    await ada.wait_for_status(sandbox.bot, "🎤 In Voice Chat")
    assert presences.of(sandbox.bot_id).status == "dnd"
    await bot.change_presence(activity=discord.Game("chess"))
    await ada.wait_for_status(sandbox.bot, "chess")
    await bot.change_presence()
    await ada.wait_for_status(sandbox.bot, None)


async def test_a_bot_with_the_presence_intent_receives_presences(sandbox: Sandbox, bot: Bot) -> None:
    told = bot.sees("presence_update", lambda before, after: after.activity == discord.Game("chess"))
    await bot.change_presence(activity=discord.Game("chess"))
    await told
