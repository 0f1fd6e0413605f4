"""If the preferred engine fails, is slow or is not loaded, a fallback speaks, and no word is lost."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import numpy as np
import pytest

from tests.timing import Clock
from tests.tts_server.client import RunningServer, SpeechClient, running
from tests.tts_server.spelling_engine import SpellingEngine, words_heard
from tts_server.engines.base import EngineError, OutOfMemoryError
from tts_server.speaking.circuit_breaker import FIRST_WAIT
from wire.messages import EngineChanged, Failure

SENTENCE = "w1 w2 w3 w4 w5 w6 w7 w8 w9 w10 w11 w12."
WORDS = list(range(1, 13))


@dataclass
class TwoEngines:
    """A server, and its two engines, which encode the words they speak in the sound."""

    server: RunningServer
    client: SpeechClient
    wanted: SpellingEngine
    other: SpellingEngine
    clock: Clock
    notices: list[EngineChanged] = field(default_factory=list)

    async def words(self, text: str = SENTENCE) -> list[int]:
        await self.client.say(text, preprocess_text=False)
        return words_heard((await self.client.hear()).samples)


@pytest.fixture
async def engines() -> AsyncIterator[TwoEngines]:
    wanted, other, clock = SpellingEngine("wanted"), SpellingEngine("other", loudness=0.05), Clock()
    wanted.clock = other.clock = clock
    async with running(wanted, other, clock=clock) as server, server.connect() as client:
        engines = TwoEngines(server, client, wanted, other, clock)
        server.pool.notices.subscribe(lambda notice: engines.notices.append(notice))  # type: ignore[arg-type]
        yield engines


@pytest.mark.parametrize("characters", [0, 1, 2, 3, 5, 8, 13, 21, 25, 29, 34, 38])
async def test_a_clause_that_breaks_off_anywhere_is_completed(engines: TwoEngines, characters: int) -> None:
    engines.wanted.fails_after = characters
    heard = await engines.words()
    assert list(dict.fromkeys(heard)) == WORDS
    # Only the word that was interrupted may be repeated.
    assert len(heard) <= len(WORDS) + 1


async def test_the_next_clauses_come_from_the_other_engine_until_the_first_is_tried_again(engines: TwoEngines) -> None:
    engines.wanted.fails_after = 0
    assert await engines.words("w1 w2.") == [1, 2]
    engines.wanted.fails_after = None
    engines.wanted.texts.clear()
    assert await engines.words("w3 w4.") == [3, 4]
    assert not engines.wanted.texts
    engines.clock.now += FIRST_WAIT
    assert await engines.words("w5 w6.") == [5, 6]
    assert engines.wanted.texts == ["w5 w6."]
    assert engines.notices == [EngineChanged("other", "failed", "the card is gone"), EngineChanged("wanted", "ready")]


async def test_an_engine_that_fails_again_is_left_alone_for_longer(engines: TwoEngines) -> None:
    for wait in (FIRST_WAIT, 2 * FIRST_WAIT, 4 * FIRST_WAIT):
        engines.wanted.fails_after = 0
        assert await engines.words("w1 w2.") == [1, 2]
        engines.wanted.fails_after = None
        engines.wanted.texts.clear()
        engines.clock.now += wait - 1
        await engines.words("w1.")
        assert not engines.wanted.texts
        engines.clock.now += 1


async def test_a_full_card_is_reported_as_such(engines: TwoEngines) -> None:
    engines.wanted.fails_after, engines.wanted.failure = 3, OutOfMemoryError("no room")
    assert list(dict.fromkeys(await engines.words())) == WORDS
    assert engines.notices == [EngineChanged("other", "out_of_memory", "no room")]
    assert (await engines.server.health())["state"] == "out_of_memory"
    assert (await engines.server.health())["speaking"] == "other"


async def test_the_engine_that_stands_in_is_as_loud_as_the_preferred_one(engines: TwoEngines) -> None:
    async def level() -> float:
        await engines.client.say(SENTENCE, preprocess_text=False)
        samples = (await engines.client.hear()).samples
        return float(np.sqrt(np.mean(samples[np.abs(samples) > 0.001] ** 2)))

    usual = await level()
    engines.server.pool.breaker.hold_open(held=True)
    # The fallback's loudness is measured on its first words; in production, warming up does that.
    await level()
    assert abs(20 * np.log10(await level() / usual)) < 1


async def test_sparing_the_engine_on_request_lasts_until_the_request_is_withdrawn(engines: TwoEngines) -> None:
    engines.server.pool.breaker.hold_open(held=True)
    engines.clock.now += 10_000
    engines.wanted.texts.clear()
    assert await engines.words("w1.") == [1]
    assert not engines.wanted.texts
    engines.server.pool.breaker.hold_open(held=False)
    assert await engines.words("w2.") == [2]
    assert engines.wanted.texts == ["w2."]
    assert engines.notices == [EngineChanged("other", "asked"), EngineChanged("wanted", "ready")]


@pytest.mark.parametrize(
    ("engines", "speaker"),
    [
        (("piper", "kokoro", "espeak-ng"), "espeak-ng"),
        (("kokoro", "piper", "espeak-ng"), "piper"),
        (("XTTS v2", "piper", "kokoro"), "piper"),
        (("XTTS v2", "kokoro", "espeak-ng"), "kokoro"),
        (("piper", "kokoro"), "piper"),
        (("espeak-ng", "piper"), "espeak-ng"),
    ],
)
async def test_low_performance_mode_never_takes_a_heavier_engine(engines: tuple[str, ...], speaker: str) -> None:
    made = [SpellingEngine(name) for name in engines]
    async with running(*made) as server, server.connect() as client:
        server.pool.breaker.hold_open(held=True)
        assert server.pool.speaking_engine == speaker
        await client.say("w1.", preprocess_text=False)
        assert words_heard((await client.hear()).samples) == [1]
        assert [engine.name for engine in made if engine.texts[-1:] == ["w1."]] == [speaker]


async def test_an_engine_that_is_too_slow_is_reported_on_the_event_loop(
    engines: TwoEngines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tts_server.speaking.circuit_breaker.SLOW_SECONDS", 0.2)
    monkeypatch.setattr("tts_server.speaking.circuit_breaker.WINDOW_SECONDS", 0.2)
    told_in: list[threading.Thread] = []
    engines.server.pool.notices.subscribe(lambda _: told_in.append(threading.current_thread()))
    engines.wanted.delay = 0.4
    assert await engines.words("w1.") == [1]
    assert await engines.words("w2.") == [2]
    assert engines.notices == [EngineChanged("other", "too_slow")]
    assert engines.other.texts[-1] == "w2."
    assert told_in == [threading.current_thread()]


async def test_if_no_engine_can_speak_there_is_one_clear_error_and_the_next_reply_works(engines: TwoEngines) -> None:
    engines.wanted.fails_after = engines.other.fails_after = 0
    engines.other.failure = EngineError("no more breath")
    await engines.client.say(SENTENCE, "r1")
    assert (await engines.client.hear()).failure == Failure("no more breath", "engine_failed", "r1")
    engines.other.fails_after = None
    assert await engines.words("w1 w2.") == [1, 2]


async def test_an_engine_that_stands_in_and_is_too_slow_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tts_server.speaking.circuit_breaker.SLOW_SECONDS", 0.2)
    monkeypatch.setattr("tts_server.speaking.circuit_breaker.WINDOW_SECONDS", 0.2)
    wanted, slow, last = engines = SpellingEngine("wanted"), SpellingEngine("slow"), SpellingEngine("last")
    clock = Clock()
    for engine in engines:
        engine.clock = clock
    wanted.fails_after, slow.delay = 0, 0.4
    async with running(wanted, slow, last, clock=clock) as server, server.connect() as client:

        async def say(text: str) -> list[int]:
            await client.say(text, preprocess_text=False)
            return words_heard((await client.hear()).samples)

        assert await say("w1.") == [1]
        assert slow.texts[-1] == "w1."
        assert await say("w2.") == [2]
        assert last.texts[-1] == "w2."
        # The last fallback is used even if it is slow.
        last.delay = 0.4
        assert await say("w3.") == [3]
        assert await say("w4.") == [4]
        assert last.texts[-1] == "w4."
        slow.delay = 0
        clock.now += FIRST_WAIT
        wanted.fails_after = 0
        assert await say("w5.") == [5]
        assert slow.texts[-1] == "w5."


@pytest.mark.parametrize(("wanted_takes", "other_takes", "speaker"), [(0.0, 0.3, "last"), (0.3, 0.0, "other")])
async def test_no_slower_engine_stands_in_for_an_engine_that_is_too_slow(
    monkeypatch: pytest.MonkeyPatch, wanted_takes: float, other_takes: float, speaker: str
) -> None:
    monkeypatch.setattr("tts_server.speaking.circuit_breaker.SLOW_SECONDS", 0.2)
    monkeypatch.setattr("tts_server.speaking.circuit_breaker.WINDOW_SECONDS", 0.2)
    engines = wanted, other, last = SpellingEngine("wanted"), SpellingEngine("other"), SpellingEngine("last")
    clock = Clock()
    for engine in engines:
        engine.clock = clock
    wanted.delay, other.delay = wanted_takes, other_takes
    async with running(wanted, other, last, clock=clock) as server, server.connect() as client:

        async def say(text: str) -> list[int]:
            await client.say(text, preprocess_text=False)
            return words_heard((await client.hear()).samples)

        # The machine is quick when the server starts, and then slow.
        wanted.delay = 1
        assert await say("w1.") == [1]
        assert server.pool.state().reason == "too_slow"
        assert await say("w2.") == [2]
        assert [engine.name for engine in engines if engine.texts[-1] == "w2."] == [speaker]
