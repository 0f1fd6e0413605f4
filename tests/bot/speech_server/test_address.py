"""Tests of the speech server's address and token."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from bot.speech_server.address import ServerAddress


@pytest.mark.parametrize(
    ("websocket", "health", "place"),
    [
        ("ws://127.0.0.1:8765/ws/stream", "http://127.0.0.1:8765/health", "127.0.0.1:8765"),
        ("wss://voice.example/ws/stream?model=x", "https://voice.example/health", "voice.example:443"),
    ],
)
def test_all_requests_go_to_the_host_of_the_websocket(websocket: str, health: str, place: str) -> None:
    address = ServerAddress(websocket)
    assert str(address.http("/health")) == health
    assert address.place == place
    assert address.headers == {}


def test_the_token_is_sent_with_every_request_and_never_logged() -> None:
    address = ServerAddress("ws://127.0.0.1:8765/ws/stream", SecretStr("a-shared-secret"))
    assert address.headers == {"Authorization": "Bearer a-shared-secret"}
    assert "a-shared-secret" not in repr(address)
