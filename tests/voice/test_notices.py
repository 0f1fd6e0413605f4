"""Notices: they are written in order, and those that still wait when a call ends are dropped."""

from __future__ import annotations

import asyncio
import gc
import warnings
from collections.abc import Collection

import pytest

from bot.voice.events import CallEvent, NoticePosted
from bot.voice.notices import MAX_WAITING, Notices
from bot.voice.turn import Prompt


class RecordedChannel:
    """A prompt channel that keeps what is written. If it is ``broken``, it raises instead."""

    id = 0

    def __init__(self, *, broken: bool = False) -> None:
        self.written: list[str] = []
        self._broken = broken

    async def acknowledge(self, prompt: Prompt) -> None:
        self.written.append(f"seen: {prompt.text}")

    async def tell(self, text: str, prompt: Prompt | None = None, others: Collection[Prompt] = ()) -> None:
        if self._broken:
            raise ConnectionError("away")
        self.written.append(text)


async def test_notices_that_are_never_written_are_dropped_without_a_warning() -> None:
    channel = RecordedChannel()
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        before = Notices(channel, lambda _: None)
        before.tell("Too early.")
        before.acknowledge(Prompt("Ada", "hello", 0.0))
        del before
        after = Notices(channel, lambda _: None)
        writing = asyncio.create_task(after.run())
        await asyncio.sleep(0)
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
        after.tell("Too late.")
        after.acknowledge(Prompt("Ada", "hello", 0.0))
        del after
        gc.collect()
    assert [str(warning.message) for warning in warned] == []
    assert channel.written == []


async def test_notices_are_written_in_their_order() -> None:
    channel = RecordedChannel()
    notices = Notices(channel, lambda _: None)
    writing = asyncio.create_task(notices.run())
    notices.tell("One.")
    notices.acknowledge(Prompt("Ada", "two", 0.0))
    notices.tell("Three.")
    async with asyncio.timeout(30):
        while len(channel.written) < 3:
            await asyncio.sleep(0)
    writing.cancel()
    await asyncio.gather(writing, return_exceptions=True)
    assert channel.written == ["One.", "seen: two", "Three."]


async def test_a_failed_announcement_makes_no_event() -> None:
    events: list[CallEvent] = []
    with pytest.raises(ConnectionError):
        await Notices(RecordedChannel(broken=True), events.append).announce("Hear, hear!")
    assert events == []
    await Notices(RecordedChannel(), events.append).announce("Hear, hear!")
    assert events == [NoticePosted("Hear, hear!")]


@pytest.mark.parametrize("broken", [False, True])
async def test_before_a_restart_all_that_is_queued_is_written_or_has_failed(broken: bool) -> None:
    channel = RecordedChannel(broken=broken)
    notices = Notices(channel, lambda _: None)
    await notices.wait_written()
    notices.tell("One.")
    notices.acknowledge(Prompt("Ada", "two", 0.0))
    waiting = asyncio.create_task(notices.wait_written())
    await asyncio.sleep(0)
    assert not waiting.done()
    writing = asyncio.create_task(notices.run())
    await waiting
    assert channel.written == (["seen: two"] if broken else ["One.", "seen: two"])
    writing.cancel()
    await asyncio.gather(writing, return_exceptions=True)


async def test_while_too_many_notices_wait_new_ones_are_dropped(caplog: pytest.LogCaptureFixture) -> None:
    channel, events = RecordedChannel(), list[CallEvent]()
    notices = Notices(channel, events.append)
    for number in range(10 * MAX_WAITING):
        notices.tell(f"Notice {number}")
        notices.acknowledge(Prompt("Ada", "hello", 0.0))
    assert len(caplog.records) == 1
    writing = asyncio.create_task(notices.run())
    await notices.wait_written()
    notices.tell("Later.")
    await notices.wait_written()
    writing.cancel()
    await asyncio.gather(writing, return_exceptions=True)
    assert len(channel.written) == MAX_WAITING + 1
    assert channel.written[-1] == "Later."
    assert [event for event in events if event == NoticePosted(f"Notice {MAX_WAITING}")] == [], "it was never written"
