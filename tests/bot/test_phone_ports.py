"""A taken port of the telephone is reported at the beginning of the start."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest

from bot.binding import WebBindError
from bot.core_parts import build_core
from bot.database import FILE as DATABASE
from bot.voice.phone.answering import PhoneStartError
from config.settings import Settings

TWILIO: dict[str, Any] = {"phone_public_url": "https://phone.example", "twilio_auth_token": "0123456789abcdef" * 2}


@pytest.mark.usefixtures("clean_environment")
@pytest.mark.parametrize(
    ("kind", "setting", "wanted", "expected"),
    [
        (socket.SOCK_DGRAM, "sip_bind", {}, PhoneStartError),
        (socket.SOCK_STREAM, "phone_bind", TWILIO, WebBindError),
    ],
)
async def test_a_port_that_is_taken_is_reported_before_anything_is_loaded(
    tmp_path: Path, kind: socket.SocketKind, setting: str, wanted: dict[str, Any], expected: type[Exception]
) -> None:
    def loads(what: str, done: float) -> None:
        raise AssertionError(f"{what} is loaded")

    with socket.socket(socket.AF_INET, kind) as other:
        other.bind(("127.0.0.1", 0))
        if kind is socket.SOCK_STREAM:
            other.listen()
        bind = f"127.0.0.1:{other.getsockname()[1]}"
        chosen: dict[str, Any] = {setting: bind, **wanted}
        settings = Settings.read(
            _env_file=None,
            data_dir=tmp_path / "data",
            cache_dir=tmp_path,
            web_bind="127.0.0.1:0",
            **chosen,
        )
        with pytest.raises(expected, match=rf"^{setting.upper()}: can't listen on {bind}: another program listens"):
            async with build_core(settings, [], loads):
                pass
    assert not (tmp_path / "data" / DATABASE).exists(), "nothing was opened"
