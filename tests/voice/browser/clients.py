"""Stands in for the socket of a browser: it keeps in memory what the transport sends."""

from __future__ import annotations

from typing import TypeVar

from bot.voice.browser.server_messages import CloseCode, ServerMessage

M = TypeVar("M", bound=ServerMessage)


class MemoryClient:
    """A ``ChatClient`` that keeps what it gets, in order."""

    def __init__(self) -> None:
        self.got: list[ServerMessage | bytes] = []
        self.closed: CloseCode | None = None

    def send(self, message: ServerMessage) -> None:
        self.got.append(message)

    def send_sound(self, pcm: bytes) -> None:
        self.got.append(pcm)

    def close(self, code: CloseCode, reason: str) -> None:
        self.closed = code

    def all(self, kind: type[M]) -> list[M]:
        return [each for each in self.got if isinstance(each, kind)]

    @property
    def sound(self) -> bytes:
        return b"".join(each for each in self.got if isinstance(each, bytes))
