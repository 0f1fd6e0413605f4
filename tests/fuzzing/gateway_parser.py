"""The parser of messages of Discord's gateway: discord.py, and the handlers of the bot's own client."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import discord
from discord.ext import commands
from discord.gateway import ReconnectWebSocket

from bot.client import SeiyuuBot, connector
from bot.commands.help import HelpCommands
from bot.commands.unknown import CommandAdvice, UnknownCommands
from bot.gateway_events import TolerantWebSocket
from bot.store import Store
from tests.fuzzing.mutation import text_of
from tests.fuzzing.seeds import encoded
from tests.guards import make_guard

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
_READY = {
    "v": 10,
    "user": {**_PERSON, "id": _BOT, "username": "seiyuu", "bot": True},
    "guilds": [{"id": _GUILD, "unavailable": True}],
    "session_id": "x",
    "resume_gateway_url": "ws://127.0.0.1:1",
    "session_type": "normal",
    "shard": [0, 1],
    "application": {"id": _BOT, "flags": 0},
}
_EVENTS = {
    "READY": _READY,
    "RESUMED": {},
    "GUILD_CREATE": _SERVER,
    "CHANNEL_UPDATE": _CHANNEL,
    "MESSAGE_CREATE": _MESSAGE,
    "MESSAGE_CREATE of a command": {**_MESSAGE, "content": "!help"},
    "MESSAGE_CREATE of no command": {**_MESSAGE, "content": "!hlep"},
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
"""After every so many damaged messages, valid ones have to be read as ever."""
_ENDS_UNPACKING = b"\x00\x00\xff\xff"


def gateway_messages() -> list[bytes]:
    """Valid messages."""
    return encoded(*(_event(name.partition(" ")[0], data) for name, data in _EVENTS.items()))


def gateway(folder: Path, stack: contextlib.ExitStack) -> Callable[[bytes, random.Random], None]:
    """The bot's client, on a connection that has no other end. Heartbeats are left to discord.py."""
    runner = stack.enter_context(asyncio.Runner())
    listening = runner.run(_start())
    stack.callback(lambda: runner.run(listening.close()))
    turns = 0

    def parse(data: bytes, rng: random.Random) -> None:
        nonlocal turns
        turns += 1
        packed = rng.random() < 0.01
        try:
            runner.run(listening.take(data + _ENDS_UNPACKING if packed else text_of(data)))
        finally:
            if turns % AT_ONCE == 0:
                runner.run(listening.check(turns))

    return parse


class _Listening(commands.Cog):
    """The bot's client, and what has come through to its handlers."""

    def __init__(self, bot: SeiyuuBot) -> None:
        self._bot = bot
        self._read = ""
        self._socket = self._connected()

    def _connected(self) -> TolerantWebSocket:
        socket = TolerantWebSocket(_NoSocket(), loop=asyncio.get_running_loop())  # type: ignore[arg-type]
        # As discord.py does when it connects.
        socket.shard_id, socket.gateway = None, socket.DEFAULT_GATEWAY
        socket._connection, socket._dispatch = self._bot._connection, self._bot.dispatch
        socket._discord_parsers = self._bot._connection.parsers
        return socket

    @commands.Cog.listener()
    async def on_message(self, message: discord.Message) -> None:
        """Note what was read."""
        self._read = message.content

    async def take(self, message: str | bytes) -> None:
        """Have a message read, and wait until its handlers are done."""
        try:
            await self._socket.received_message(message)
        except (ReconnectWebSocket, ConnectionError):
            self._socket = self._connected()
            raise
        finally:
            # The tasks in which discord.py runs handlers have this name.
            handlers = [each for each in asyncio.all_tasks() if each.get_name().startswith("discord.py: ")]
            if handlers:
                await asyncio.wait(handlers)

    async def check(self, number: int) -> None:
        """Read valid messages, as after a connection, and check what has come of them."""
        said = f"This is number {number}."
        right = {"READY": _READY, "GUILD_CREATE": _SERVER, "VOICE_STATE_UPDATE": _VOICE_STATE}
        for name, data in {**right, "MESSAGE_CREATE": {**_MESSAGE, "content": said}}.items():
            await self.take(json.dumps(_event(name, data)))
        assert self._read == said, f"a valid message is read after damaged ones; what was read is {self._read!r}"
        guild = self._bot.get_guild(int(_GUILD))
        member = guild and guild.get_member(int(_ADA))
        assert member, "people are known after damaged messages"
        assert member.voice, "it is known who is in which channel"
        assert member.voice.channel, "it is known who is in which channel"
        assert member.voice.channel.id == int(_VOICE)

    async def close(self) -> None:
        """Close the client."""
        await self._bot.close()


class _NoSocket:
    """Stands in for the WebSocket: it takes what is sent."""

    close_code = None

    async def send_str(self, data: str) -> None:
        """Drop it."""

    async def close(self, *, code: int = 1000) -> None:
        """There is nothing to close."""


class _QuietBot(SeiyuuBot):
    """The bot's client, which does not print what discord.py's and our handlers say of fields of wrong types."""

    async def on_error(self, event_method: str, /, *args: Any, **kwargs: Any) -> None:
        """Drop it."""


async def _start() -> _Listening:
    async def ready() -> None:
        return None

    bot = _QuietBot("!", Mock(spec=Store), ready, Mock(spec=connector), make_guard())
    await bot.__aenter__()
    # Stands in for Discord's API: each answer is a valid message, whatever was asked for or sent.
    bot.http.request = _answered  # type: ignore[method-assign]
    listening, advice = _Listening(bot), CommandAdvice(bot, "!", {})
    await bot.add_cogs((listening, UnknownCommands(bot, advice, "!", lambda _: False), HelpCommands(bot, advice, "!")))
    return listening


async def _answered(*_: object, **__: object) -> Any:
    return _MESSAGE


def _event(name: str, data: object) -> dict[str, object]:
    return {"op": 0, "s": 1, "t": name, "d": data}
