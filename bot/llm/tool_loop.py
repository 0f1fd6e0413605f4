"""The loop of an answer with tools: asks the model, runs the tools that it calls, and asks again with their results."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from types import TracebackType
from typing import Protocol, Self

from bot.llm.answer import AnswerPart, TextDelta
from bot.llm.answer_progress import NOT_WATCHED, AnswerProgress
from bot.llm.errors import ModelError, ModelErrorKind
from bot.llm.late_calls import LateCalls, StartedCall, TakeLate, results_of, tasks_of
from bot.llm.messages import ChatMessage
from bot.llm.tool_calls import ToolCall
from bot.llm.tools import ToolDescription, TurnTools
from config.tasks import end_tasks

_log = logging.getLogger(__name__)

MAX_ROUNDS = 5
"""Maximum number of times that the model is asked for one answer. The last time, it is offered no tools, so that it
answers. A search, one or two pages and a second search fit in. People have to wait longer with each round."""
MAX_CALLS = 10
"""Maximum number of calls that are run in one turn. Further calls are not run, and the model is told so. It can make
them in the next turn."""
MAX_SECONDS = 75.0
"""Seconds from the first call of a turn after which running tools are ended, and the model has to answer. A person who
is asked for consent has 30 s to answer, and a tool has 30 s too."""
LATE_AFTER = 20.0
"""Seconds after which the answer does not wait for the tools of a round any longer, if ``take_late`` takes them over.
The bot's own tools end within 15 s, mostly, and whoever talks does not want to wait longer."""
FAILED = "The tool failed because of a mistake in its program."


class StreamReply(Protocol):
    """Asks the model for one reply, like :meth:`~bot.llm.client.ModelClient.stream`."""

    def __call__(
        self, messages: Sequence[ChatMessage], tools: Sequence[ToolDescription], /
    ) -> AsyncGenerator[AnswerPart, None]:
        """Stream the reply to the messages. Without ``tools`` it has no calls."""
        ...


async def answer_with_tools(
    ask: StreamReply,
    messages: Sequence[ChatMessage],
    tools: TurnTools,
    *,
    progress: AnswerProgress = NOT_WATCHED,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> AsyncGenerator[TextDelta, None]:
    """Stream the text of an answer for which the model may call tools.

    A tool is started as soon as its call is complete. When all calls of a round have results, the model is asked again.
    Closing the generator, or cancelling the task that reads it, also ends the model's stream and all tools, and waits
    for their end.

    Args:
        progress: its functions are called: ``tools`` at the first call of each round and when all results are there,
            ``before_tools`` before each tool runs, and ``take_late`` if tools still run after :data:`LATE_AFTER`
            seconds. If ``take_late`` takes the tools, the answer ends. ``mood`` is called for the mood that the
            answer's head names.
        sleep: waits for some seconds; :data:`MAX_SECONDS` and :data:`LATE_AFTER` are measured with it.

    Raises:
        ModelError: there is no answer, or it broke off.
    """
    told, said, empty = tuple(messages), "", False
    async with _RunningTools(tools, progress.before_tools, sleep) as running:
        for number in range(MAX_ROUNDS):
            offered = () if empty or running.at_limit or number == MAX_ROUNDS - 1 else tuple(tools.descriptions)
            text, calls = "", list[ToolCall]()
            try:
                async with aclosing(ask(told, offered)) as parts:
                    async for part in parts:
                        if isinstance(part, ToolCall):
                            if not calls:
                                progress.tools(True)
                            calls.append(part)
                            running.start(part)
                            continue
                        if part.retracts:
                            said = text = ""
                            progress.mood(None)
                        elif not text and part.text.strip():
                            if part.mood is not None and not said.strip():
                                progress.mood(part.mood)
                            part = _parted(said, part)
                        said, text = said + part.text, text + part.text
                        yield part
            except ModelError as error:
                if error.kind is not ModelErrorKind.EMPTY or calls:
                    raise
                if said.strip():
                    # The model has said everything before it called a tool.
                    return
                if not offered:
                    raise
                _log.warning("The model gave no answer when it could have called a tool; it is asked without tools")
                empty = True
                continue
            if not calls:
                return
            told = (*told, ChatMessage("assistant", text.strip(), tuple(calls)))
            if not await running.in_time() and running.hand_over(progress.take_late, told[len(messages) :]):
                return
            results = await running.results()
            progress.tools(False)
            told = (*told, *results)


def _parted(said: str, part: TextDelta) -> TextDelta:
    """The first words after a tool's results, on a new line unless white space parts them from ``said`` already."""
    together = not said or said[-1].isspace() or part.text[0].isspace()
    return part if together else TextDelta("\n" + part.text)


class _RunningTools:
    """The tool calls of one turn. It is a context manager: all tools have ended when it is left."""

    def __init__(
        self,
        tools: TurnTools,
        before: Callable[[], Awaitable[None]],
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self._tools = tools
        self._before = before
        self._sleep = sleep
        self._limit: asyncio.Task[None] | None = None
        self._patience: asyncio.Task[None] | None = None
        self._round: list[StartedCall] = []
        """The calls since the last results."""
        self._started = 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        timers = [timer for timer in (self._limit, self._patience) if timer is not None]
        await end_tasks(*tasks_of(self._round), *timers)

    @property
    def at_limit(self) -> bool:
        """Whether no further tool may run in this turn."""
        return self._started >= MAX_CALLS or (self._limit is not None and self._limit.done())

    def start(self, call: ToolCall) -> None:
        """Start the tool of a call, unless a limit is reached."""
        if self._limit is None:
            self._limit = asyncio.create_task(self._wait(MAX_SECONDS), name="limit of a turn's tools")
        if self._patience is None:
            self._patience = asyncio.create_task(self._wait(LATE_AFTER), name="patience with a round of tools")
        task = None
        if not self.at_limit:
            self._started += 1
            task = asyncio.create_task(self._run(call), name=f"tool {call.name}")
        self._round.append((call, task))

    async def in_time(self) -> bool:
        """Wait for the tools of this round. Returns False if one still runs after :data:`LATE_AFTER` seconds."""
        return await self._ended(self._patience)

    def hand_over(self, take_late: TakeLate, earlier: Sequence[ChatMessage]) -> bool:
        """Offer the tools of this round to ``take_late``. Returns whether it takes them; if it does, they run on."""
        taken = take_late(LateCalls(earlier, self._round))
        if taken:
            self._round.clear()
        return taken

    async def results(self) -> list[ChatMessage]:
        """Wait for the calls of this round, and return their results in order."""
        await self._ended()
        await end_tasks(*tasks_of(self._round), *([self._patience] if self._patience is not None else []))
        results = results_of(self._round)
        self._round.clear()
        self._patience = None
        return results

    async def _ended(self, until: asyncio.Task[None] | None = None) -> bool:
        """Wait for the tools of this round, the limit of the turn, or ``until``. Returns whether all tools ended."""
        timers = {timer for timer in (self._limit, until) if timer is not None}
        tasks = tasks_of(self._round)
        while waiting := {task for task in tasks if not task.done()}:
            if any(timer.done() for timer in timers):
                return False
            await asyncio.wait({*waiting, *timers}, return_when=asyncio.FIRST_COMPLETED)
        return True

    async def _run(self, call: ToolCall) -> str:
        try:
            await self._before()
            return await self._tools.run(call)
        except Exception:
            # A mistake in a tool must not end the answer.
            _log.exception("The tool %s failed", call.name)
            return FAILED

    async def _wait(self, seconds: float) -> None:
        # The tools of a speculative reply begin only when it is committed, so the time is counted from then on.
        await self._before()
        await self._sleep(seconds)
