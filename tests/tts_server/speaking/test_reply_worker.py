"""The order in which a reply's worker does things: the engine starts first, and no sound comes before its segment."""

from __future__ import annotations

import time

import pytest

from tests.timing import wait_until
from tests.tts_server.stand_in_engines import CountingEngine, FailingEngine
from tts_server.metrics import Metrics
from tts_server.speaking.engine_pool import EnginePool
from tts_server.speaking.reply_worker import IncomingReply, ReplyWorker
from wire.fields import WireError
from wire.messages import SegmentStart, ServerMessage
from wire.parameters import SpeechParameters


class PatientClient:
    """A client that takes the announcement of a segment only when ``engine``, if there is one, has begun with it."""

    def __init__(self, engine: CountingEngine | None = None) -> None:
        self.got: list[str] = []
        self._engine = engine

    async def send(self, message: ServerMessage) -> None:
        engine = self._engine
        if engine is not None and isinstance(message, SegmentStart):
            await wait_until(lambda: engine.texts)
        self.got.append(message.event)

    async def send_audio(self, audio: bytes) -> None:
        self.got.append("sound")


async def speak(engine: CountingEngine, text: str, client: PatientClient) -> None:
    pool = EnginePool([engine])
    reply = IncomingReply("r1", SpeechParameters(), time.monotonic)
    reply.add(text)
    reply.end()
    try:
        await ReplyWorker(client, pool, Metrics(), time.monotonic).speak(reply)
    finally:
        await pool.close()


async def test_the_engine_does_not_wait_for_the_announcement_of_its_segment() -> None:
    engine = CountingEngine()
    client = PatientClient(engine)
    await speak(engine, "Hello 1.", client)
    assert [client.got[0], *client.got[-2:]] == ["start", "end", "flushed"]
    assert set(client.got[1:-2]) == {"sound"}


async def test_a_segment_that_fails_was_announced_before() -> None:
    client = PatientClient()
    with pytest.raises(WireError):
        await speak(FailingEngine(), "Now raise 1.", client)
    assert client.got == ["start"]
