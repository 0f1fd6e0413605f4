"""Limits how long a model server may be silent while it answers."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from bot.llm.answer_progress import AnswerProgress


class Pulse:
    """Limits how long a server may be silent. A thought of the model ends a silence too, though it is not passed on.

    Args:
        silence: the longest silence, in seconds; ``None`` for no limit.

    Attributes:
        progress: pass it to the client in place of the ``progress`` that was given.
        felt: whether anything has come.
    """

    def __init__(self, progress: AnswerProgress, silence: float | None) -> None:
        self.progress = replace(progress, came=self._came)
        self.felt = False
        self._told = progress.came
        self._silence = silence
        self._limit = asyncio.timeout(None)

    def limit(self) -> asyncio.Timeout:
        """The limit for the wait for the next part."""
        self._limit = asyncio.timeout(self._silence)
        return self._limit

    def _came(self) -> None:
        self.felt = True
        if self._silence is not None and not self._limit.expired():
            self._limit.reschedule(asyncio.get_running_loop().time() + self._silence)
        self._told()
