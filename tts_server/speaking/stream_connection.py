"""One connection on ``/ws/stream``: text from the client becomes sound, in the order in which the text came.

The protocol is described in :mod:`wire`. This module adds these rules:

- A token that names another ``reply`` ends the current reply, as a ``flush`` would. A token without a name belongs
  to the current reply. Replies are spoken one after another.
- If a reply fails, the error names it: neither sound nor ``flushed`` follows, and its further tokens are ignored.
- A message that is not valid is answered with an error and ignored. If it names a reply, that reply goes on.
- ``cancel`` drops every reply of the connection: the one that is being received, the one that is being spoken, and the
  one that the ``cancel`` names. Further tokens of these replies are ignored until a token comes that names another
  reply or no reply. This token begins a new reply. After that, a token with the name of a dropped reply begins a new
  reply too.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine

from aiohttp import WSMessage, WSMsgType, web
from typing_extensions import override

from tts_server.metrics import Metrics
from tts_server.speaking.engine_pool import EnginePool
from tts_server.speaking.reply_worker import READ_TIMEOUT, IncomingReply, ReplyClient, ReplyWorker
from tts_server.voices.profile import UnknownVoiceError
from web_access.socket_messages import ClientMessages
from wire.fields import WireError
from wire.messages import Cancel, Cancelled, Failure, ServerMessage, Speak, parse_client
from wire.parameters import SpeechParameters
from wire.presets import PresetError

MAX_REPLIES = 16
"""Largest number of replies that wait on one connection behind the reply being spoken. A further reply is refused."""

_log = logging.getLogger(__name__)


class StreamConnection(ReplyClient):
    """Serves one client: :meth:`run` reads its messages, and one task speaks the replies.

    If the client does not read, the speaking task waits; at most one segment's sound is kept for it. The preferred
    engine stays loaded as long as there is a connection.

    Args:
        socket: the socket, on which the handshake was done. It must not answer pings itself (``autoping=False``).
        break_off: aborts the connection at once, without a close frame, which the client would not read.
        read_timeout: seconds after which a client that reads nothing is disconnected.
    """

    def __init__(
        self,
        socket: web.WebSocketResponse,
        pool: EnginePool,
        metrics: Metrics,
        clock: Callable[[], float],
        break_off: Callable[[], None],
        read_timeout: float = READ_TIMEOUT,
    ) -> None:
        self._socket = socket
        self._messages = ClientMessages(socket, clock)
        self._pool = pool
        self._metrics = metrics
        self._clock = clock
        self._break_off = break_off
        self._read_timeout = read_timeout
        self._worker = self._new_worker()
        self._open_reply: IncomingReply | None = None
        self._cancelled: frozenset[str | None] = frozenset()

    @property
    def too_many_messages(self) -> bool:
        """Whether :meth:`run` has ended because the client sent too many pings, cancels or bad messages."""
        return self._messages.too_many

    def _new_worker(self) -> ReplyWorker:
        return ReplyWorker(self, self._pool, self._metrics, self._clock)

    @override
    async def send(self, message: ServerMessage) -> None:
        await self._within_timeout(self._socket.send_str(message.to_json()))

    @override
    async def send_audio(self, audio: bytes) -> None:
        await self._within_timeout(self._socket.send_bytes(audio))

    async def _within_timeout(self, sending: Coroutine[None, None, None]) -> None:
        """Await ``sending``, which waits while the client reads too little. Disconnect a client that reads nothing.

        Raises:
            ConnectionError: the client is gone, or has read nothing for too long.
        """
        try:
            async with asyncio.timeout(self._read_timeout):
                await sending
        except TimeoutError:
            _log.warning("A client took nothing for %g s: its connection is broken off", self._read_timeout)
            self._break_off()
            raise ConnectionResetError("the client does not read") from None

    async def run(self) -> None:
        """Serve the client until it disconnects. Leaves no task running.

        Raises:
            ExceptionGroup: with a ``ConnectionError``, if the connection broke.
        """
        with self._pool.lifecycle.in_use():
            await self._serve()

    async def _serve(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            speaking = tasks.create_task(self._worker.run(), name="replies")
            async for raw in self._messages:
                if raw.type is WSMsgType.ERROR:
                    break
                try:
                    message = self._parse(raw)
                except WireError as error:
                    self._messages.count()
                    self._metrics.record_error(error.code)
                    await self.send(Failure(str(error), error.code, error.reply))
                    continue
                if isinstance(message, Speak):
                    await self._take(message)
                else:
                    self._messages.count()
                    speaking.cancel()
                    await asyncio.wait([speaking])
                    speaking = await self._restart(message, tasks)
            speaking.cancel()

    @staticmethod
    def _parse(raw: WSMessage) -> Speak | Cancel:
        if raw.type is not WSMsgType.TEXT:
            raise WireError("bad_message", "a message must be JSON text")
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
        if self._worker.waiting >= MAX_REPLIES:
            # The reply does not get into the queue, so its error is sent at once.
            overloaded = Failure(f"{MAX_REPLIES} replies wait already", "overloaded", reply.id)
            reply.fail(WireError(overloaded.code, overloaded.error, reply.id))
            self._metrics.record_error(overloaded.code)
            await self.send(overloaded)
            return reply
        try:
            reply.parameters = self._resolve_parameters(message)
        except WireError as error:
            # The worker sends the error when the replies before this one have been spoken.
            reply.fail(error)
        self._worker.add(reply)
        return reply

    def _resolve_parameters(self, message: Speak) -> SpeechParameters:
        try:
            return self._pool.resolve_parameters(message.parameters, message.token)
        except PresetError as error:
            raise WireError("bad_parameter", str(error), message.reply) from error
        except UnknownVoiceError as error:
            raise WireError("unknown_voice", str(error), message.reply) from error

    async def _restart(self, cancel: Cancel, tasks: asyncio.TaskGroup) -> asyncio.Task[None]:
        """Confirm a cancel after the old worker has ended, and continue with a new worker."""
        # The reply being spoken comes first, then the reply being received.
        current = [reply.id for reply in (self._worker.current, self._open_reply) if reply is not None]
        self._cancelled = frozenset({cancel.reply, *current} - {None})
        self._open_reply = None
        self._worker = self._new_worker()
        self._metrics.cancels += 1
        first = current[0] if current else None
        await self.send(Cancelled(first if cancel.reply is None else cancel.reply))
        return tasks.create_task(self._worker.run(), name="replies")
