"""Errors of the transport: the call goes on, or it ends, and then its input thread ends and its end is reported."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, suppress
from pathlib import Path
from typing import Never

import pytest

from bot.voice.events import CallBegan, CallEnded, CallEvent, SpeechStarted, SpeechStopped, UtteranceHeard
from bot.voice.transport import EndCause
from sandbox.speech import ADA as ADAS_VOICE
from sandbox.speech import BEN as BENS_VOICE
from sandbox.speech import speech
from tests.timing import LIMIT
from tests.voice.doubles import ConstantTranscriber, HummingSpeech, RepeatingResponder
from tests.voice.effects import only
from tests.voice.memory_call import ADA, BEN, MemoryCall, memory_call
from tests.voice.memory_transport import MemoryTransport

LOST = "the network is gone"


class BrokenTransport(MemoryTransport):
    """A transport whose methods in ``broken`` raise, ``times`` times at most."""

    broken: set[str]
    times: float

    def __init__(self, names: dict[int, str]) -> None:
        super().__init__(names)
        self.broken, self.times = set(), float("inf")

    def may_raise(self, at: str) -> None:
        if at in self.broken and self.times > 0:
            self.times -= 1
            self.fail()

    def fail(self) -> Never:
        raise RuntimeError(LOST)

    @property
    def deadline(self) -> float | None:  # type: ignore[override]
        self.may_raise("deadline")
        return 0.0 if "tick" in self.broken else None

    @property
    def place(self) -> str:  # type: ignore[override]
        self.may_raise("place")
        return "memory"

    def tick(self, now: float) -> None:
        self.may_raise("tick")

    def stop(self) -> None:
        self.may_raise("stop")

    def person_left(self, person: int, at: float) -> None:
        self.may_raise("person_left")
        super().person_left(person, at)

    async def close(self) -> None:
        await super().close()
        self.may_raise("close")


MakeCall = Callable[[], AbstractAsyncContextManager[MemoryCall]]


@pytest.fixture
def calling(tmp_path: Path) -> MakeCall:
    return lambda: memory_call(
        tmp_path, ConstantTranscriber(), RepeatingResponder(), HummingSpeech(), transport=BrokenTransport
    )


def broken(memory: MemoryCall) -> BrokenTransport:
    assert isinstance(memory.transport, BrokenTransport)
    return memory.transport


def threads() -> list[str]:
    return [each.name for each in threading.enumerate() if each.name == "voice input"]


async def wake(memory: MemoryCall) -> None:
    """Have the input thread check its deadlines, and wait until it has done so."""
    looked = threading.Event()
    memory.call.input_worker.post(lambda: None)
    memory.call.input_worker.post(looked.set)
    assert await asyncio.to_thread(looked.wait, LIMIT)


@pytest.mark.parametrize("at", ["deadline", "tick"])
async def test_the_call_still_hears_people_after_a_short_failure_of_the_transports_timer(
    calling: MakeCall, at: str
) -> None:
    async with calling() as memory:
        broken(memory).times = 2
        broken(memory).broken.add(at)
        await wake(memory)
        broken(memory).broken.clear()
        assert memory.call.input_worker.is_alive()
        await memory.hear(ADA, speech("Do you remember the summer holidays?", ADAS_VOICE))
        await memory.until(lambda event: isinstance(event, SpeechStarted))


@pytest.mark.parametrize("at", ["deadline", "tick"])
async def test_a_lasting_failure_of_the_transports_timer_ends_the_call(
    calling: MakeCall, at: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("bot.voice.input_thread.MAX_FAULT", 0.3)
    async with calling() as memory:
        broken(memory).broken.add(at)
        await wake(memory)
        async with asyncio.timeout(LIMIT):
            assert await memory.call.wait_lost() is EndCause.FAILURE
        assert caplog.text.count("Traceback") < 6
    assert threads() == []


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
async def test_a_thread_that_dies_ends_the_call(calling: MakeCall) -> None:
    def die() -> None:
        raise SystemExit

    async with calling() as memory:
        memory.call.input_worker.post(die)
        async with asyncio.timeout(LIMIT):
            assert await memory.call.wait_lost() is EndCause.FAILURE


async def test_everybody_is_forgotten_on_request_even_if_the_transport_fails(calling: MakeCall) -> None:
    async with calling() as memory:
        saying = asyncio.create_task(memory.hear(ADA, speech("Do you remember the summer holidays?", ADAS_VOICE)))
        await memory.until(lambda event: isinstance(event, SpeechStarted))
        broken(memory).broken.add("person_left")
        saying.cancel()
        memory.call.input_worker.forget_everyone()
        await memory.until(lambda event: isinstance(event, SpeechStopped))
        await memory.hear(BEN, speech("Please turn the volume down.", BENS_VOICE))
        await memory.until(lambda event: isinstance(event, UtteranceHeard))
        assert [event.person for event in only(UtteranceHeard, memory.events)] == [BEN]


@pytest.mark.parametrize("at", ["stop", "close", "place"])
async def test_a_transport_that_fails_at_the_end_leaves_no_thread_and_the_end_is_reported(
    calling: MakeCall, at: str, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[CallEvent] = []
    with suppress(RuntimeError):
        async with calling() as memory:
            seen = memory.events
            broken(memory).broken.add(at)
    ended = only(CallEnded, seen)
    assert [(event.place, event.cause) for event in ended] == [("memory", "command")]
    assert threads() == []
    if at != "close":
        # An error of ``close`` is raised to the caller that ended the call.
        assert LOST in caplog.text


async def test_no_end_is_reported_of_a_call_whose_beginning_was_not_reported(
    calling: MakeCall, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[CallEvent] = []
    monkeypatch.setattr(MemoryCall, "watch", lambda _, event: told.append(event))
    monkeypatch.setattr(BrokenTransport, "place", property(lambda transport: transport.fail()))
    with pytest.raises(RuntimeError, match=LOST):
        async with calling():
            pass
    assert not any(isinstance(event, CallBegan | CallEnded) for event in told)
    assert threads() == []
