"""The sizes of the pieces in which aiohttp's server reads what clients send."""

from __future__ import annotations

import pytest
from aiohttp.web_protocol import RequestHandler


def noted_read_sizes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A list that grows: the number of bytes of each piece that is read from now on."""
    sizes: list[int] = []
    take = RequestHandler.data_received

    def note(handler: RequestHandler, data: bytes) -> None:
        sizes.append(len(data))
        take(handler, data)

    monkeypatch.setattr(RequestHandler, "data_received", note)
    return sizes
