"""What can go wrong between us and a model server, in words a Discord user can read."""

from __future__ import annotations

from enum import StrEnum


class ModelErrorKind(StrEnum):
    """Why there is no reply, or no more of it."""

    UNREACHABLE = "unreachable"
    UNAUTHORIZED = "unauthorized"
    NOT_FOUND = "not_found"
    HTTP = "http"
    TOO_LONG = "too_long"
    FIRST_TOKEN_TIMEOUT = "first_token_timeout"  # noqa: S105
    STALLED = "stalled"
    BROKEN = "broken"
    SERVER = "server"
    EMPTY = "empty"


class ModelError(Exception):
    """The model server failed us. ``str(error)`` is one plain sentence for the channel and never holds a key.

    ``status`` is the HTTP status where there was one.
    """

    def __init__(self, kind: ModelErrorKind, text: str, *, status: int | None = None) -> None:
        super().__init__(text)
        self.kind = kind
        self.status = status
