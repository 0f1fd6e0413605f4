"""The typed texts of a browser call that wait for their answers."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from bot.voice.browser.server_messages import ServerMessage, Waiting
from bot.voice.prompt_handles import PromptHandle

MAX_SHOWN = 50
"""Largest number of texts that the client is told of."""


class WaitingTexts:
    """Tells the client which of its typed texts wait, by the ids that the client has given them.

    A text without an id is left out, so a client that gives none is told nothing. Use it only on the event loop.

    Args:
        send: sends a message to the client.
    """

    def __init__(self, send: Callable[[ServerMessage], None]) -> None:
        self._send = send
        self._texts: dict[str, None] = {}

    def add(self, text: str | None) -> None:
        """Show that a text waits, until :meth:`follow` is called for it."""
        if text is not None and len(self._texts) < MAX_SHOWN:
            self._texts[text] = None
            self._show()

    def follow(self, text: str | None, prompt: PromptHandle | None) -> None:
        """Show that a text waits for as long as its prompt does. If it has no prompt, it waits no longer.

        The client is told in any case, so that it knows that the text has come.
        """
        if text is None:
            return
        if prompt is None or not prompt.waits:
            self._remove(text)
        else:
            self.add(text)
            prompt.when_taken(partial(self._remove, text))

    def _remove(self, text: str) -> None:
        self._texts.pop(text, None)
        self._show()

    def _show(self) -> None:
        self._send(Waiting(tuple(self._texts)))
