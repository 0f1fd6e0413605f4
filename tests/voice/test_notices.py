"""Notices: they are written in order, and when a call has ended only answers to prompts are still written."""

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


async def test_new_notices_are_dropped_while_too_many_wait(caplog: pytest.LogCaptureFixture) -> None:
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
    assert [event for event in events if event == NoticePosted(f"Notice {MAX_WAITING}")] == [], (
        "this notice was never written"
    )


async def test_when_the_call_is_over_only_answers_to_prompts_are_still_written() -> None:
    channel, prompt = RecordedChannel(), Prompt("Ada", "hello", 0.0)
    notices = Notices(channel, lambda _: None)
    notices.tell("I am listening.")
    notices.acknowledge(prompt)
    notices.tell("Nobody has answered.", prompt)
    await notices.write_last(30)
    await notices.write_last(30)
    assert channel.written == ["Nobody has answered."]


@pytest.mark.parametrize("ending", [False, True])
async def test_answers_to_a_person_who_opts_out_are_not_written_and_those_to_others_are(ending: bool) -> None:
    channel, ada, ben = RecordedChannel(), Prompt("Ada", "hello", 0.0, person=1), Prompt("Ben", "hi", 0.0, person=2)
    notices = Notices(channel, lambda _: None)
    notices.tell("Not said: “Hello from Ada.”", ada)
    notices.tell("Not answered.", ben)
    notices.tell("The call ended before I could answer you both.", ada, (ben,))
    if ending:
        notices.keep()
    notices.forget(1)
    await notices.write_last(30)
    assert channel.written == ["Not answered.", "The call ended before I could answer you both."]


async def test_answers_that_can_not_be_written_any_more_are_counted_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class SlowChannel(RecordedChannel):
        async def tell(self, text: str, prompt: Prompt | None = None, others: Collection[Prompt] = ()) -> None:
            if text == "Three.":
                await asyncio.Future[None]()
            await super().tell(text, prompt, others)

    channel, prompt = SlowChannel(), Prompt("Ada", "hello", 0.0)
    notices = Notices(channel, lambda _: None)
    for text in ("One.", "Two.", "Three.", "Four."):
        notices.tell(text, prompt)
    await notices.write_last(0.01)
    assert channel.written == ["One.", "Two."]
    assert [record.getMessage().endswith("in time: 2") for record in caplog.records] == [True]


async def test_an_answer_that_is_just_being_written_when_the_call_ends_is_written_to_its_end() -> None:
    begun, may_end = asyncio.Event(), asyncio.Event()

    class SlowChannel(RecordedChannel):
        async def tell(self, text: str, prompt: Prompt | None = None, others: Collection[Prompt] = ()) -> None:
            begun.set()
            await may_end.wait()
            await super().tell(text, prompt, others)

    channel, prompt = SlowChannel(), Prompt("Ada", "hello", 0.0)
    notices = Notices(channel, lambda _: None)
    writing = asyncio.create_task(notices.run())
    notices.tell("One.", prompt)
    await begun.wait()
    notices.keep()
    notices.tell("Two.", prompt)
    writing.cancel()
    await asyncio.gather(writing, return_exceptions=True)
    last = asyncio.create_task(notices.write_last(30))
    await asyncio.sleep(0)
    may_end.set()
    await last
    assert channel.written == ["One.", "Two."]
