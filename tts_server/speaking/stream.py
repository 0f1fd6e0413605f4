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
from tts_server.speaking.reply import Reply
from tts_server.speaking.speaker import Speaker
from tts_server.speaking.speech import Speech
from tts_server.voices.profile import UnknownVoiceError
from wire.fields import WireError
from wire.messages import Cancel, Cancelled, Failure, ServerMessage, Speak, parse_client
from wire.parameters import SpeechParameters
from wire.presets import PresetError

MAX_REPLIES = 16
"""Waiting on one connection, besides the one that is being spoken."""


class SpeechStream:
    """A connection: its reader, which is :meth:`run`, and one task that speaks.

    A client that does not read makes the speaking wait; then at most one segment's audio is held for it. The engine is
    loaded, and stays so, for as long as there is a connection.
    """

    def __init__(
        self, socket: web.WebSocketResponse, speech: Speech, metrics: Metrics, clock: Callable[[], float]
    ) -> None:
        self._socket = socket
        self._speech = speech
        self._metrics = metrics
        self._clock = clock
        self._speaker = self._new_speaker()
        self._written: Reply | None = None
        self._cancelled: frozenset[str | None] = frozenset()

    def _new_speaker(self) -> Speaker:
        return Speaker(self, self._speech, self._metrics, self._clock)

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
        with self._speech.residency.needed():
            await self._serve()

    async def _serve(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            speaking = tasks.create_task(self._speaker.run(), name="speaker")
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
        if self._written is not None and message.reply not in (None, self._written.id):
            self._written.end()
            self._written = None
        if self._written is None:
            if not message.token and not message.flush:
                return
            self._cancelled = frozenset()
            self._written = await self._begin(message)
        self._written.add(message.token)
        if message.flush:
            self._written.end()
            self._written = None

    async def _begin(self, message: Speak) -> Reply:
        reply = Reply(message.reply, message.parameters, self._clock)
        if self._speaker.waiting >= MAX_REPLIES:
            overloaded = Failure(f"{MAX_REPLIES} replies wait already", "overloaded", reply.id)
            reply.fail(WireError(overloaded.code, overloaded.error, reply.id))
            self._metrics.failed(overloaded.code)
            await self.send(overloaded)
            return reply
        try:
            reply.parameters = self._settle(message)
        except WireError as error:
            reply.fail(error)
        self._speaker.add(reply)
        return reply

    def _settle(self, message: Speak) -> SpeechParameters:
        try:
            return self._speech.settle(message.parameters, message.token)
        except PresetError as error:
            raise WireError("bad_parameter", str(error), message.reply) from error
        except UnknownVoiceError as error:
            raise WireError("unknown_voice", str(error), message.reply) from error

    async def _start_afresh(self, cancel: Cancel, tasks: asyncio.TaskGroup) -> asyncio.Task[None]:
        """Acknowledge a cancel, now that the old speaker has ended, and go on with a new one."""
        written = self._written.id if self._written else None
        spoken = self._speaker.current.id if self._speaker.current else written
        self._cancelled = frozenset({cancel.reply, written, spoken} - {None})
        self._written = None
        self._speaker = self._new_speaker()
        self._metrics.cancels += 1
        await self.send(Cancelled(spoken if cancel.reply is None else cancel.reply))
        return tasks.create_task(self._speaker.run(), name="speaker")
