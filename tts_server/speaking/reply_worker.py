"""Reply worker: speaks a connection's replies one after another, as fast as the client reads."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Protocol

from tts_server.engines.base import EngineError
from tts_server.metrics import Metrics
from tts_server.speaking.engine_pool import EnginePool
from tts_server.speaking.reply_slots import OverloadedError
from tts_server.speaking.reply_synthesizer import ReplySynthesizer
from tts_server.text.segmenter import Segmenter
from tts_server.voices.profile import UnknownVoiceError
from wire.fields import WireError
from wire.messages import SAMPLE_RATE, Failure, Flushed, SegmentEnd, SegmentStart, ServerMessage
from wire.parameters import SpeechParameters

FRAME_SAMPLES = SAMPLE_RATE // 5
"""Longest binary message, in samples."""
MAX_WAITING_CHARACTERS = 20_000
"""If more characters of a reply than this (about 22 minutes of speech) wait to be spoken, the reply fails."""
ANNOUNCED_AFTER = 0.002
"""A segment is announced this many seconds after it was handed to the engine, or sooner if the first sound is ready by
then.
"""
READ_TIMEOUT = 30.0
"""If a client reads nothing for this many seconds, it is disconnected and its reply is dropped."""


class ReplyClient(Protocol):
    """Receives the messages and the sound of replies. Both methods wait while the client does not read.

    Raises:
        ConnectionError: the client is gone.
    """

    async def send(self, message: ServerMessage) -> None:
        """Send an event or an error."""
        ...

    async def send_audio(self, audio: bytes) -> None:
        """Send float32 little-endian mono PCM at 48,000 Hz."""
        ...


class _ReplyProgress:
    """Progress of the current reply: the samples sent so far, and the delay of its first sound."""

    def __init__(self, started_at: float) -> None:
        self.started_at = started_at
        self.first_chunk_ms: float | None = None
        self.samples = 0

    def first_audio(self, segment: TextSegment, now: float) -> None:
        # The time spent waiting for the previous reply is not counted.
        since = max(segment.completed_at, self.started_at)
        self.first_chunk_ms = round((now - since) * 1000, 1)


class _Announcement:
    """Announces a segment after :data:`ANNOUNCED_AFTER`, or as soon as :meth:`sent` is awaited.

    The segment is not announced at once: sending takes time, and the engine's thread, whose sound people wait for,
    can't begin while this thread works.

    Args:
        start: returns the announcement. Called when it is sent.
    """

    def __init__(self, client: ReplyClient, start: Callable[[], SegmentStart]) -> None:
        self._client = client
        self._start = start
        self._sending: asyncio.Task[None] | None = None
        self._timer = asyncio.get_running_loop().call_later(ANNOUNCED_AFTER, self._send)

    def _send(self) -> asyncio.Task[None]:
        if self._sending is None:
            self._timer.cancel()
            self._sending = asyncio.create_task(self._client.send(self._start()), name="segment announced")
        return self._sending

    async def sent(self) -> None:
        """Wait until the segment is announced; raises ``ConnectionError`` if the client is gone."""
        await self._send()

    def cancel(self) -> None:
        """Announce nothing any more."""
        self._timer.cancel()
        if self._sending is not None:
            self._sending.cancel()


class ReplyWorker:
    """Speaks replies in order. To cancel all of them, cancel :meth:`run` and make a new worker.

    After the cancelled task has ended, nothing of its replies is sent. An engine may take up to 50 ms more to stop.
    """

    def __init__(self, client: ReplyClient, pool: EnginePool, metrics: Metrics, clock: Callable[[], float]) -> None:
        self._client = client
        self._pool = pool
        self._metrics = metrics
        self._clock = clock
        self._replies: asyncio.Queue[IncomingReply] = asyncio.Queue()
        self.current: IncomingReply | None = None

    @property
    def waiting(self) -> int:
        """Number of replies waiting behind the current one."""
        return self._replies.qsize()

    def add(self, reply: IncomingReply) -> None:
        """Add a reply to the end of the queue."""
        self._replies.put_nowait(reply)

    async def run(self) -> None:
        """Speak replies until cancelled.

        Raises:
            ConnectionError: the client is gone.
        """
        while True:
            self.current = await self._replies.get()
            try:
                await self.speak(self.current)
            except WireError as error:
                self.current.fail(error)
                self._metrics.record_error(error.code)
                await self._client.send(Failure(str(error), error.code, self.current.id))
            self.current = None

    async def speak(self, reply: IncomingReply) -> None:
        """Speak one reply to its end.

        Raises:
            WireError: the reply can't be spoken, or can't be continued.
            ConnectionError: the client is gone.
        """
        progress = _ReplyProgress(self._clock())
        try:
            with self._pool.reply(reply.parameters) as synthesizer:
                await self._pool.wait_ready()
                async for segment in reply.segments():
                    await self._speak_segment(reply, segment, synthesizer, progress)
        except OverloadedError as error:
            raise WireError("overloaded", str(error), reply.id) from error
        except UnknownVoiceError as error:
            raise WireError("unknown_voice", str(error), reply.id) from error
        except EngineError as error:
            raise WireError("engine_failed", str(error), reply.id) from error
        self._metrics.record_reply(progress.samples / SAMPLE_RATE, progress.first_chunk_ms)
        await self._client.send(
            Flushed(progress.first_chunk_ms, round(progress.samples / SAMPLE_RATE * 1000, 1), reply.id)
        )

    async def _speak_segment(
        self, reply: IncomingReply, segment: TextSegment, synthesizer: ReplySynthesizer, progress: _ReplyProgress
    ) -> None:
        before = progress.samples
        # The engine is known once it was asked.
        announcement = _Announcement(
            self._client, lambda: SegmentStart(segment.number, segment.text, reply.id, synthesizer.asks_paid)
        )
        try:
            await self._send_sound(segment, synthesizer, progress, announcement)
        except EngineError:
            await announcement.sent()
            raise
        finally:
            announcement.cancel()
        end = SegmentEnd(segment.number, progress.samples - before, reply.id, synthesizer.costs_money)
        await self._client.send(end)

    async def _send_sound(
        self,
        segment: TextSegment,
        synthesizer: ReplySynthesizer,
        progress: _ReplyProgress,
        announcement: _Announcement,
    ) -> None:
        """Synthesize a segment, and send its sound after its announcement."""
        async with aclosing(synthesizer.synthesize(segment.text)) as pieces:
            async for piece in pieces:
                await announcement.sent()
                if progress.first_chunk_ms is None:
                    progress.first_audio(segment, self._clock())
                for start in range(0, len(piece), FRAME_SAMPLES):
                    frame = piece[start : start + FRAME_SAMPLES]
                    await self._client.send_audio(frame.astype("<f4").tobytes())
                    progress.samples += len(frame)
        await announcement.sent()


@dataclass(frozen=True, slots=True)
class TextSegment:
    """A piece of a reply's raw text.

    Attributes:
        number: position in the reply, from 0.
        completed_at: monotonic time at which all text of the segment had arrived.
    """

    number: int
    text: str
    completed_at: float


class IncomingReply:
    """Text of a reply that is not spoken yet: tokens are added, segments are taken. Use it only on the event loop.

    ``parameters`` may be replaced until the reply is spoken.
    """

    def __init__(self, reply_id: str | None, parameters: SpeechParameters, clock: Callable[[], float]) -> None:
        self.id = reply_id
        self.parameters = parameters
        self._clock = clock
        self._segmenter = Segmenter(parameters.language)
        self._items: asyncio.Queue[TextSegment | WireError | None] = asyncio.Queue()
        self._count = 0
        self._waiting = 0
        self._ended = False

    def add(self, token: str) -> None:
        """Add the model's next token. Does nothing if the reply has ended or failed."""
        if self._ended:
            return
        self._waiting += len(token)
        if self._waiting > MAX_WAITING_CHARACTERS:
            self.fail(
                WireError("too_long", f"more than {MAX_WAITING_CHARACTERS} characters wait to be spoken", self.id)
            )
        else:
            self._put(self._segmenter.feed(token))

    def end(self) -> None:
        """Mark the reply as complete."""
        if not self._ended:
            self._put(self._segmenter.flush())
            self._ended = True
            self._items.put_nowait(None)

    def fail(self, error: WireError) -> None:
        """Drop the waiting segments and make :meth:`segments` raise ``error``."""
        while not self._items.empty():
            self._items.get_nowait()
        self._ended = True
        self._items.put_nowait(error)

    def _put(self, texts: list[str]) -> None:
        for text in texts:
            self._items.put_nowait(TextSegment(self._count, text, self._clock()))
            self._count += 1

    async def segments(self) -> AsyncIterator[TextSegment]:
        """Yield each segment as soon as it is complete, until the reply's end. May be iterated by one reader only.

        Raises:
            WireError: the reply failed.
        """
        while (item := await self._items.get()) is not None:
            if isinstance(item, WireError):
                raise item
            self._waiting -= len(item.text)
            yield item
