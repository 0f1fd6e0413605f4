"""The gateway server, version 10: identify, resume, heartbeats, events, voice states and member requests."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import secrets
from collections.abc import Callable
from typing import Any

from aiohttp import web

from config.tasks import end_tasks
from sandbox.gateway.intents import ALL_BITS, Intent, needed_intent, not_granted, payload_for
from sandbox.gateway.protocol import (
    HEARTBEAT_S,
    CloseCode,
    GatewayCloseError,
    GoneError,
    Op,
    as_object,
    control_message,
    read_id,
    receive,
)
from sandbox.gateway.session import GatewayMessage, GatewaySession
from sandbox.world import payloads
from sandbox.world.bus import Dispatch, Event, StateChanged
from sandbox.world.entities import Application, Json
from sandbox.world.errors import RestError
from sandbox.world.permissions import Permission
from sandbox.world.presences import Presence
from sandbox.world.world import World

_log = logging.getLogger(__name__)

MEMBERS_PER_CHUNK = 1000
CLOSE_LIMIT_S = 1.0
"""Seconds that the server waits for a client to confirm a close."""


class Gateway:
    """Sends the world's events to bots over WebSockets. Use it on one event loop.

    Args:
        world: the state whose events are sent.
        clock: returns monotonic seconds, for delivery times.
    """

    def __init__(self, world: World, *, clock: Callable[[], float]) -> None:
        self._world = world
        self._clock = clock
        self._sessions: dict[str, GatewaySession] = {}
        self._sockets: dict[web.WebSocketResponse, web.Request] = {}
        self._receipts: dict[int, asyncio.Future[float]] = {}
        self._unsubscribe = world.subscribe(self._on_event)

    async def stop(self) -> None:
        """Close every connection."""
        self._unsubscribe()
        for socket in tuple(self._sockets):
            await socket.close(code=1001)

    # Used by the guests (simulated users), and to inject faults.

    def is_online(self, app: Application) -> bool:
        """Whether a session of this bot is connected, and READY was sent."""
        return any(session.app is app and session.connected for session in self._sessions.values())

    async def wait_until_delivered(self, message_id: int) -> float:
        """Wait until a message's event is about to be written to a bot's socket. Returns that time by ``clock``.

        Call this method right after the message was posted, before anything else is awaited. If no connected bot may
        see the message, the method returns the current time.
        """
        receipt = self._receipts.get(message_id)
        return self._clock() if receipt is None else await receipt

    def break_connections(self) -> None:
        """Break every connection without a close frame, as a network failure does. The sessions can be resumed."""
        for request in self._sockets.values():
            if request.transport is not None:
                request.transport.abort()

    def forget_sessions(self) -> None:
        """Drop all sessions, so that every resume is refused."""
        self._sessions.clear()

    async def ask_to_reconnect(self) -> None:
        """Send op 7: every client has to reconnect and resume."""
        await self._broadcast({"op": Op.RECONNECT, "d": None})

    async def invalidate(self, *, resumable: bool) -> None:
        """Send op 9: the session is invalid. The client may resume if ``resumable``, else it must identify again."""
        await self._broadcast({"op": Op.INVALID_SESSION, "d": resumable})

    async def close_all(self, code: int) -> None:
        """Close every connection with this code."""
        for socket in tuple(self._sockets):
            await socket.close(code=code)

    async def send_raw(self, message: str | bytes) -> None:
        """Send every client a message as it is, whether or not it is one of Discord's."""
        for socket in tuple(self._sockets):
            with contextlib.suppress(ConnectionError):
                await (socket.send_str(message) if isinstance(message, str) else socket.send_bytes(message))

    async def _broadcast(self, payload: Json) -> None:
        await self.send_raw(json.dumps(payload))

    # Connections.

    async def handle(self, request: web.Request) -> web.WebSocketResponse:
        """Serve one connection, from HELLO to its close."""
        socket = web.WebSocketResponse(max_msg_size=64 * 1024, timeout=CLOSE_LIMIT_S)
        await socket.prepare(request)
        self._sockets[socket] = request
        outbox: asyncio.Queue[GatewayMessage] = asyncio.Queue()
        writer = asyncio.create_task(self._write(socket, outbox), name="gateway writer")
        session: GatewaySession | None = None
        try:
            if request.query.get("v", "10") not in ("9", "10"):
                raise GatewayCloseError(CloseCode.INVALID_VERSION)
            outbox.put_nowait(control_message(Op.HELLO, {"heartbeat_interval": int(HEARTBEAT_S * 1000)}))
            session = await self._begin(socket, outbox, f"ws://{request.host}{request.path}")
            while session is not None:
                op, data = await receive(socket)
                self._on_message(session, outbox, op, data)
        except GatewayCloseError as error:
            await socket.close(code=error.code)
        except GoneError:
            pass
        finally:
            del self._sockets[socket]
            await end_tasks(writer)
            if session is not None:
                self._end(session, outbox)
        return socket

    async def _begin(
        self, socket: web.WebSocketResponse, outbox: asyncio.Queue[GatewayMessage], url: str
    ) -> GatewaySession:
        while True:
            op, data = await receive(socket)
            if op == Op.HEARTBEAT:
                outbox.put_nowait(control_message(Op.HEARTBEAT_ACK, None))
            elif op == Op.IDENTIFY:
                return self._identify(as_object(data), outbox, url)
            elif op == Op.RESUME:
                session = self._resume(as_object(data), outbox)
                if session is not None:
                    return session
                outbox.put_nowait(control_message(Op.INVALID_SESSION, False))
            else:
                raise GatewayCloseError(CloseCode.NOT_AUTHENTICATED)

    def _identify(self, data: Json, outbox: asyncio.Queue[GatewayMessage], url: str) -> GatewaySession:
        app = self._authenticate(data)
        intents = data.get("intents")
        if not isinstance(intents, int) or not 0 <= intents <= ALL_BITS:
            raise GatewayCloseError(CloseCode.INVALID_INTENTS)
        if not_granted(intents, app.flags):
            raise GatewayCloseError(CloseCode.DISALLOWED_INTENTS)
        session = GatewaySession(secrets.token_hex(16), app, intents)
        self._sessions[session.id] = session
        session.attach(outbox)
        guilds = [guild for guild in self._world.directory.guilds.values() if app.bot.id in guild.members]
        session.send("READY", session.ready(guilds, url))
        for guild in guilds:
            session.send("GUILD_CREATE", payloads.guild_create(guild, members=session.known_members(guild)))
        self._show_presence(session, as_object(data.get("presence") or {"status": "online"}))
        self._world.publish(StateChanged())
        return session

    def _resume(self, data: Json, outbox: asyncio.Queue[GatewayMessage]) -> GatewaySession | None:
        app = self._authenticate(data)
        session, sequence = self._sessions.get(str(data.get("session_id"))), data.get("seq")
        if session is None or session.app is not app or not isinstance(sequence, int):
            return None
        if not session.can_replay(sequence):
            return None
        session.replay(sequence, outbox)
        session.send("RESUMED", {"_trace": []})
        self._world.publish(StateChanged())
        return session

    def _authenticate(self, data: Json) -> Application:
        token = data.get("token")
        app = self._world.directory.application_of(token.removeprefix("Bot ")) if isinstance(token, str) else None
        if app is None:
            raise GatewayCloseError(CloseCode.AUTHENTICATION_FAILED)
        return app

    def _on_message(self, session: GatewaySession, outbox: asyncio.Queue[GatewayMessage], op: int, data: Any) -> None:
        match op:
            case Op.HEARTBEAT:
                outbox.put_nowait(control_message(Op.HEARTBEAT_ACK, None))
            case Op.PRESENCE:
                self._show_presence(session, as_object(data))
            case Op.VOICE_STATE:
                self._set_voice_state(session, as_object(data))
            case Op.REQUEST_MEMBERS:
                self._send_members(session, as_object(data))
            case Op.IDENTIFY | Op.RESUME:
                raise GatewayCloseError(CloseCode.ALREADY_AUTHENTICATED)
            case _:
                raise GatewayCloseError(CloseCode.UNKNOWN_OPCODE)

    def _show_presence(self, session: GatewaySession, data: Json) -> None:
        try:
            self._world.presences.show(session.app.bot, Presence.parse(data))
        except ValueError:
            raise GatewayCloseError(CloseCode.DECODE_ERROR) from None

    def _set_voice_state(self, session: GatewaySession, data: Json) -> None:
        guild_id, channel_id = read_id(data.get("guild_id")), data.get("channel_id")
        user_id = session.app.bot.id
        try:
            if channel_id is None:
                self._world.voice.leave(guild_id, user_id)
                return
            mute, deaf = bool(data.get("self_mute")), bool(data.get("self_deaf"))
            self._world.voice.join(user_id, read_id(channel_id), self_mute=mute, self_deaf=deaf)
        except RestError as error:
            # Discord sends no error either: the client has to notice that no event comes.
            _log.debug("A voice state was not changed: %s", error)

    def _send_members(self, session: GatewaySession, data: Json) -> None:
        guild = self._world.directory.guilds.get(read_id(data.get("guild_id")))
        if guild is None or session.app.bot.id not in guild.members:
            return
        wanted = data.get("user_ids")
        if wanted is not None:
            ids = [read_id(each) for each in (wanted if isinstance(wanted, list) else [wanted])]
            found = [guild.members[each] for each in ids if each in guild.members]
            missing = [str(each) for each in ids if each not in guild.members]
        else:
            query, limit = str(data.get("query", "")).lower(), read_id(data.get("limit") or 0)
            if not query and not session.intents & Intent.GUILD_MEMBERS:
                return
            found = [each for each in guild.members.values() if each.user.name.lower().startswith(query)]
            found, missing = found[: limit or None], []
        chunks = [found[i : i + MEMBERS_PER_CHUNK] for i in range(0, len(found), MEMBERS_PER_CHUNK)] or [[]]
        for index, chunk in enumerate(chunks):
            answer: Json = {
                "guild_id": str(guild.id),
                "members": [payloads.member(each) for each in chunk],
                "chunk_index": index,
                "chunk_count": len(chunks),
                "not_found": missing,
            }
            if "nonce" in data:
                answer["nonce"] = data["nonce"]
            session.send("GUILD_MEMBERS_CHUNK", answer)

    def _end(self, session: GatewaySession, outbox: asyncio.Queue[GatewayMessage]) -> None:
        session.detach(outbox)
        while not outbox.empty():
            self._acknowledge(outbox.get_nowait())

    # Events.

    def _on_event(self, event: Event) -> None:
        if not isinstance(event, Dispatch):
            return
        for session in self._sessions.values():
            if not self._concerns(event, session):
                continue
            message_id = int(event.data["id"]) if event.name == "MESSAGE_CREATE" else None
            if message_id is not None and session.connected:
                self._receipts[message_id] = asyncio.get_running_loop().create_future()
            session.send(event.name, payload_for(event, session.intents, session.app.bot.id), message_id)

    def _concerns(self, event: Dispatch, session: GatewaySession) -> bool:
        bot_id, directory = session.app.bot.id, self._world.directory
        intent = needed_intent(event)
        if intent & session.intents != intent:
            return False
        if event.only is not None:
            return bot_id in event.only
        if directory.find_member(event.guild_id, bot_id) is None:
            return False
        channel = directory.channels.get(event.channel_id or 0)
        return channel is None or Permission.VIEW_CHANNEL in directory.permissions(bot_id, channel)

    async def _write(self, socket: web.WebSocketResponse, outbox: asyncio.Queue[GatewayMessage]) -> None:
        while True:
            item = await outbox.get()
            self._acknowledge(item)
            with contextlib.suppress(ConnectionError):
                await socket.send_str(item.text)

    def _acknowledge(self, item: GatewayMessage) -> None:
        receipt = self._receipts.pop(item.message_id or 0, None)
        if receipt is not None and not receipt.done():
            receipt.set_result(self._clock())
