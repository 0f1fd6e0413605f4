"""Handle of a prompt: tells how its reply ended, and can interrupt it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from bot.voice.turn import Outcome, Prompt


class Saying:
    """A prompt that waits or is being answered, and the outcome of its reply. Use it only on the event loop.

    Args:
        prompt: the prompt.
        interrupt: called with the prompt to end its reply, or to drop the prompt if it still waits.
    """

    def __init__(self, prompt: Prompt, interrupt: Callable[[Prompt], None]) -> None:
        self.prompt = prompt
        self._interrupt = interrupt
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

    def interrupt(self) -> None:
        """End the reply, or drop the waiting prompt. Does nothing if the reply has ended."""
        if not self._ended.done():
            self._interrupt(self.prompt)

    def end(self, outcome: Outcome) -> None:
        """Set the outcome. Only the conversation calls this."""
        if not self._ended.done():
            self._ended.set_result(outcome)
