"""The sandbox: Discord's state, REST API, gateway, voice server, guests and faults, started and stopped as one."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from aiohttp import web

from sandbox.faults import Faults
from sandbox.gateway.gateway import Gateway
from sandbox.guest import Guest
from sandbox.home import build_home
from sandbox.rest import PREFIX, files_application, proxy_application, rest_application
from sandbox.rest.faults import RestFaults
from sandbox.tls import LocalAuthority
from sandbox.voice.peer import VoicePeer
from sandbox.voice.server import VoiceServer
from sandbox.voice.server_link import VoiceServerLink
from sandbox.watch import HANG_LIMIT, Watch
from sandbox.world.bus import VoiceTicket
from sandbox.world.entities import Channel, Guild, Json, User, VoiceState
from sandbox.world.world import World

GATEWAY_PATH = "/gateway"
SHUTDOWN_S = 1.0


class Sandbox:
    """A local Discord for one event loop, on loopback.

    Use it as an async context manager. When the block ends, all servers are stopped and all files are removed.

        async with Sandbox() as sandbox:
            ada = await sandbox.add_guest("Ada")
            await ada.say(sandbox.text_channel, "Hello")

    Args:
        dave: whether voice channels are end-to-end encrypted (DAVE) at the start. The voice server can switch this.
        host: the address to listen on. Voice clients are always sent to ``localhost``.
        port: the port of REST API and gateway; 0 takes a free one.
        bot_name: the bot's name.
        clock: returns monotonic seconds, for deadlines and delivery times.

    Attributes:
        world: Discord's state, without sockets.
        home: the first guild.
        faults: causes faults.
        guests: everybody who was added with :meth:`add_guest` or :meth:`guest_for`.
        authority: the certificate authority of the voice servers, for whatever a test puts in front of them.
    """

    def __init__(
        self,
        *,
        dave: bool = True,
        host: str = "127.0.0.1",
        port: int = 0,
        bot_name: str = "Bot",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.world = World(clock=clock)
        self.home = build_home(self.world.directory, bot_name)
        self.guests: list[Guest] = []
        self._host, self._port = host, port
        self._watch = Watch(self.world)
        self._gateway = Gateway(self.world, clock=clock)
        self.authority = LocalAuthority()
        self._voice = VoiceServerLink(self.world, self.authority.server_context(), host=host, dave=dave)
        self._rest_faults = RestFaults()
        self.faults = Faults(self.world, self._gateway, self._rest_faults, self._voice, self._reconnect_guests)
        self._runner = web.AppRunner(
            self._application(), handle_signals=False, access_log=None, shutdown_timeout=SHUTDOWN_S
        )

    async def __aenter__(self) -> Sandbox:
        """Start the servers."""
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the servers."""
        await self.stop()

    async def start(self) -> None:
        """Start to listen. The addresses are known afterwards.

        Raises:
            OSError: the port is taken.
        """
        try:
            await self._runner.setup()
            await web.TCPSite(self._runner, self._host, self._port).start()
            await self._voice.start()
        except BaseException:
            await self.stop()
            raise
        self.world.messages.files_url = self._url("http")

    async def stop(self) -> None:
        """Close every connection and remove the certificate file."""
        async with contextlib.AsyncExitStack() as last_to_first:
            last_to_first.callback(self.authority.close)
            last_to_first.callback(self._watch.close)
            last_to_first.push_async_callback(self._voice.stop)
            last_to_first.push_async_callback(self._runner.cleanup)
            last_to_first.push_async_callback(self._gateway.stop)
            for guest in self.guests:
                last_to_first.push_async_callback(guest.close)

    # Addresses and secrets.

    @property
    def api_url(self) -> str:
        """The base address of the REST API, with its version."""
        return self._url("http") + PREFIX

    @property
    def gateway_url(self) -> str:
        """The address of the gateway, the same as in the response to ``GET /gateway``."""
        return self._url("ws") + GATEWAY_PATH

    @property
    def ca_file(self) -> Path:
        """The file (PEM) of the certificate authority that voice clients have to trust."""
        return self.authority.file

    @property
    def bot_token(self) -> str:
        """The bot's token."""
        return self.home.bot.token

    @property
    def bot_settings(self) -> dict[str, str]:
        """Seiyuu's settings that connect it to this sandbox, as environment variables."""
        return {
            "DISCORD_TOKEN": self.bot_token,
            "DISCORD_API_URL": self.api_url,
            "DISCORD_CA_FILE": str(self.ca_file),
        }

    @property
    def bot_id(self) -> int:
        """The bot's user id. Its application has the same id."""
        return self.bot.id

    # The first guild.

    @property
    def bot(self) -> User:
        """The bot as a user."""
        return self.home.bot.bot

    @property
    def guild(self) -> Guild:
        """The first guild."""
        return self.home.guild

    @property
    def text_channel(self) -> Channel:
        """The guild's first text channel."""
        return self.home.general

    @property
    def voice_channel(self) -> Channel:
        """The guild's first voice channel."""
        return self.home.lounge

    @property
    def stage_channel(self) -> Channel:
        """The guild's stage."""
        return self.home.stage

    @property
    def afk_channel(self) -> Channel:
        """The guild's AFK channel."""
        return self.home.afk

    @property
    def voice_server(self) -> VoiceServer:
        """The current voice server, which can cause faults too."""
        return self._voice.server

    # People and bots that join.

    async def add_guest(self, name: str, guild: Guild | None = None) -> Guest:
        """Add a new person to the first guild, or to ``guild``."""
        directory, where = self.world.directory, guild or self.guild
        user = directory.add_user(name)
        directory.add_member(where, user)
        return self.guest_for(user, where)

    def guest_for(self, user: User, guild: Guild | None = None) -> Guest:
        """Make a guest of somebody who is in the first guild (or ``guild``) already, such as its owner."""
        where = guild or self.guild
        guest = Guest(user, where, self.bot, self.world, self._watch, self._gateway, self._enter_voice)
        self.guests.append(guest)
        return guest

    async def join_voice(self, user_id: int, channel_id: int) -> tuple[Json, Json]:
        """Put a user into a voice channel for a voice library that is not connected to the gateway.

        Returns:
            The payloads of ``VOICE_STATE_UPDATE`` and ``VOICE_SERVER_UPDATE``, for the library's adapter. The voice
            server accepts the user from now on. The library has to trust ``ca_file``.

        Raises:
            RestError: the channel is not a voice channel, it is full, or the user may not enter it.
        """
        joined = self.world.join_voice(user_id, channel_id)
        await self._voice.wait_until_settled()
        return joined

    async def bot_online(self, timeout: float = HANG_LIMIT) -> None:
        """Wait until the bot is connected to the gateway.

        Raises:
            TimeoutError: the bot did not connect in time.
        """
        await self._watch.until(lambda: self._gateway.is_online(self.home.bot) or None, timeout, "the bot's login")

    async def command_registered(self, name: str, timeout: float = HANG_LIMIT) -> None:
        """Wait until a slash command of this name is registered.

        Raises:
            TimeoutError: the command was not registered in time.
        """
        has = self.world.commands.has
        await self._watch.until(lambda: has(name, self.guild.id) or None, timeout, f"the command /{name}")

    def _application(self) -> web.Application:
        app = web.Application()
        app.router.add_get(GATEWAY_PATH, self._gateway.handle)
        app.add_subapp(PREFIX, rest_application(self.world, self._rest_faults))
        app.add_subapp("/attachments", files_application(self.world))
        app.add_subapp("/external", proxy_application(self.world))
        return app

    def _url(self, scheme: str) -> str:
        if not self._runner.addresses:
            raise RuntimeError("the sandbox is not running")
        return f"{scheme}://{self._host}:{self._runner.addresses[0][1]}"

    async def _enter_voice(self, state: VoiceState) -> VoicePeer:
        await self._voice.wait_until_settled()
        peer = VoicePeer(VoiceTicket.of(state), self._voice.server.endpoint, self.authority.client_context())
        await peer.connect()
        return peer

    async def _reconnect_guests(self) -> None:
        for guest in self.guests:
            await guest.follow_voice()
