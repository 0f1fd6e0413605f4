"""The link from the sandbox's state to its voice server: admits and removes users, and sends them the address."""

from __future__ import annotations

import asyncio
import ssl

from config.tasks import end_tasks
from sandbox.voice.server import VoiceServer
from sandbox.world.bus import Dispatch, Event, VoiceRevoked, VoiceTicket
from sandbox.world.entities import VoiceState
from sandbox.world.world import World

CLOSE_GRACE_S = 0.05
"""After a user is disconnected, the next event waits at most this many seconds for the client to close its side."""


class VoiceServerLink:
    """Keeps a voice server in step with the voice states. Use it on one event loop.

    Args:
        world: the state to follow.
        tls: the voice server's TLS context.
        host: the address that the voice server listens on.
        dave: whether channels are end-to-end encrypted at the start.

    Attributes:
        server: the current voice server; another one after :meth:`change_server`.
    """

    def __init__(self, world: World, tls: ssl.SSLContext, *, host: str, dave: bool) -> None:
        self._world = world
        self._tls = tls
        self._host = host
        self._dave = dave
        self._events: asyncio.Queue[VoiceTicket | VoiceRevoked] = asyncio.Queue()
        self._expulsions: set[asyncio.Task[None]] = set()
        self._running: list[VoiceServer] = []
        self._worker: asyncio.Task[None] | None = None
        self._unsubscribe = world.subscribe(self._on_event)
        self.server = self._new_server()

    async def start(self) -> None:
        """Start the voice server and follow the voice states."""
        await self._start_server()
        self._worker = asyncio.create_task(self._follow(), name="voice link")

    async def stop(self) -> None:
        """Stop all voice servers and all tasks."""
        self._unsubscribe()
        tasks = [task for task in (self._worker, *self._expulsions) if task is not None]
        await end_tasks(*tasks)
        for server in self._running:
            await server.stop()

    async def wait_until_settled(self) -> None:
        """Wait until the voice server knows of all changes so far."""
        await self._events.join()

    async def change_server(self) -> None:
        """Start another voice server and send everybody there, with new tokens."""
        await self.wait_until_settled()
        self.server = self._new_server()
        await self._start_server()
        for state in self._voice_states():
            self._world.voice.renew_token(state)
        await self.wait_until_settled()

    async def lose_server(self) -> None:
        """Disconnect everybody and tell them that there is no endpoint, as if the voice server had crashed."""
        self._world.voice_endpoint = None
        for state in self._voice_states():
            self._tell_where(state)
        for state in self._voice_states():
            await self.server.expel(state.guild_id, state.member.user.id)

    async def _start_server(self) -> None:
        await self.server.start()
        self._running.append(self.server)
        self._world.voice_endpoint = self.server.endpoint

    def _new_server(self) -> VoiceServer:
        return VoiceServer(self._tls, host=self._host, dave=self._dave)

    def _voice_states(self) -> list[VoiceState]:
        return [state for guild in self._world.directory.guilds.values() for state in guild.voice_states.values()]

    def _on_event(self, event: Event) -> None:
        if isinstance(event, VoiceTicket | VoiceRevoked):
            self._events.put_nowait(event)

    async def _follow(self) -> None:
        while True:
            event = await self._events.get()
            if isinstance(event, VoiceRevoked):
                await self._expel(event)
            else:
                self._admit(event)
            self._events.task_done()

    async def _expel(self, event: VoiceRevoked) -> None:
        """Remove a user, and wait a moment for the end of the connection.

        The user's ticket is void at once. We can't wait for the close itself, since a client closes its side only when
        it knows where to connect next. We do wait a moment before the next admission, since discord.py misses a
        VOICE_SERVER_UPDATE that comes together with the close. Discord's separate servers have such a delay too.
        """
        task = asyncio.create_task(self.server.expel(event.guild_id, event.user_id), name="voice expulsion")
        self._expulsions.add(task)
        task.add_done_callback(self._expulsions.discard)
        await asyncio.wait({task}, timeout=CLOSE_GRACE_S)

    def _admit(self, ticket: VoiceTicket) -> None:
        state = self._world.voice.find(ticket.guild_id, ticket.user_id)
        if state is None or state.token != ticket.token:
            return
        self.server.admit(ticket)
        self._tell_where(state)

    def _tell_where(self, state: VoiceState) -> None:
        payload = self._world.voice_server(state)
        only = frozenset({state.member.user.id})
        self._world.publish(Dispatch("VOICE_SERVER_UPDATE", payload, state.guild_id, only=only))
