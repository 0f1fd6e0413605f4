"""Tool calls that outlive the answer in which the model made them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence

from bot.llm.messages import ChatMessage
from bot.llm.templates import without_control_marks
from bot.llm.tool_calls import ToolCall
from config.tasks import end_tasks

TOO_MANY = "This call was not run: there were too many calls in this turn already."
TOO_LATE = "This call was ended: the tools of this turn have taken too long already."

StartedCall = tuple[ToolCall, asyncio.Task[str] | None]
"""A call and the task of its tool. A call that is not run has no task."""


class LateCalls:
    """Calls whose tools still run although their answer is over. Use it only on the event loop.

    Whoever takes them over must finally call :meth:`end`; otherwise the tools run on without an owner.

    Args:
        earlier: the messages of this turn's earlier calls, with their results, and then the message that makes
            ``calls``.
        calls: the calls of that message. At least one of their tools still runs.
    """

    def __init__(self, earlier: Sequence[ChatMessage], calls: Sequence[StartedCall]) -> None:
        self._earlier = tuple(earlier)
        self._calls = tuple(calls)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the tools that still run."""
        return tuple(call.name for call, task in self._calls if task is not None and not task.done())

    async def messages(self, time_up: Awaitable[None]) -> tuple[ChatMessage, ...]:
        """Wait for the tools, and return all calls and results of the turn: the messages after the person's words.

        Args:
            time_up: returns when the tools have had enough time. Those that still run are ended then.
        """
        tasks = tasks_of(self._calls)
        limit = asyncio.ensure_future(time_up)
        try:
            while not limit.done() and (waiting := {task for task in tasks if not task.done()}):
                await asyncio.wait({*waiting, limit}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await end_tasks(limit)
        await end_tasks(*tasks)
        return (*self._earlier, *results_of(self._calls))

    def cancel(self) -> None:
        """Cancel the tools, without waiting for their ends."""
        for task in tasks_of(self._calls):
            task.cancel()

    async def end(self) -> None:
        """Cancel the tools that still run, and wait for their ends."""
        await end_tasks(*tasks_of(self._calls))


TakeLate = Callable[[LateCalls], bool]
"""Takes over calls whose answer has to end now. Returns False if they are not taken."""


def take_none(_: LateCalls) -> bool:
    """Take over no calls."""
    return False


def tasks_of(calls: Iterable[StartedCall]) -> list[asyncio.Task[str]]:
    """The tasks of those calls that were run, whether they have ended or not."""
    return [task for _, task in calls if task is not None]


def results_of(calls: Iterable[StartedCall]) -> list[ChatMessage]:
    """The results of calls whose tools have all ended, as messages for the model."""
    return [ChatMessage("tool", without_control_marks(_result_of(task)), answers=call.id) for call, task in calls]


def _result_of(task: asyncio.Task[str] | None) -> str:
    if task is None:
        return TOO_MANY
    return TOO_LATE if task.cancelled() else task.result()
