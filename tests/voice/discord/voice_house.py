"""A voice server of the sandbox, with a listener in its channel and the bot's voice client."""

from __future__ import annotations

import asyncio
import ssl
from types import SimpleNamespace
from typing import Any, cast

import aiohttp
import discord
import trustme

from bot.voice.discord.client import SeiyuuVoiceClient
from sandbox.voice.peer import VoicePeer
from sandbox.voice.server import VoiceServer
from sandbox.world.bus import VoiceTicket
from tests.timing import LIMIT

GUILD, CHANNEL, BOT, LISTENER = 1, 77, 500, 600


class Guild:
    """A guild and its main gateway, which answers a voice state update as Discord does, unless it is ``away``."""

    id = GUILD
    me = SimpleNamespace(voice=None)

    def __init__(self, server: VoiceServer) -> None:
        self.client: SeiyuuVoiceClient | None = None
        self.away = False
        self._server = server
        self._answers: set[asyncio.Task[None]] = set()
        self._in_order = asyncio.Lock()

    def get_channel(self, _: int) -> Any:
        return self.client and self.client.channel

    async def change_voice_state(self, *, channel: Any, self_mute: bool = False, self_deaf: bool = False) -> None:
        if self.away:
            raise ConnectionResetError
        answer = asyncio.create_task(self._answer(channel is not None))
        self._answers.add(answer)
        answer.add_done_callback(self._answers.discard)

    async def _answer(self, joined: bool) -> None:
        async with self._in_order:
            # Discord never answers at once, and discord.py listens only after it has asked.
            await asyncio.sleep(0.01)
            await (self.admit() if joined else self.expel())

    async def admit(self) -> None:
        assert self.client is not None
        self._server.admit(VoiceTicket(GUILD, CHANNEL, BOT, "session", "token"))
        await self.client.on_voice_state_update({"channel_id": str(CHANNEL), "session_id": "session"})
        update = {"guild_id": str(GUILD), "token": "token", "endpoint": self._server.endpoint}
        await self.client.on_voice_server_update(cast(Any, update))

    async def expel(self) -> None:
        assert self.client is not None
        await self._server.expel(GUILD, BOT)
        await self.client.on_voice_state_update({"channel_id": None, "session_id": "session"})


class House:
    """A voice server, with a listener in its channel and a bot that may join.

    Attributes:
        members: who is in the channel, for the bot.
        silent: whether new connections to the voice server stay without an answer.
        asked: set when the bot has tried to connect while ``silent``.
    """

    def __init__(self, http: aiohttp.ClientSession, dave: bool) -> None:
        authority = trustme.CA()
        served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("localhost").configure_cert(served)
        self.trusting = ssl.create_default_context()
        authority.configure_trust(self.trusting)
        self.server = VoiceServer(served, dave=dave)
        self.guild = Guild(self.server)
        self.clients: list[SeiyuuVoiceClient] = []
        self.gateway = SimpleNamespace(open=True)
        self.silent = False
        self.asked = asyncio.Event()
        self.members = [SimpleNamespace(id=LISTENER, bot=False)]
        self._http = http

    async def listener(self) -> VoicePeer:
        ticket = VoiceTicket(GUILD, CHANNEL, LISTENER, "listening", "token")
        self.server.admit(ticket)
        peer = VoicePeer(ticket, self.server.endpoint, self.trusting)
        await peer.connect()
        return peer

    async def join(self) -> SeiyuuVoiceClient:
        async def ws_connect(url: str, **_: Any) -> aiohttp.ClientWebSocketResponse:
            if self.silent:
                self.asked.set()
                await asyncio.Event().wait()
            return await self._http.ws_connect(url, ssl=self.trusting, autoclose=False)

        state = SimpleNamespace(
            loop=asyncio.get_running_loop(),
            user=SimpleNamespace(id=BOT),
            http=SimpleNamespace(ws_connect=ws_connect),
            _remove_voice_client=lambda _: None,
            _get_voice_client=lambda _: self.guild.client,
            get_channel=lambda _: None,
        )
        channel = SimpleNamespace(
            id=CHANNEL,
            guild=self.guild,
            members=self.members,
            bitrate=64_000,
            _get_voice_client_key=lambda: (GUILD, "guild_id"),
        )
        discord_client = SimpleNamespace(_connection=state, ws=self.gateway)
        client = SeiyuuVoiceClient(cast(discord.Client, discord_client), cast(Any, channel))
        self.clients.append(client)
        self.guild.client = client
        await client.connect(reconnect=True, timeout=LIMIT, self_deaf=True)
        return client
