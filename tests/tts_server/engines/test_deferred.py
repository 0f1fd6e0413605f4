"""An engine that can't be created at the start: a fallback speaks until it can, and clients are told the reason."""

from __future__ import annotations

import pytest

from tests.timing import Clock, wait_until
from tests.tts_server.client import SpeechClient, running
from tests.tts_server.spelling_engine import SpellingEngine, words_heard
from tts_server.engines.base import EngineError, SpeechEngine
from tts_server.engines.factory import DeferredEngine
from tts_server.speaking.circuit_breaker import FIRST_WAIT
from wire.messages import EngineChanged, Loading, Notice

NOTICES = "/ws/stream?notices=true"


class Maker:
    """Fails to create the engine until ``can`` is true."""

    def __init__(self) -> None:
        self.engine = SpellingEngine("wanted")
        self.can = False
        self.tries = 0

    def __call__(self) -> SpeechEngine:
        self.tries += 1
        if not self.can:
            raise EngineError("the cloud is away")
        return self.engine


async def said(client: SpeechClient) -> list[int]:
    await client.say("w1 w2.", preprocess_text=False)
    return words_heard((await client.hear()).samples)


async def test_another_engine_speaks_until_the_preferred_one_can_be_created() -> None:
    make, other = Maker(), SpellingEngine("other")
    async with running(DeferredEngine("wanted", make), other) as server:
        async with server.connect(NOTICES) as client:
            assert await client.next() == EngineChanged("other", "loading")
            assert await client.next() == Loading("wanted", 0.0)
            assert await client.next() == EngineChanged("other", "failed", "the cloud is away")
            assert await said(client) == [1, 2]
            assert other.texts
        make.can = True
    assert not make.engine.texts


async def test_an_engine_speaks_with_its_own_voice_as_soon_as_it_can_be_created() -> None:
    make, other = Maker(), SpellingEngine("other")
    make.can = True
    async with running(DeferredEngine("wanted", make), other) as server, server.connect(NOTICES) as client:
        while await client.next() != EngineChanged("wanted", "ready"):
            pass
        assert await said(client) == [1, 2]
        assert (make.engine.texts, "w1 w2." in other.texts) == (["w1 w2."], False)
        assert make.engine.spoken_by == [make.engine.voices()[0].id]


async def test_an_engine_that_fails_at_each_attempt_is_never_reported_as_loading_or_back(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    make, other, clock = Maker(), SpellingEngine("other"), Clock()
    failed, ready = EngineChanged("other", "failed", "the cloud is away"), EngineChanged("wanted", "ready")
    async with running(DeferredEngine("wanted", make), other, clock=clock) as server, server.connect() as client:
        told: list[Notice] = []
        server.pool.notices.subscribe(told.append)
        await wait_until(lambda: failed in told)
        told.clear()
        clock.now += FIRST_WAIT
        assert await said(client) == [1, 2]
        await wait_until(lambda: make.tries == 2 and server.pool.breaker.open_reason is not None)
        assert {notice for notice in told if isinstance(notice, EngineChanged)} == {failed}
        assert (await server.health())["state"] == "failed"
        assert "speaks again" not in caplog.text
        make.can = True
        clock.now += 2 * FIRST_WAIT
        assert await said(client) == [1, 2]
        await wait_until(lambda: ready in told)
        assert EngineChanged("other", "loading") not in told
