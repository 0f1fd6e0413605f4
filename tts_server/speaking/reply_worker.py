"""Speaks a connection's replies, one after another and in order, as far as its reader keeps up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Protocol

from tts_server.engines.base import EngineError
from tts_server.metrics import Metrics
from tts_server.speaking.engine_pool import EnginePool, OverloadedError
from tts_server.speaking.reply_synthesizer import ReplySynthesizer
from tts_server.text.segmenter import Segmenter
from tts_server.voices.profile import UnknownVoiceError
from wire.fields import WireError
from wire.messages import SAMPLE_RATE, Failure, Flushed, SegmentEnd, SegmentStart, ServerMessage
from wire.parameters import SpeechParameters

FRAME_SAMPLES = SAMPLE_RATE // 5
"""Longest binary message."""
MAX_WAITING_CHARACTERS = 20_000
"""Of one reply, written and not yet taken to be spoken: about 25 minutes of speech."""


class ReplyClient(Protocol):
    """Whom the speaker speaks to. Both wait while the client does not read.

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
    """What has been sent of the reply that is being spoken."""

    def __init__(self, started_at: float) -> None:
        self.started_at = started_at
        self.first_chunk_ms: float | None = None
        self.samples = 0

    def first_audio(self, segment: TextSegment, now: float) -> None:
        # A reply that had to wait for the one before it is not late.
        since = max(segment.completed_at, self.started_at)
        self.first_chunk_ms = round((now - since) * 1000, 1)


class ReplyWorker:
    """Replies in, audio out. To cancel all of it, cancel :meth:`run` and take a new speaker.

    Once the cancelled task has ended, nothing of its replies is sent any more, though an engine may take up to 50 ms
    to notice.
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
        """How many replies wait for the current one to end."""
        return self._replies.qsize()

    def add(self, reply: IncomingReply) -> None:
        """Speak this one after all the others."""
        self._replies.put_nowait(reply)

    async def run(self) -> None:
        """Speak until cancelled.

        Raises:
            ConnectionError: the client is gone.
        """
        while True:
            self.current = await self._replies.get()
            try:
                await self.speak(self.current)
            except WireError as error:
                self.current.fail(error)
                self._metrics.failed(error.code)
                await self._client.send(Failure(str(error), error.code, self.current.id))
            self.current = None

    async def speak(self, reply: IncomingReply) -> None:
        """Speak this one reply to its end.

        Raises:
            WireError: it can't be spoken, or not further.
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
        self._metrics.spoken(progress.samples / SAMPLE_RATE, progress.first_chunk_ms)
        await self._client.send(
            Flushed(progress.first_chunk_ms, round(progress.samples / SAMPLE_RATE * 1000, 1), reply.id)
        )

    async def _speak_segment(
        self, reply: IncomingReply, segment: TextSegment, synthesizer: ReplySynthesizer, progress: _ReplyProgress
    ) -> None:
        await self._client.send(SegmentStart(segment.number, segment.text, reply.id))
        before = progress.samples
        async with aclosing(synthesizer.synthesize(segment.text)) as pieces:
            async for piece in pieces:
                if progress.first_chunk_ms is None:
                    progress.first_audio(segment, self._clock())
                for start in range(0, len(piece), FRAME_SAMPLES):
                    frame = piece[start : start + FRAME_SAMPLES]
                    await self._client.send_audio(frame.astype("<f4").tobytes())
                    progress.samples += len(frame)
        await self._client.send(SegmentEnd(segment.number, progress.samples - before, reply.id))


@dataclass(frozen=True, slots=True)
class TextSegment:
    """A piece of a reply as it was written. ``completed_at``: when it could first be cut, in monotonic seconds."""

    number: int
    text: str
    completed_at: float


class IncomingReply:
    """What was written of a reply and is still to be progress. For the event loop alone.

    ``parameters`` may be settled until it is progress.
    """

    def __init__(self, reply_id: str | None, parameters: SpeechParameters, clock: Callable[[], float]) -> None:
        self.id = reply_id
        self.parameters = parameters
        self._clock = clock
        self._segmenter = Segmenter(parameters.language)
        self._items: asyncio.Queue[TextSegment | WireError | None] = asyncio.Queue()
        self._count = 0
        self._waiting = 0
        self._over = False

    def add(self, token: str) -> None:
        """Take what the model wrote next; of a reply that failed, nothing more is taken."""
        if self._over:
            return
        self._waiting += len(token)
        if self._waiting > MAX_WAITING_CHARACTERS:
            self.fail(
                WireError("too_long", f"more than {MAX_WAITING_CHARACTERS} characters wait to be spoken", self.id)
            )
        else:
            self._put(self._segmenter.feed(token))

    def end(self) -> None:
        """Nothing more will be written."""
        if not self._over:
            self._put(self._segmenter.flush())
            self._over = True
            self._items.put_nowait(None)

    def fail(self, error: WireError) -> None:
        """Drop what is not yet spoken; whoever reads :meth:`segments` gets ``error``."""
        while not self._items.empty():
            self._items.get_nowait()
        self._over = True
        self._items.put_nowait(error)

    def _put(self, texts: list[str]) -> None:
        for text in texts:
            self._items.put_nowait(TextSegment(self._count, text, self._clock()))
            self._count += 1

    async def segments(self) -> AsyncIterator[TextSegment]:
        """Every segment as soon as it can be cut, until the reply's end. One reader.

        Raises:
            WireError: the reply failed.
        """
        while (item := await self._items.get()) is not None:
            if isinstance(item, WireError):
                raise item
            self._waiting -= len(item.text)
            yield item
