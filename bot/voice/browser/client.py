"""The interface of the socket through which a browser call reaches its client."""

from __future__ import annotations

from typing import Protocol

from bot.voice.browser.server_messages import CloseCode, ServerMessage


class ChatClient(Protocol):
    """A client's socket. Use it on the event loop. No method waits: what is sent is queued, within a bound."""

    def send(self, message: ServerMessage) -> None:
        """Queue a message. After :meth:`close`, it is dropped."""
        ...

    def send_sound(self, pcm: bytes) -> None:
        """Queue sound: 16-bit mono, at the rate that was agreed. After :meth:`close`, it is dropped."""
        ...

    def close(self, code: CloseCode, reason: str) -> None:
        """Close the socket when everything queued has been sent. ``reason`` is in words for people."""
        ...
