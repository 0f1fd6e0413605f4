"""Handles of prompts: a handle tells how the reply to its prompt ended, and can interrupt that reply."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from bot.voice.turn import Outcome, Prompt


class PromptHandle:
    """The handle of a prompt that waits or is being answered. Use it only on the event loop.

    Args:
        prompt: the prompt.
        interrupt: called with the prompt to end its reply, or to drop the prompt if it still waits.
    """

    def __init__(self, prompt: Prompt, interrupt: Callable[[Prompt], None]) -> None:
        self.prompt = prompt
        self._interrupt = interrupt
        self._waits = True
        self._when_taken: list[Callable[[], object]] = []
        self._ended: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()

    @property
    def outcome(self) -> Outcome | None:
        """How the reply ended; ``None`` while the prompt waits or the reply is being spoken.

        If no reply was begun, the outcome is :attr:`Outcome.REFUSED` if too many prompts waited, and
        :attr:`Outcome.DISCARDED` otherwise.
        """
        return self._ended.result() if self._ended.done() else None

    @property
    def played(self) -> Awaitable[Outcome]:
        """Awaitable that returns the outcome when the reply has been spoken or has ended for another reason."""
        return asyncio.shield(self._ended)

    @property
    def waits(self) -> bool:
        """Whether no reply to the prompt was begun yet, but one may come."""
        return self._waits

    def when_taken(self, tell: Callable[[], object]) -> None:
        """Call ``tell`` when the prompt, which waits now, waits no longer: its reply begins, or it gets none."""
        self._when_taken.append(tell)

    def interrupt(self) -> None:
        """End the reply, or drop the waiting prompt. Does nothing if the reply has ended."""
        if not self._ended.done():
            self._interrupt(self.prompt)

    def take(self) -> None:
        """Note that the prompt waits no longer. Only :class:`PromptHandles` calls this."""
        self._waits = False
        while self._when_taken:
            self._when_taken.pop()()

    def end(self, outcome: Outcome) -> None:
        """Set the outcome. Only :class:`PromptHandles` calls this."""
        self.take()
        if not self._ended.done():
            self._ended.set_result(outcome)


class PromptHandles:
    """The handles of all prompts that wait or are being answered. Use it only on the event loop.

    Args:
        interrupt: called with a prompt to end its reply, or to drop the prompt if it still waits.

    Attributes:
        closed: whether new prompts are discarded at once.
    """

    def __init__(self, interrupt: Callable[[Prompt], None]) -> None:
        self._interrupt = interrupt
        self._open: list[PromptHandle] = []
        self._current: tuple[str, PromptHandle] | None = None
        self.closed = False

    def add(self, prompt: Prompt) -> PromptHandle:
        """Make the handle of a new prompt. After :meth:`close`, the prompt is discarded at once."""
        handle = PromptHandle(prompt, self._interrupt)
        self._open.append(handle)
        if self.closed:
            self._end(handle, Outcome.DISCARDED)
        return handle

    def begin(self, reply: str, prompt: Prompt) -> None:
        """Note that ``reply`` answers ``prompt``."""
        handle = self._of(prompt)
        self._current = None if handle is None else (reply, handle)
        if handle is not None:
            handle.take()

    def end_reply(self, reply: str, outcome: Outcome) -> None:
        """Set the outcome of the prompt that ``reply`` has answered."""
        if self._current is not None and self._current[0] == reply:
            self._end(self._current[1], outcome)

    def end_unspoken(self, prompt: Prompt, outcome: Outcome) -> None:
        """Set the outcome of a prompt that gets no reply."""
        if (handle := self._of(prompt)) is not None:
            self._end(handle, outcome)

    def close(self) -> None:
        """Discard all prompts that wait or are being answered."""
        self.closed = True
        for handle in (*self._open,):
            self._end(handle, Outcome.DISCARDED)

    def _of(self, prompt: Prompt) -> PromptHandle | None:
        return next((handle for handle in self._open if handle.prompt is prompt), None)

    def _end(self, handle: PromptHandle, outcome: Outcome) -> None:
        if handle in self._open:
            self._open.remove(handle)
            handle.end(outcome)
