"""Something that the bot was asked to say, for who wants to know what becomes of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from bot.voice.turn import Outcome, Prompt


class Saying:
    """A prompt's way from its place in the queue to the end of its reply. Belongs to the event loop.

    Args:
        interrupt: ends the reply, or takes the prompt out of the queue.
    """

    def __init__(self, prompt: Prompt, interrupt: Callable[[Prompt], None]) -> None:
        self.prompt = prompt
        self._interrupt = interrupt
        self._ended: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()

    @property
    def outcome(self) -> Outcome | None:
        """How it ended; ``None`` while it waits or is said.

        What was never begun is :attr:`Outcome.REFUSED` where too many waited, and :attr:`Outcome.DISCARDED` else.
        """
        return self._ended.result() if self._ended.done() else None

    @property
    def played(self) -> Awaitable[Outcome]:
        """Wait until the last of it has been sent, or it has ended otherwise; says how it ended."""
        return asyncio.shield(self._ended)

    def interrupt(self) -> None:
        """Say no more of it; what has ended stays as it is."""
        if not self._ended.done():
            self._interrupt(self.prompt)

    def end(self, outcome: Outcome) -> None:
        """It has ended; for who says it."""
        if not self._ended.done():
            self._ended.set_result(outcome)
