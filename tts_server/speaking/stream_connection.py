"""One connection on ``/ws/stream``: what a client sends becomes audio, in the order in which it came.

The protocol is in :mod:`wire`. What it leaves open is settled here:

- A token that names another ``reply`` ends the reply before it, as a ``flush`` would; one that names none belongs to
  the reply being written. Replies are spoken one after another.
- An error that names a reply ends that reply: neither audio nor ``flushed`` follows, and the rest of its tokens is
  ignored. A message that could not be read ends nothing.
- ``cancel`` drops every reply of the connection. What still comes for the replies that were being written and
  spoken, or for the one the message named, is ignored until another reply is named.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from aiohttp import WSMessage, WSMsgType, web

from tts_server.metrics import Metrics
from tts_server.speaking.engine_pool import EnginePool
from tts_server.speaking.reply_worker import IncomingReply, ReplyWorker
from tts_server.voices.profile import UnknownVoiceError
from wire.fields import WireError
from wire.messages import Cancel, Cancelled, Failure, ServerMessage, Speak, parse_client
from wire.parameters import SpeechParameters
from wire.presets import PresetError

MAX_REPLIES = 16
"""Waiting on one connection, besides the one that is being spoken."""


class StreamConnection:
    """A connection: its reader, which is :meth:`run`, and one task that speaks.

    A client that does not read makes the speaking wait; then at most one segment's audio is held for it. The engine is
    loaded, and stays so, for as long as there is a connection.
    """

    def __init__(
        self, socket: web.WebSocketResponse, pool: EnginePool, metrics: Metrics, clock: Callable[[], float]
    ) -> None:
        self._socket = socket
        self._pool = pool
        self._metrics = metrics
        self._clock = clock
        self._engine_for = self._new_worker()
        self._open_reply: IncomingReply | None = None
        self._cancelled: frozenset[str | None] = frozenset()

    def _new_worker(self) -> ReplyWorker:
        return ReplyWorker(self, self._pool, self._metrics, self._clock)

    async def send(self, message: ServerMessage) -> None:
        """As :meth:`Client.send`."""
        await self._socket.send_str(message.to_json())

    async def send_audio(self, audio: bytes) -> None:
        """As :meth:`Client.send_audio`."""
        await self._socket.send_bytes(audio)

    async def run(self) -> None:
        """Serve the client until it goes; leaves no task behind.

        Raises:
            ExceptionGroup: of ``ConnectionError``: the client went without a word.
        """
        with self._pool.lifecycle.in_use():
            await self._serve()

    async def _serve(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            speaking = tasks.create_task(self._engine_for.run(), name="replies")
            async for raw in self._socket:
                if raw.type is WSMsgType.ERROR:
                    break
                try:
                    message = self._parse(raw)
                except WireError as error:
                    self._metrics.failed(error.code)
                    await self.send(Failure(str(error), error.code, error.reply))
                    continue
                if isinstance(message, Speak):
                    await self._take(message)
                else:
                    speaking.cancel()
                    await asyncio.wait([speaking])
                    speaking = await self._start_afresh(message, tasks)
            speaking.cancel()

    @staticmethod
    def _parse(raw: WSMessage) -> Speak | Cancel:
        if raw.type is not WSMsgType.TEXT:
            raise WireError("bad_message", "a message is JSON text")
        return parse_client(raw.data)

    async def _take(self, message: Speak) -> None:
        if message.reply in self._cancelled:
            return
        if self._open_reply is not None and message.reply not in (None, self._open_reply.id):
            self._open_reply.end()
            self._open_reply = None
        if self._open_reply is None:
            if not message.token and not message.flush:
                return
            self._cancelled = frozenset()
            self._open_reply = await self._begin(message)
        self._open_reply.add(message.token)
        if message.flush:
            self._open_reply.end()
            self._open_reply = None

    async def _begin(self, message: Speak) -> IncomingReply:
        reply = IncomingReply(message.reply, message.parameters, self._clock)
        if self._engine_for.waiting >= MAX_REPLIES:
            overloaded = Failure(f"{MAX_REPLIES} replies wait already", "overloaded", reply.id)
            reply.fail(WireError(overloaded.code, overloaded.error, reply.id))
            self._metrics.failed(overloaded.code)
            await self.send(overloaded)
            return reply
        try:
            reply.parameters = self._settle(message)
        except WireError as error:
            reply.fail(error)
        self._engine_for.add(reply)
        return reply

    def _settle(self, message: Speak) -> SpeechParameters:
        try:
            return self._pool.resolve_parameters(message.parameters, message.token)
        except PresetError as error:
            raise WireError("bad_parameter", str(error), message.reply) from error
        except UnknownVoiceError as error:
            raise WireError("unknown_voice", str(error), message.reply) from error

    async def _start_afresh(self, cancel: Cancel, tasks: asyncio.TaskGroup) -> asyncio.Task[None]:
        """Acknowledge a cancel, now that the old speaker has ended, and go on with a new one."""
        written = self._open_reply.id if self._open_reply else None
        spoken = self._engine_for.current.id if self._engine_for.current else written
        self._cancelled = frozenset({cancel.reply, written, spoken} - {None})
        self._open_reply = None
        self._engine_for = self._new_worker()
        self._metrics.cancels += 1
        await self.send(Cancelled(spoken if cancel.reply is None else cancel.reply))
        return tasks.create_task(self._engine_for.run(), name="replies")
