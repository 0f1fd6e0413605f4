"""From the world to the voice server: who is let in, who is put out, and who is told where to connect."""

from __future__ import annotations

import asyncio
import ssl

from sandbox.voice.server import VoiceServer
from sandbox.world.bus import Dispatch, Event, VoiceRevoked, VoiceTicket
from sandbox.world.entities import VoiceState
from sandbox.world.world import World

FAREWELL_S = 0.05


class VoiceServerLink:
    """Keeps a voice server in step with a world's voice states. Belongs to one event loop.

    Args:
        world: whose voice states.
        tls: the voice server's side.
        host: where it listens.
        dave: whether channels begin end-to-end encrypted.

    Attributes:
        server: the voice server in use; another one after :meth:`change_server`.
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
        """Start the voice server and follow the world."""
        await self._start_server()
        self._worker = asyncio.create_task(self._follow(), name="voice link")

    async def stop(self) -> None:
        """Stop every voice server there was, and everything begun here."""
        self._unsubscribe()
        tasks = [task for task in (self._worker, *self._expulsions) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for server in self._running:
            await server.stop()

    async def settled(self) -> None:
        """Wait until everything that has happened in the world so far has reached the voice server."""
        await self._events.join()

    async def change_server(self) -> None:
        """Put another voice server in use and send everybody there, with new tokens."""
        await self.settled()
        self.server = self._new_server()
        await self._start_server()
        for state in self._voice_states():
            self._world.voice.renew_token(state)
        await self.settled()

    async def lose_server(self) -> None:
        """The voice server is gone and none takes its place yet: everybody is told of no endpoint."""
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
        """Put a user out, and don't wait for ever for the farewell.

        The server forgets the ticket before it first waits. A client closes its side only when it has somewhere else to
        go, so the next admission can't wait for that; but it keeps a distance, as between Discord's separate servers:
        discord.py misses a VOICE_SERVER_UPDATE that comes in the same moment as the close.
        """
        task = asyncio.create_task(self.server.expel(event.guild_id, event.user_id), name="voice farewell")
        self._expulsions.add(task)
        task.add_done_callback(self._expulsions.discard)
        await asyncio.wait({task}, timeout=FAREWELL_S)

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
