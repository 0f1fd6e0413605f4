"""The parser of events of Discord's gateway: discord.py's, as the bot has it parse."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import discord
from discord.gateway import DiscordWebSocket
from discord.user import ClientUser

from bot.gateway_events import tolerant
from tests.fuzzing.seeds import encoded

_BOT, _ADA, _GUILD, _TEXT, _VOICE = "100", "101", "200", "300", "301"
_PERSON = {"id": _ADA, "username": "ada", "discriminator": "0", "global_name": "Ada", "avatar": None}
_MEMBER = {"roles": [_GUILD], "joined_at": "2026-01-01T00:00:00+00:00", "deaf": False, "mute": False, "flags": 0}
_VOICE_STATE = {
    "channel_id": _VOICE,
    "user_id": _ADA,
    "guild_id": _GUILD,
    "session_id": "x",
    "member": {"user": _PERSON, **_MEMBER},
    "deaf": False,
    "mute": False,
    "self_deaf": False,
    "self_mute": False,
    "suppress": False,
    "self_video": False,
}
_CHANNEL = {"id": _TEXT, "type": 0, "name": "general", "position": 0, "permission_overwrites": [], "guild_id": _GUILD}
_ROLE = {"id": _GUILD, "name": "@everyone", "permissions": "1024", "color": 0, "hoist": False, "position": 0}
_SERVER = {
    "id": _GUILD,
    "name": "Home",
    "owner_id": _ADA,
    "unavailable": False,
    "member_count": 2,
    "features": [],
    "channels": [_CHANNEL, {**_CHANNEL, "id": _VOICE, "type": 2, "bitrate": 64000, "user_limit": 0}],
    "roles": [{**_ROLE, "managed": False, "mentionable": False}],
    "members": [{"user": _PERSON, **_MEMBER}],
    "voice_states": [_VOICE_STATE],
    "emojis": [],
    "stickers": [],
    "threads": [],
    "presences": [],
}
_MESSAGE: dict[str, Any] = {
    "id": "400",
    "channel_id": _TEXT,
    "guild_id": _GUILD,
    "author": _PERSON,
    "member": _MEMBER,
    "content": "Hello.",
    "timestamp": "2026-01-01T00:00:00+00:00",
    "edited_timestamp": None,
    "tts": False,
    "mention_everyone": False,
    "mentions": [],
    "mention_roles": [],
    "attachments": [],
    "embeds": [],
    "pinned": False,
    "type": 0,
    "flags": 0,
}
_EVENTS = {
    "GUILD_CREATE": _SERVER,
    "CHANNEL_UPDATE": _CHANNEL,
    "MESSAGE_CREATE": _MESSAGE,
    "MESSAGE_UPDATE": {**_MESSAGE, "content": "Hello?"},
    "MESSAGE_DELETE": {"id": "400", "channel_id": _TEXT, "guild_id": _GUILD},
    "MESSAGE_REACTION_ADD": {
        "user_id": _ADA,
        "channel_id": _TEXT,
        "message_id": "400",
        "guild_id": _GUILD,
        "emoji": {"id": None, "name": "x"},
        "burst": False,
        "type": 0,
    },
    "VOICE_STATE_UPDATE": _VOICE_STATE,
    "VOICE_SERVER_UPDATE": {"token": "x", "guild_id": _GUILD, "endpoint": "127.0.0.1:1"},
    "GUILD_MEMBER_UPDATE": {"user": _PERSON, "guild_id": _GUILD, **_MEMBER},
    "GUILD_ROLE_UPDATE": {"guild_id": _GUILD, "role": _ROLE},
    "GUILD_MEMBER_REMOVE": {"user": _PERSON, "guild_id": _GUILD},
    "INTERACTION_CREATE": {
        "id": "500",
        "application_id": _BOT,
        "type": 2,
        "token": "x",
        "version": 1,
        "guild_id": _GUILD,
        "locale": "de",
        "channel_id": _TEXT,
        "channel": _CHANNEL,
        "member": {"user": _PERSON, "permissions": "0", **_MEMBER},
        "data": {"id": "600", "name": "join", "type": 1, "options": []},
        "entitlements": [],
        "context": 0,
        "authorizing_integration_owners": {"0": _GUILD},
        "attachment_size_limit": 1,
    },
}
AT_ONCE = 200
"""Number of events after which discord.py's cache is emptied: it keeps the servers of whose ids it is told."""


def gateway_events() -> list[bytes]:
    """Right events."""
    return encoded(*({"op": 0, "s": 1, "t": name, "d": data} for name, data in _EVENTS.items()))


def gateway(_: Path) -> Callable[[bytes, random.Random], None]:
    """The parser. Heartbeats and ends of sessions are left to discord.py."""
    loop = asyncio.new_event_loop()
    client = discord.Client(intents=discord.Intents.default())
    state = client._connection
    parsers = tolerant(state.parsers)
    turns = 0

    async def take(event: Any) -> None:
        socket = DiscordWebSocket(Mock(), loop=loop)
        socket.shard_id, socket._discord_parsers = None, parsers
        await socket.received_message(json.dumps(event))

    def parse(data: bytes, rng: random.Random) -> None:
        nonlocal turns
        if turns % AT_ONCE == 0:
            state.clear()
            state.user = ClientUser(state=state, data={**_PERSON, "id": _BOT})  # type: ignore[typeddict-item]
            parsers["GUILD_CREATE"](_SERVER)
        turns += 1
        try:
            event = json.loads(data)
        except (ValueError, RecursionError):
            return
        if isinstance(event, dict) and isinstance(event.get("t"), str):
            loop.run_until_complete(take({**event, "op": 0}))

    return parse
