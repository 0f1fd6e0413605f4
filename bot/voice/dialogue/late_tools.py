"""Tools that outlive their reply: they run on, and what they find is told as a turn of its own."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from typing import Any

from bot.llm.late_calls import LateCalls
from bot.voice.dialogue.tool_wait import Sleep
from bot.voice.prompt_handles import PromptHandle
from bot.voice.turn import Outcome, Prompt

_log = logging.getLogger(__name__)

MAX_LATE = 2
"""Largest number of replies of a call whose tools outlive them at the same time.

A further reply waits for its tools, for as long as a turn may take. Then its tools are ended.
"""
LATE_SECONDS = 300.0
"""Seconds that the tools may run after their reply has ended."""


@dataclass(slots=True, eq=False)
class _Late:
    """The late tools of one reply."""

    reply: str
    prompt: Prompt
    calls: LateCalls
    dropped: bool = False


class LateTools:
    """The late tools of a call. Use it only on the event loop.

    Args:
        tell: queues a prompt that tells results to the person who asked. It is answered when the floor is free.
        present: whether a person (user id) is in the call.
        start: starts a task, which ends with the call.
        sleep: waits for some seconds.
        clock: returns monotonic seconds.
    """

    def __init__(
        self,
        tell: Callable[[Prompt], PromptHandle],
        present: Callable[[int], bool],
        start: Callable[[Coroutine[Any, Any, None], str], asyncio.Task[None]],
        sleep: Sleep,
        clock: Callable[[], float],
    ) -> None:
        self._tell = tell
        self._present = present
        self._start = start
        self._sleep = sleep
        self._clock = clock
        self._running: list[_Late] = []

    def __len__(self) -> int:
        """Number of replies whose tools run on."""
        return len(self._running)

    def take(self, reply: str, prompt: Prompt, calls: LateCalls) -> bool:
        """Take over the tools of a reply to ``prompt``. Returns False if too many run on already."""
        if len(self._running) >= MAX_LATE:
            return False
        late = _Late(reply, prompt, calls)
        self._running.append(late)
        task = self._start(self._wait(late), f"late tools of {reply}")
        # A task that is cancelled before it has begun does not end the tools itself.
        task.add_done_callback(lambda _: self._over(late))
        _log.info("Reply %s ends before its tools do: %s", reply, ", ".join(calls.names))
        return True

    def drop(self, which: Callable[[str, Prompt], bool] = lambda reply, prompt: True) -> None:
        """End the late tools of those replies for which ``which`` returns True. Their results are not told."""
        for late in (*self._running,):
            if which(late.reply, late.prompt):
                late.dropped = True
                late.calls.cancel()
                self._running.remove(late)

    def give_up(self) -> tuple[Prompt, ...]:
        """End all late tools. Returns the prompts whose results are not told."""
        prompts = tuple(late.prompt for late in self._running)
        self.drop()
        return prompts

    async def _wait(self, late: _Late) -> None:
        person = late.prompt.person
        # A person who writes to a call without being in it gets the results too.
        in_call = person is not None and self._present(person)
        try:
            results = await late.calls.messages(self._sleep(LATE_SECONDS))
        finally:
            await late.calls.end()
        self._over(late)
        if late.dropped:
            return
        handle = self._tell(
            replace(late.prompt, at=self._clock(), spoken=None, results=results, only_if_present=in_call)
        )
        outcome = await handle.played
        if outcome in (Outcome.DISCARDED, Outcome.REFUSED):
            _log.info("The late results of reply %s were not told: %s", late.reply, outcome)

    def _over(self, late: _Late) -> None:
        late.calls.cancel()
        if late in self._running:
            self._running.remove(late)
