"""What is written in the prompt channel while a call is on, and what becomes of it when the call ends."""

from __future__ import annotations

import asyncio
import gc
import warnings

import pytest

from bot.voice.events import CallEvent, NoticePosted
from bot.voice.notices import Notices
from bot.voice.turn import Prompt


class Board:
    """A prompt channel that keeps what is written; ``broken`` takes nothing."""

    id = 0

    def __init__(self, *, broken: bool = False) -> None:
        self.written: list[str] = []
        self._broken = broken

    async def acknowledge(self, prompt: Prompt) -> None:
        self.written.append(f"seen: {prompt.text}")

    async def tell(self, text: str, prompt: Prompt | None = None) -> None:
        if self._broken:
            raise ConnectionError("away")
        self.written.append(text)


async def test_what_waits_when_nobody_writes_is_dropped_without_a_warning() -> None:
    board = Board()
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        before = Notices(board, lambda _: None)
        before.tell("Too early.")
        before.acknowledge(Prompt("Ada", "hello", 0.0))
        del before
        after = Notices(board, lambda _: None)
        writing = asyncio.create_task(after.run())
        await asyncio.sleep(0)
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
        after.tell("Too late.")
        after.acknowledge(Prompt("Ada", "hello", 0.0))
        del after
        gc.collect()
    assert [str(warning.message) for warning in warned] == []
    assert board.written == []


async def test_notices_are_written_in_their_order() -> None:
    board = Board()
    notices = Notices(board, lambda _: None)
    writing = asyncio.create_task(notices.run())
    notices.tell("One.")
    notices.acknowledge(Prompt("Ada", "two", 0.0))
    notices.tell("Three.")
    async with asyncio.timeout(5):
        while len(board.written) < 3:
            await asyncio.sleep(0)
    writing.cancel()
    await asyncio.gather(writing, return_exceptions=True)
    assert board.written == ["One.", "seen: two", "Three."]


async def test_what_could_not_be_announced_is_no_event() -> None:
    events: list[CallEvent] = []
    with pytest.raises(ConnectionError):
        await Notices(Board(broken=True), events.append).announce("Hear, hear!")
    assert events == []
    await Notices(Board(), events.append).announce("Hear, hear!")
    assert events == [NoticePosted("Hear, hear!")]
