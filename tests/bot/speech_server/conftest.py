"""Fixtures: the client of the speech server waits longer than usual, for the sake of busy machines."""

from __future__ import annotations

import pytest

from bot.speech_server import client, connecting


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for the server's answers even on a machine that stands still for seconds."""
    for module, limit in ((client, "STATUS_LIMIT"), (client, "CONNECT_LIMIT"), (connecting, "OPEN_LIMIT")):
        monkeypatch.setattr(module, limit, 60.0)
