"""The keys that a caller presses while the bot talks with them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

INTERRUPT, REPEAT = "#", "*"
GATHER_SECONDS = 2.0
"""Seconds without another key after which the keys so far are passed on."""
MAX_KEYS = 40
"""Largest number of keys that are passed on together. Further ones are dropped."""


class PressedKeys:
    """Tells what the keys of a caller mean: interrupt, repeat, or digits for the model. Use it on the event loop.

    Args:
        interrupt: called for ``#``.
        repeat: called for ``*``.
        gathered: called with all other keys, once no key has followed for :data:`GATHER_SECONDS`.
    """

    def __init__(
        self, interrupt: Callable[[], object], repeat: Callable[[], None], gathered: Callable[[str], None]
    ) -> None:
        self._interrupt = interrupt
        self._repeat = repeat
        self._gathered = gathered
        self._keys = ""
        self._timer: asyncio.TimerHandle | None = None

    def press(self, key: str) -> None:
        """Take a key."""
        if key == INTERRUPT:
            self._interrupt()
        elif key == REPEAT:
            self._repeat()
        else:
            self._keys = (self._keys + key)[:MAX_KEYS]
            self._cancel_timer()
            self._timer = asyncio.get_running_loop().call_later(GATHER_SECONDS, self._pass_on)

    def close(self) -> None:
        """Forget keys that were not passed on."""
        self._keys = ""
        self._cancel_timer()

    def _pass_on(self) -> None:
        keys, self._keys, self._timer = self._keys, "", None
        self._gathered(keys)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def keys_prompt(keys: str) -> str:
    """The text with which the model is told of pressed keys."""
    return f"I pressed {' '.join(keys)} on the phone's keys."
