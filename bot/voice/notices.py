"""Notices: lines about the call that are written into the prompt channel in order, in the background."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Iterator
from dataclasses import dataclass
from functools import partial

from bot.voice.events import NoticePosted, Watcher
from bot.voice.transport import PromptChannel
from bot.voice.turn import Prompt

_log = logging.getLogger(__name__)

MAX_WAITING = 100
"""Maximum number of notices that wait to be written. Discord lets a bot write about one a second."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A notice or an acknowledgement that waits to be written.

    Attributes:
        answers: whether it is the answer to a prompt. The author of the prompt has to get it even after the call.
        person: user id of the only person whom it answers; ``None`` if it answers nobody, several people, or somebody
            whose id is not known.
    """

    write: Callable[[], Awaitable[None]]
    answers: bool
    person: int | None


class Notices:
    """A queue of notices. :meth:`run` writes them during the whole call, and :meth:`write_last` the last ones. Use it
    only on the event loop.

    While too many wait, new ones are dropped, and the log says so.

    Args:
        channel: the prompt channel, where the notices are written.
        watch: receives an event for each notice.
    """

    def __init__(self, channel: PromptChannel, watch: Watcher) -> None:
        self._channel = channel
        self._watch = watch
        # The queue has functions, not coroutines, because Python warns about coroutines that are never awaited.
        self._waiting: asyncio.Queue[_Waiting] = asyncio.Queue(MAX_WAITING)
        self._last: list[_Waiting] | None = None
        self._writing: asyncio.Task[None] | None = None
        self._full = False

    def tell(self, text: str, prompt: Prompt | None = None, others: Collection[Prompt] = ()) -> None:
        """Queue a notice, as an answer to ``prompt`` if there is one, and to the authors of ``others``."""
        person = None if prompt is None or others else prompt.person
        if self._queue(partial(self._channel.tell, text, prompt, others), answers=prompt is not None, person=person):
            self._watch(NoticePosted(text))

    async def announce(self, text: str) -> None:
        """Write a notice at once. Returns when people can read it. Errors of the channel are raised."""
        await self._channel.tell(text)
        self._watch(NoticePosted(text))

    def acknowledge(self, prompt: Prompt) -> None:
        """Queue an acknowledgement, which shows the author of a prompt that the bot has accepted it."""
        self._queue(partial(self._channel.acknowledge, prompt))

    def forget(self, person: int) -> None:
        """Drop the answers to a person that still wait: they may quote what the person has said or written."""
        if self._last is not None:
            self._last = [each for each in self._last if each.person != person]
        for each in [each for each in self._take_all() if each.person != person]:
            self._waiting.put_nowait(each)

    def _queue(self, write: Callable[[], Awaitable[None]], *, answers: bool = False, person: int | None = None) -> bool:
        """Queue a function that writes, perhaps an answer. Returns False if it was dropped."""
        waiting = _Waiting(write, answers, person)
        if self._last is not None:
            self._last.append(waiting)
            return True
        if self._waiting.full():
            if not self._full:
                _log.warning("%d notices wait to be written, so new ones are dropped", MAX_WAITING)
            self._full = True
            return False
        self._full = False
        self._waiting.put_nowait(waiting)
        return True

    async def wait_written(self) -> None:
        """Wait until :meth:`run` has written all notices that are queued now."""
        await self._waiting.join()

    async def run(self) -> None:
        """Write queued notices until cancelled. Errors are logged."""
        while True:
            waiting = await self._waiting.get()
            self._writing = asyncio.create_task(self._write(waiting), name="notice")
            try:
                await asyncio.shield(self._writing)
            finally:
                self._waiting.task_done()

    def keep(self) -> None:
        """Write nothing more before :meth:`write_last`: the call is ending, and with it :meth:`run`."""
        self._last = [*self._take_all()]

    async def write_last(self, limit: float) -> None:
        """After :meth:`run`, write the waiting answers to prompts, within ``limit`` seconds.

        All other notices are about a call that is over, so they are dropped.
        """
        left = [each for each in (*(self._last or ()), *self._take_all()) if each.answers]
        writing, self._last = self._writing, None
        try:
            async with asyncio.timeout(limit):
                if writing is not None:
                    await writing
                while left:
                    await self._write(left[0])
                    del left[0]
        except TimeoutError:
            if left:
                _log.warning("The call is over, and so many answers could not be written in time: %d", len(left))

    def _take_all(self) -> Iterator[_Waiting]:
        while not self._waiting.empty():
            yield self._waiting.get_nowait()
            self._waiting.task_done()

    @staticmethod
    async def _write(waiting: _Waiting) -> None:
        try:
            await waiting.write()
        except Exception:
            _log.exception("Could not write in the prompt channel")
