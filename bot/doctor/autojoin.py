"""The doctor's check of ``!autojoin``: whether the chosen channels are still there, and the bot may enter them."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from pathlib import Path

import discord

from bot.autojoin.allowed import AllowedChannels
from bot.check_result import CheckResult
from bot.client import connector, use_api
from bot.database.opening import open_database
from bot.database.schema import FILE
from bot.discord_errors import DISCORD_ERRORS, discord_error_text
from bot.voice.discord.permissions import missing_permissions
from config.settings import Settings

LIMIT = 30.0
"""Seconds in which Discord must have answered all questions."""
MAX_ASKED = 10
"""Maximum number of servers that are asked about."""
_SUBJECT = "Coming by itself"

Chosen = tuple[int, int, int]
"""The ids of a server, of the voice channel that it has chosen, and of the channel for prompts."""


async def check_autojoin(settings: Settings) -> CheckResult:
    """Ask Discord about the channels that servers chose with ``!autojoin``, and those of ``AUTOJOIN_CHANNELS``."""
    try:
        chosen = await asyncio.to_thread(_read, settings.data_dir / FILE)
    except sqlite3.Error as error:
        return CheckResult(_SUBJECT, None, f"nobody can say what is chosen: {error}")
    if not chosen and not settings.call.autojoin_channels:
        return CheckResult(_SUBJECT, None, f"no server has chosen a channel with `{settings.command_prefix}autojoin`")
    count = f"{len(chosen)} server{' has' if len(chosen) == 1 else 's have'} chosen a channel"
    if not settings.call.enabled:
        return CheckResult(_SUBJECT, None, f"{count}, but calls are off")
    if settings.discord_token is None:
        return CheckResult(_SUBJECT, None, f"{count}; without DISCORD_TOKEN nobody can say whether I may enter it")
    try:
        async with asyncio.timeout(LIMIT):
            problems = await _ask(settings, settings.discord_token.get_secret_value(), chosen[:MAX_ASKED])
    except DISCORD_ERRORS as error:
        return CheckResult(_SUBJECT, None, f"{count}; Discord can't be asked: {discord_error_text(error)}")
    asked = f"; the first {MAX_ASKED} were looked at" if len(chosen) > MAX_ASKED else ""
    text = "\n  ".join((f"{count}{asked}", *problems))
    return CheckResult(_SUBJECT, False if problems else True if chosen else None, text)


def _read(path: Path) -> list[Chosen]:
    if not path.exists():
        return []
    with open_database(path) as database:
        known = database.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'autojoin'").fetchone()
        # Earlier versions of the bot made databases without this table. The next start adds it.
        rows = database.execute("SELECT guild, channel, prompts FROM autojoin ORDER BY guild") if known else ()
        return [(int(server), int(channel), int(prompts)) for server, channel, prompts in rows]


async def _ask(settings: Settings, token: str, chosen: Sequence[Chosen]) -> list[str]:
    """What is wrong with the channels, for people."""
    if settings.discord_api_url is not None:
        await use_api(str(settings.discord_api_url))
    allowed = AllowedChannels(settings.call.autojoin_channels)
    async with discord.Client(intents=discord.Intents.none(), connector=connector(settings.discord_ca_file)) as client:
        await client.login(token)
        problems = [await _look(client, each, allowed, settings.command_prefix) for each in chosen]
        if settings.call.autojoin_channels:
            problems += [
                f"AUTOJOIN_CHANNELS: no server has a voice channel {name}" for name in await _lost(client, allowed)
            ]
    return [problem for problem in problems if problem is not None]


async def _lost(client: discord.Client, allowed: AllowedChannels) -> list[str]:
    """The names of ``AUTOJOIN_CHANNELS`` that no channel has; none if there are too many servers to ask about."""
    guilds = [guild async for guild in client.fetch_guilds(limit=MAX_ASKED + 1, with_counts=False)]
    if len(guilds) > MAX_ASKED:
        return []
    channels = [channel for guild in guilds for channel in await guild.fetch_channels()]
    return allowed.unknown((each.id, each.name) for each in channels if isinstance(each, discord.VoiceChannel))


async def _look(client: discord.Client, chosen: Chosen, allowed: AllowedChannels, prefix: str) -> str | None:
    """What is wrong with a server's choice; ``None`` if nothing is."""
    server, channel, prompts = chosen
    me = client.user
    try:
        guild = await client.fetch_guild(server, with_counts=False)
        member = await guild.fetch_member(me.id) if me is not None else None
    except (discord.NotFound, discord.Forbidden):
        # The bot was removed from the server, and only people on that server could change the choice.
        return None
    again = f"`{prefix}autojoin CHANNEL` on {guild.name} chooses another one"
    try:
        voice = await guild.fetch_channel(channel)
    except discord.NotFound:
        return f"the channel that {guild.name} has chosen is gone; {again}"
    except discord.Forbidden:
        return f"I may not see the channel that {guild.name} has chosen; let me see it, or {again}"
    if not isinstance(voice, discord.VoiceChannel):
        return f"what {guild.name} has chosen is no voice channel; {again}"
    if not allowed.allow(voice.id, voice.name):
        return f"AUTOJOIN_CHANNELS does not name #{voice.name}, which {guild.name} has chosen, so I don't come there"
    try:
        texts = await guild.fetch_channel(prompts)
    except (discord.NotFound, discord.Forbidden):
        texts = voice
    place = texts if isinstance(texts, discord.TextChannel) else voice
    missing = missing_permissions(voice, place, member) if member is not None else []
    return f"on {guild.name} I'm not allowed to: {', '.join(missing)}" if missing else None
