"""Redirects of servers that the settings name: none is followed, so what people say reaches only known hosts."""

from __future__ import annotations

from typing_extensions import override
from websockets.asyncio.client import connect


def is_redirect(status: int) -> bool:
    """Whether an HTTP status redirects the bot elsewhere."""
    return 300 <= status < 400


class DirectConnect(connect):
    """Opens a WebSocket and follows no redirect.

    Raises:
        InvalidStatus: the server answers with an HTTP status that opens no WebSocket, such as that of a redirect.
    """

    @override
    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc
