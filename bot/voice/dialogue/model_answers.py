"""The language model's answers to a call's prompts, as events for the state machine."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

from bot.llm.answer_progress import AnswerProgress
from bot.llm.errors import ModelError, ModelErrorKind
from bot.llm.history import Turn
from bot.llm.late_calls import LateCalls
from bot.llm.spoken_lines import WaitLength
from bot.voice.dialogue import events
from bot.voice.dialogue.late_tools import LateTools
from bot.voice.dialogue.measured_replies import MeasuredReplies
from bot.voice.dialogue.tool_wait import Sleep, ToolWait
from bot.voice.ports import Responder
from bot.voice.turn import Prompt

_log = logging.getLogger(__name__)


class ModelAnswers:
    """Asks the language model for the answer of each reply, one after the other. Use it only on the event loop.

    An answer that calls tools waits for them. If they take long, a remark is spoken. If they take too long, the answer
    ends without them.

    Args:
        responder: the language model.
        late_tools: takes over the tools that outlive their reply.
        measured: measures the current reply.
        current: returns the id of the current reply, if there is one.
        position: returns how many samples of the current reply were heard.
        remark: returns what is said while tools take this long.
        handle: passes an event to the state machine.
        start: starts a task, which ends with the call.
        when_limited: called once, when people are told that today's limit keeps the model from answering.
        sleep: waits for some seconds.

    Attributes:
        limited: whether today's limit has kept the model from the newest answer.
    """

    def __init__(
        self,
        responder: Responder,
        late_tools: LateTools,
        measured: MeasuredReplies,
        *,
        current: Callable[[], str | None],
        position: Callable[[], int],
        remark: Callable[[WaitLength], str],
        handle: Callable[[events.Event], None],
        start: Callable[[Coroutine[Any, Any, None], str], asyncio.Task[None]],
        when_limited: Callable[[], object],
        sleep: Sleep,
    ) -> None:
        self._responder = responder
        self._late_tools = late_tools
        self._measured = measured
        self._current = current
        self._position = position
        self._remark = remark
        self._handle = handle
        self._start = start
        self._when_limited = when_limited
        self._sleep = sleep
        self.limited = False
        self._committed = asyncio.Event()
        self._asking: asyncio.Task[None] | None = None
        self._reading_ahead: asyncio.Task[None] | None = None
        self._limit_told = False

    def warm_up(self) -> None:
        """Warm the model up for the next answer."""
        self._start(self._responder.warm_up(), "warm-up")

    def read_ahead(self, speaker: str, words: str, person: int | None) -> None:
        """Have the model process the words so far of a speaker, unless it still processes earlier words."""
        if self._reading_ahead is None or self._reading_ahead.done():
            self._reading_ahead = self._start(self._responder.read_ahead(speaker, words, person), "reading ahead")

    def begin(self) -> None:
        """Begin a reply, which is speculative until :meth:`commit`."""
        self._committed = asyncio.Event()

    def commit(self) -> None:
        """Note that the current reply is wanted. Its tools may begin now."""
        self._committed.set()

    def ask(self, reply: str, prompt: Prompt, progress: AnswerProgress) -> None:
        """Ask for the answer of a reply.

        Args:
            progress: the functions that the responder calls while it makes the answer. Those for the loading of the
                model and for tools are added here.
        """
        self._asking = self._start(self._ask(reply, prompt, progress), f"model {reply}")

    def close(self) -> None:
        """End the model's stream, and the tools that the answer waits for."""
        if self._asking is not None:
            self._asking.cancel()

    def end(self) -> None:
        """Note that the reply is over."""
        self._asking = None

    async def _ask(self, reply: str, prompt: Prompt, progress: AnswerProgress) -> None:
        wait = ToolWait(
            self._committed,
            lambda first: self._say_that_it_takes_long(reply, first=first),
            lambda work: self._start(work, f"wait for the tools of {reply}"),
            self._sleep,
        )

        def tools(running: bool) -> None:
            if running:
                self._handle(events.ToolsBegan(reply))
            wait.tools(running)

        answer = self._responder.answer(
            replace(Turn.of_person(prompt.author, prompt.text, prompt.person), results=prompt.results),
            replace(
                progress,
                loading=lambda: self._handle(events.ModelLoading(reply)),
                tools=tools,
                before_tools=wait.may_begin,
                take_late=lambda calls: self._take_late(reply, prompt, calls),
            ),
        )
        try:
            async for text in answer:
                wait.end()
                self._measured.note_text(reply)
                self._handle(events.TokenCame(reply, text))
            self.limited = False
            self._handle(events.ModelDone(reply))
        except ModelError as error:
            _log.warning("Reply %s: %s", reply, error)
            timed_out = error.kind in (ModelErrorKind.FIRST_TOKEN_TIMEOUT, ModelErrorKind.STALLED)
            self._handle(events.ModelFailed(reply, self._fault(error, prompt), timed_out))
        finally:
            wait.end()
            await answer.aclose()

    def _fault(self, error: ModelError, prompt: Prompt) -> str:
        """What people are told of a failed answer. A person who speaks is told only once in a call that today's limit
        is reached."""
        self.limited = error.kind is ModelErrorKind.LIMIT
        known = self.limited and self._limit_told and prompt.spoken is not None
        if self.limited and not self._limit_told:
            self._limit_told = True
            self._when_limited()
        return "" if known else f"❌ {error}"

    def _say_that_it_takes_long(self, reply: str, *, first: bool) -> None:
        if reply == self._current():
            line = self._remark(WaitLength.SOON if first else WaitLength.LATER)
            self._handle(events.ToolsTakeLong(reply, line, self._position(), first))

    def _take_late(self, reply: str, prompt: Prompt, calls: LateCalls) -> bool:
        """Have the tools of a reply run on without it, and say so. Returns False if that is not possible."""
        if reply != self._current() or not self._late_tools.take(reply, prompt, calls):
            return False
        self._handle(events.ToolsLate(reply, self._remark(WaitLength.LATE)))
        return True
