"""Tests of the log: an unreachable server gives one line, but errors of the program keep their tracebacks."""

from __future__ import annotations

import io
import logging
import socket

import aiohttp
import discord
import pytest
from discord.client import Client

from bot.watching.log import ConnectionErrorFilter


def logged(message: str, arguments: tuple[object, ...], error: Exception) -> str:
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.addFilter(ConnectionErrorFilter())
    log = logging.Logger("test")
    log.addHandler(handler)
    try:
        raise error
    except Exception:
        log.exception(message, *arguments)
    return written.getvalue()


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ConnectionRefusedError(111, "Connection refused"), "nothing listens there"),
        (socket.gaierror(-3, "Temporary failure in name resolution"), "its name is not known"),
        (TimeoutError(), "it does not answer"),
        (aiohttp.ServerDisconnectedError(), "it hung up"),
        (discord.GatewayNotFound(), "it does not say where its gateway is"),  # type: ignore[no-untyped-call]
    ],
)
def test_an_attempt_to_reconnect_gives_one_line(error: Exception, reason: str) -> None:
    said = logged("Attempting a reconnect in %.2fs", (6.4,), error)
    assert said.startswith("Discord can't be reached: ")
    assert reason in said
    assert said.endswith("; trying again in 6 s\n")
    assert said.count("\n") == 1


def test_the_discord_library_still_logs_attempts_to_reconnect_in_these_words() -> None:
    assert "Attempting a reconnect in %.2fs" in Client.connect.__code__.co_consts


def test_a_task_whose_server_hangs_up_logs_one_line() -> None:
    said = logged("%s failed; 5 %% done", ("feeds",), ConnectionResetError(104, "Connection reset by peer"))
    assert said == "feeds failed; 5 % done: it hung up\n"


def test_a_lost_call_gives_one_line_as_well() -> None:
    class Socket:
        close_code = 1006

    closed = discord.ConnectionClosed(Socket(), shard_id=None)  # type: ignore[arg-type]
    said = logged("Disconnected from voice... Reconnecting in %.2fs.", (0.91,), closed)
    assert said == "Disconnected from voice... Reconnecting in 0.91s: it closed the connection (code 1006)\n"


def test_a_fault_of_the_program_keeps_its_traceback() -> None:
    assert "Traceback" in logged("%s failed", ("it",), KeyError("x"))
