"""The memory of a call is free soon after its end, and no garbage collection falls into the next call."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from bot.call_garbage import CallGarbageCollector
from bot.voice.events import CallBegan, CallEnded, SpeechStopped
from bot.voice.turn import TurnId
from tests.timing import wait_until

BEGAN = CallBegan("browser", "here", False)
ENDED = CallEnded("here", "command")
LONG = 1_000.0


class Part:
    """A part of a call. It refers to itself, as the parts of a call refer to each other."""

    def __init__(self) -> None:
        self.call = self


@contextmanager
def no_other_collections() -> Iterator[None]:
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@pytest.fixture
def collections() -> list[str]:
    """One entry for each full collection of a test's own :class:`CallGarbageCollector`."""
    return []


async def test_after_a_call_its_parts_are_freed() -> None:
    collector = CallGarbageCollector(delay=0.0)
    with no_other_collections():
        collector(BEGAN)
        left = weakref.ref(Part())
        assert left() is not None
        collector(ENDED)
        await wait_until(lambda: left() is None)


async def test_if_a_call_begins_right_after_another_one_the_collection_runs_before_its_first_sound(
    collections: list[str],
) -> None:
    collector = CallGarbageCollector(lambda: collections.append("full"), LONG)
    collector(BEGAN)
    assert collections == []
    collector(ENDED)
    assert collections == [], "nothing is collected while the last parts of the call still close"
    collector(BEGAN)
    assert collections == ["full"], "the collection runs while the call has no sound yet"
    collector(SpeechStopped(TurnId(1, 1)))
    collector(ENDED)
    collector(BEGAN)
    assert collections == ["full", "full"]


async def test_when_the_bot_ends_nothing_is_collected_any_more(collections: list[str]) -> None:
    collector = CallGarbageCollector(lambda: collections.append("full"), LONG)
    collector(ENDED)
    collector.close()
    collector(BEGAN)
    assert collections == []
