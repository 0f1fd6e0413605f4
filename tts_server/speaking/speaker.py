"""Speaks a connection's replies, one after another and in order, as far as its reader keeps up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from typing import Protocol

from tts_server.engines.base import EngineError
from tts_server.metrics import Metrics
from tts_server.speaking.admission import OverloadedError
from tts_server.speaking.reply import Reply, Segment
from tts_server.speaking.speech import Speech
from tts_server.speaking.spoken_reply import SpokenReply
from tts_server.voices.profile import UnknownVoiceError
from wire.fields import WireError
from wire.messages import SAMPLE_RATE, Failure, Flushed, SegmentEnd, SegmentStart, ServerMessage

FRAME_SAMPLES = SAMPLE_RATE // 5
"""Longest binary message."""


class Client(Protocol):
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


class _Spoken:
    """What has been sent of the reply that is being spoken."""

    def __init__(self, started_at: float) -> None:
        self.started_at = started_at
        self.first_chunk_ms: float | None = None
        self.samples = 0

    def first_audio(self, segment: Segment, now: float) -> None:
        # A reply that had to wait for the one before it is not late.
        since = max(segment.completed_at, self.started_at)
        self.first_chunk_ms = round((now - since) * 1000, 1)


class Speaker:
    """Replies in, audio out. To cancel all of it, cancel :meth:`run` and take a new speaker.

    Once the cancelled task has ended, nothing of its replies is sent any more, though an engine may take up to 50 ms
    to notice.
    """

    def __init__(self, client: Client, speech: Speech, metrics: Metrics, clock: Callable[[], float]) -> None:
        self._client = client
        self._speech = speech
        self._metrics = metrics
        self._clock = clock
        self._replies: asyncio.Queue[Reply] = asyncio.Queue()
        self.current: Reply | None = None

    @property
    def waiting(self) -> int:
        """How many replies wait for the current one to end."""
        return self._replies.qsize()

    def add(self, reply: Reply) -> None:
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

    async def speak(self, reply: Reply) -> None:
        """Speak this one reply to its end.

        Raises:
            WireError: it can't be spoken, or not further.
            ConnectionError: the client is gone.
        """
        spoken = _Spoken(self._clock())
        try:
            with self._speech.reply(reply.parameters) as voice:
                await self._speech.able()
                async for segment in reply.segments():
                    await self._speak_segment(reply, segment, voice, spoken)
        except OverloadedError as error:
            raise WireError("overloaded", str(error), reply.id) from error
        except UnknownVoiceError as error:
            raise WireError("unknown_voice", str(error), reply.id) from error
        except EngineError as error:
            raise WireError("engine_failed", str(error), reply.id) from error
        self._metrics.spoken(spoken.samples / SAMPLE_RATE, spoken.first_chunk_ms)
        await self._client.send(Flushed(spoken.first_chunk_ms, round(spoken.samples / SAMPLE_RATE * 1000, 1), reply.id))

    async def _speak_segment(self, reply: Reply, segment: Segment, voice: SpokenReply, spoken: _Spoken) -> None:
        await self._client.send(SegmentStart(segment.number, segment.text, reply.id))
        before = spoken.samples
        async with aclosing(voice.say(segment.text)) as pieces:
            async for piece in pieces:
                if spoken.first_chunk_ms is None:
                    spoken.first_audio(segment, self._clock())
                for start in range(0, len(piece), FRAME_SAMPLES):
                    frame = piece[start : start + FRAME_SAMPLES]
                    await self._client.send_audio(frame.astype("<f4").tobytes())
                    spoken.samples += len(frame)
        await self._client.send(SegmentEnd(segment.number, spoken.samples - before, reply.id))
