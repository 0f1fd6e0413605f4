"""The voice gateway server, version 8: admission, keys, speaking states and DAVE messages."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import ssl
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from aiohttp import WSMsgType, web

from config.tasks import end_tasks
from sandbox.voice.dave_delivery import DaveDelivery, DaveMessage, JsonMessage
from sandbox.voice.network import SimulatedNetwork
from sandbox.voice.ops import VoiceCloseCode, VoiceOp
from sandbox.voice.relay import RelayClient, VoiceRelay
from sandbox.voice.rtp import MODES, make_cipher
from sandbox.world.bus import VoiceTicket

_log = logging.getLogger(__name__)

HEARTBEAT_MS = 13_750
"""Heartbeat interval in milliseconds."""
_KEPT_MESSAGES = 200
"""Number of a client's latest messages that a resume can replay."""


@dataclass(slots=True, eq=False)
class _Client:
    """One client in a channel. It outlives its connection while the session can be resumed."""

    ticket: VoiceTicket
    udp: RelayClient
    socket: web.WebSocketResponse
    request: web.Request
    key: bytes = b""
    mode: str = ""
    resumable: bool = False
    silent: bool = False
    sequence: int = 0
    kept: deque[tuple[int, str | bytes]] = field(default_factory=lambda: deque(maxlen=_KEPT_MESSAGES))
    outbox: asyncio.Queue[str | bytes] = field(default_factory=asyncio.Queue)

    @property
    def user(self) -> int:
        return self.ticket.user_id

    def drop(self) -> None:
        """Break the TCP connection."""
        if self.request.transport is not None:
            self.request.transport.abort()


