"""An engine that can't be created at the start: a fallback speaks until it can, and clients are told the reason."""

from __future__ import annotations

from tests.tts_server.client import SpeechClient, running
from tests.tts_server.spelling_engine import SpellingEngine, words_heard
from tts_server.engines.base import EngineError, SpeechEngine
from tts_server.engines.factory import DeferredEngine
from wire.messages import EngineChanged, Loading

NOTICES = "/ws/stream?notices=true"


class Maker:
    """Fails to create the engine until ``can`` is true."""

    def __init__(self) -> None:
        self.engine = SpellingEngine("wanted")
        self.can = False

    def __call__(self) -> SpeechEngine:
        if not self.can:
            raise EngineError("the cloud is away")
        return self.engine


async def said(client: SpeechClient) -> list[int]:
    await client.say("w1 w2.", preprocess_text=False)
    return words_heard((await client.hear()).samples)


async def test_another_engine_speaks_until_it_can_be_made() -> None:
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


async def test_as_soon_as_it_can_be_made_it_speaks_with_a_voice_of_its_own() -> None:
    make, other = Maker(), SpellingEngine("other")
    make.can = True
    async with running(DeferredEngine("wanted", make), other) as server, server.connect(NOTICES) as client:
        while await client.next() != EngineChanged("wanted", "ready"):
            pass
        assert await said(client) == [1, 2]
        assert (make.engine.texts, "w1 w2." in other.texts) == (["w1 w2."], False)
        assert make.engine.spoken_by == [make.engine.voices()[0].id]