class VoiceServer:
    """A voice server for any number of channels. Use it on one event loop.

    Args:
        tls: the TLS context with a certificate for ``localhost``.
        dave: whether channels are end-to-end encrypted at the start.
        modes: the transport encryptions that clients can choose from.

    Attributes:
        network: the simulated network between clients and server.
        relay: the UDP side.
        endpoint: the address for clients, ``localhost:port``; empty until :meth:`start`.
    """

    def __init__(
        self, tls: ssl.SSLContext, *, host: str = "127.0.0.1", dave: bool = True, modes: Sequence[str] = MODES
    ) -> None:
        self.network = SimulatedNetwork()
        self.relay = VoiceRelay(host, self.network)
        self.endpoint = ""
        self._tls = tls
        self._host = host
        self._dave = dave
        self._modes = list(modes)
        self._tickets: dict[tuple[int, int], VoiceTicket] = {}
        self._clients: dict[tuple[int, int], _Client] = {}
        """The clients, by server and user: a user can be in a voice channel of each server."""
        self._rooms: dict[int, DaveDelivery] = {}
        self._refusal: int | None = None
        self._ssrcs = count(1000)
        app = web.Application()
        app.router.add_get("/", self._serve)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)

    async def start(self) -> None:
        """Start to listen. ``endpoint`` is known afterwards."""
        self.relay.start()
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, 0, ssl_context=self._tls)
        await site.start()
        self.endpoint = f"localhost:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        """Close every connection and both sockets."""
        for client in list(self._clients.values()):
            await client.socket.close(code=1001)
        await self._runner.cleanup()
        self.relay.stop()
        self._clients.clear()

    def admit(self, ticket: VoiceTicket) -> None:
        """Accept a client with this ticket from now on. An older ticket of the same user in the guild becomes void."""
        self._tickets[ticket.guild_id, ticket.user_id] = ticket

    async def expel(self, guild_id: int, user_id: int, *, close_code: int = VoiceCloseCode.DISCONNECTED) -> None:
        """Disconnect a user who has left or was moved, and tell the others in the channel."""
        self._tickets.pop((guild_id, user_id), None)
        client = self._clients.get((guild_id, user_id))
        if client is not None:
            self._forget(client)
            await client.socket.close(code=close_code)

    def refuse(self, code: int | None) -> None:
        """Cause a fault: close each new connection with this code from now on; ``None`` ends that."""
        self._refusal = code

    async def close(self, user_id: int, code: int) -> None:
        """Cause a fault: close a user's connections with any code. After 4015 the client may resume.

        1006 breaks the connections without a code.
        """
        for client in [each for each in self._clients.values() if each.user == user_id]:
            client.resumable = code == VoiceCloseCode.CRASHED
            if not client.resumable:
                self._forget(client)
            if code == VoiceCloseCode.BROKEN:
                client.drop()
            else:
                await client.socket.close(code=code)

    def fall_silent(self, user_id: int) -> None:
        """Cause a fault: send a user nothing more over their open connections, not even answers to heartbeats."""
        for client in self._clients.values():
            client.silent = client.silent or client.user == user_id

    def speaks_to(self, user_id: int) -> bool:
        """Whether a user is connected, and :meth:`fall_silent` was not called since then."""
        return any(client.user == user_id and not client.silent for client in self._clients.values())

    def downgrade(self, channel_id: int) -> None:
        """Switch a channel to DAVE protocol 0: no end-to-end encryption."""
        self._deliver(channel_id, self._room(channel_id).downgrade())

    def upgrade(self, channel_id: int) -> None:
        """Switch a channel back to DAVE protocol 1."""
        self._deliver(channel_id, self._room(channel_id).upgrade())

    def corrupt_next_welcome(self, channel_id: int, user_id: int) -> None:
        """Cause a fault: break a user's next welcome, so that the client has to recover."""
        self._room(channel_id).corrupt_next_welcome(user_id)

    def in_group(self, channel_id: int) -> set[int]:
        """The users in a channel's end-to-end encryption group."""
        return self._room(channel_id).members

    def _room(self, channel: int) -> DaveDelivery:
        if channel not in self._rooms:
            self._rooms[channel] = DaveDelivery(channel, version=1 if self._dave else 0)
        return self._rooms[channel]

    async def _serve(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(max_msg_size=1 << 20)
        await socket.prepare(request)
        await socket.send_str(json.dumps({"op": VoiceOp.HELLO, "d": {"v": 8, "heartbeat_interval": HEARTBEAT_MS}}))
        client = await self._authenticate(socket, request)
        if client is None:
            return socket
        writer = asyncio.create_task(self._write(client, socket), name=f"voice to {client.user}")
        try:
            await self._converse(client, socket)
        finally:
            await end_tasks(writer)
            if client.socket is socket and not client.resumable:
                self._forget(client)
        return socket

    async def _write(self, client: _Client, socket: web.WebSocketResponse) -> None:
        while True:
            message = await client.outbox.get()
            if client.silent:
                continue
            with contextlib.suppress(ConnectionError, RuntimeError):
                await (socket.send_str(message) if isinstance(message, str) else socket.send_bytes(message))

    async def _authenticate(self, socket: web.WebSocketResponse, request: web.Request) -> _Client | None:
        async for frame in socket:
            try:
                message = json.loads(frame.data)
                op, data = message["op"], message["d"]
                if op == VoiceOp.HEARTBEAT:
                    await socket.send_str(json.dumps({"op": VoiceOp.HEARTBEAT_ACK, "d": {"t": data["t"]}}))
                    continue
                if op == VoiceOp.IDENTIFY:
                    return await self._identify(socket, request, data)
                if op == VoiceOp.RESUME:
                    return await self._resume(socket, request, data)
            except (ValueError, KeyError, TypeError):
                await socket.close(code=VoiceCloseCode.BAD_PAYLOAD)
                return None
            await socket.close(code=VoiceCloseCode.NOT_AUTHENTICATED)
            return None
        return None

    async def _identify(
        self, socket: web.WebSocketResponse, request: web.Request, data: dict[str, Any]
    ) -> _Client | None:
        if self._refusal is not None:
            await socket.close(code=self._refusal)
            return None
        ticket = self._tickets.get((int(data["server_id"]), int(data["user_id"])))
        if ticket is None or (ticket.session_id, ticket.token) != (data["session_id"], data["token"]):
            await socket.close(code=VoiceCloseCode.SESSION_INVALID)
            return None
        max_dave = int(data.get("max_dave_protocol_version", 0))
        if self._room(ticket.channel_id).version > max_dave:
            await socket.close(code=VoiceCloseCode.DAVE_REQUIRED)
            return None
        old = self._clients.get((ticket.guild_id, ticket.user_id))
        if old is not None:
            self._forget(old)
            await old.socket.close(code=VoiceCloseCode.SESSION_INVALID)
        udp = RelayClient(ticket.user_id, ticket.channel_id, next(self._ssrcs))
        client = _Client(ticket, udp, socket, request)
        self._clients[ticket.guild_id, ticket.user_id] = client
        self.relay.add(udp)
        host, port = self.relay.address
        self._say(client, VoiceOp.READY, {"ssrc": udp.ssrc, "ip": host, "port": port, "modes": self._modes})
        return client

    async def _resume(
        self, socket: web.WebSocketResponse, request: web.Request, data: dict[str, Any]
    ) -> _Client | None:
        wanted = (int(data["server_id"]), data["session_id"])
        found = (c for c in self._clients.values() if (c.ticket.guild_id, c.ticket.session_id) == wanted)
        client = next(found, None)
        if client is None or client.ticket.token != data["token"] or client.socket is socket:
            await socket.close(code=VoiceCloseCode.SESSION_INVALID)
            return None
        client.socket, client.request, client.resumable = socket, request, False
        client.outbox = asyncio.Queue()
        acknowledged = int(data.get("seq_ack", -1))
        await socket.send_str(json.dumps({"op": VoiceOp.RESUMED, "d": None}))
        for sequence, message in client.kept:
            if sequence > acknowledged:
                client.outbox.put_nowait(message)
        return client

    async def _converse(self, client: _Client, socket: web.WebSocketResponse) -> None:
        async for frame in socket:
            try:
                if frame.type is WSMsgType.BINARY:
                    self._on_binary(client, frame.data)
                elif frame.type is WSMsgType.TEXT:
                    message = json.loads(frame.data)
                    if not self._on_message(client, message["op"], message["d"]):
                        await socket.close(code=VoiceCloseCode.UNKNOWN_OPCODE)
            except (ValueError, KeyError, TypeError, IndexError) as error:
                _log.debug("A voice client sent something malformed: %r", error)
                await socket.close(code=VoiceCloseCode.BAD_PAYLOAD)

    def _on_message(self, client: _Client, op: int, data: Any) -> bool:
        room = self._room(client.ticket.channel_id)
        match op:
            case VoiceOp.HEARTBEAT:
                client.outbox.put_nowait(json.dumps({"op": VoiceOp.HEARTBEAT_ACK, "d": {"t": data["t"]}}))
            case VoiceOp.SELECT_PROTOCOL:
                self._select(client, str(data["data"]["mode"]))
            case VoiceOp.SPEAKING:
                said = {"user_id": str(client.user), "ssrc": client.udp.ssrc, "speaking": int(data["speaking"])}
                for peer in self._peers(client):
                    self._say(peer, VoiceOp.SPEAKING, said)
            case VoiceOp.TRANSITION_READY:
                self._deliver(client.ticket.channel_id, room.ready(client.user, int(data["transition_id"])))
            case VoiceOp.INVALID_COMMIT_WELCOME | VoiceOp.VIDEO:
                # A client that could not follow a commit or welcome sends a new key package next, and is added again.
                pass
            case _:
                return False
        return True

    def _on_binary(self, client: _Client, data: bytes) -> None:
        room = self._room(client.ticket.channel_id)
        if data[0] == VoiceOp.KEY_PACKAGE:
            self._deliver(client.ticket.channel_id, room.key_package(client.user, data[1:]))
        elif data[0] == VoiceOp.COMMIT_WELCOME:
            self._deliver(client.ticket.channel_id, room.commit(client.user, data[1:]))

    def _select(self, client: _Client, mode: str) -> None:
        if mode not in self._modes:
            raise ValueError(f"no such mode: {mode}")
        room = self._room(client.ticket.channel_id)
        client.mode, client.key = mode, os.urandom(32)
        client.udp.cipher = make_cipher(mode, client.key)
        self._say(
            client,
            VoiceOp.SESSION_DESCRIPTION,
            {"mode": mode, "secret_key": list(client.key), "dave_protocol_version": room.version},
        )
        peers = list(self._peers(client))
        if peers:
            self._say(client, VoiceOp.CLIENTS_CONNECT, {"user_ids": [str(peer.user) for peer in peers]})
        for peer in peers:
            self._say(peer, VoiceOp.CLIENTS_CONNECT, {"user_ids": [str(client.user)]})
        self._deliver(client.ticket.channel_id, room.arrive(client.user))

    def _peers(self, client: _Client) -> Iterable[_Client]:
        channel = client.ticket.channel_id
        return (c for c in self._clients.values() if c.ticket.channel_id == channel and c is not client)

    def _forget(self, client: _Client) -> None:
        key = (client.ticket.guild_id, client.user)
        if self._clients.get(key) is not client:
            return
        del self._clients[key]
        self.relay.remove(client.udp)
        for peer in self._peers(client):
            self._say(peer, VoiceOp.CLIENT_DISCONNECT, {"user_id": str(client.user)})
        self._deliver(client.ticket.channel_id, self._room(client.ticket.channel_id).leave(client.user))

    def _deliver(self, channel: int, messages: Iterable[DaveMessage]) -> None:
        for message in messages:
            there = (c for c in self._clients.values() if (c.ticket.channel_id, c.user) == (channel, message.user))
            client = next(there, None)
            if client is None:
                continue
            if isinstance(message, JsonMessage):
                self._say(client, message.op, message.data)
            else:
                client.sequence += 1
                head = client.sequence.to_bytes(2, "big") + bytes([message.op])
                self._keep(client, head + message.payload)

    def _say(self, client: _Client, op: int, data: Any) -> None:
        client.sequence += 1
        self._keep(client, json.dumps({"op": op, "d": data, "seq": client.sequence}))

    @staticmethod
    def _keep(client: _Client, message: str | bytes) -> None:
        client.kept.append((client.sequence, message))
        client.outbox.put_nowait(message)
