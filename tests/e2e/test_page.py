"""Tests of ``python -m bot talk``, which serves the page without Discord, and of the page of a bot on Discord."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from sandbox.server import Sandbox
from tests.e2e.program import SAID_LIMIT, VOICE, logged_program, output, program, read_until
from tests.timing import wait_until
from tests.watching.event_schema import checked

PAGE = "Page: "
SECRET = "correct horse"


async def page_of(process: Any) -> str:
    """The page's address, from its line on the output."""
    said = await read_until(process, PAGE)
    (line,) = [line for line in said.splitlines() if line.startswith(PAGE)]
    return line.removeprefix(PAGE)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_talk_serves_the_page_until_a_signal_and_needs_no_token(
    tmp_path: Path, cache_dir: Path, number: signal.Signals
) -> None:
    log = tmp_path / "log"
    async with logged_program(log, "talk", folder=tmp_path, CACHE_DIR=str(cache_dir)) as process:
        assert (await read_until(process, "\n")).startswith(f"{PAGE}http://127.0.0.1:")
        assert await read_until(process, "\n") == "Ready.\n"
        process.send_signal(number)
        assert await asyncio.wait_for(process.wait(), SAID_LIMIT) == 0
    assert "Traceback" not in log.read_text()


async def test_the_page_and_the_state_of_health_are_served_at_the_printed_address(
    tmp_path: Path, cache_dir: Path, speech_server: str
) -> None:
    settings = {"CACHE_DIR": str(cache_dir), VOICE: speech_server}
    async with (
        logged_program(tmp_path / "log", "talk", folder=tmp_path, **settings) as process,
        aiohttp.ClientSession() as session,
    ):
        url = await page_of(process)
        async with session.get(url) as answer:
            assert answer.status == 200
            assert "<!doctype html>" in (await answer.text()).lower()
            assert "script-src 'self'" in answer.headers["Content-Security-Policy"]

        async def healthy() -> bool:
            async with session.get(f"{url}health") as answer:
                health = await answer.json()
            assert health["discord"] == "off"
            return bool(health["status"] == "healthy")

        await wait_until(healthy)
        async with program("health", "--json", folder=tmp_path) as asked:
            assert json.loads(await output(asked))["discord"] == "off"
        async with session.get(f"{url}health", headers={"Host": "evil.example"}) as answer:
            assert answer.status == 403


async def test_the_event_lines_name_the_address_and_the_last_one_tells_the_end_of_the_bot(
    tmp_path: Path, cache_dir: Path, speech_server: str
) -> None:
    settings = {"CACHE_DIR": str(cache_dir), VOICE: speech_server}
    async with logged_program(tmp_path / "log", "talk", "--events", folder=tmp_path, **settings) as process:
        ready, web = [checked(await read_until(process, "\n")) for _ in range(2)]
        assert (ready["type"], web["type"]) == ("ready", "web.ready")
        async with aiohttp.ClientSession() as session, session.get(web["url"]) as answer:
            assert answer.status == 200
        process.send_signal(signal.SIGTERM)
        (last,) = (await output(process)).splitlines()
        assert await process.wait() == 0
    assert (checked(last)["type"], json.loads(last)["cause"]) == ("call.ended", "shutdown")


async def test_a_chosen_port_that_is_taken_is_reported_in_one_clear_line_with_status_2(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        bind = f"127.0.0.1:{other.getsockname()[1]}"
        async with program("talk", folder=tmp_path, WEB_BIND=bind) as process:
            said = await output(process)
            assert process.returncode == 2
    assert f"WEB_BIND: can't listen on {bind}: another program listens there already" in said
    assert "Traceback" not in said


async def test_if_other_machines_can_connect_the_bot_does_not_start_without_a_token(tmp_path: Path) -> None:
    async with program("talk", folder=tmp_path, WEB_BIND="0.0.0.0:0") as process:
        said = await output(process)
        assert process.returncode == 2
    assert said.startswith("WEB_TOKEN: must be set, since WEB_BIND=0.0.0.0:0 lets other machines connect")


async def test_a_bot_on_discord_serves_the_page_too_and_the_page_asks_for_the_token(
    tmp_path: Path, cache_dir: Path, speech_server: str
) -> None:
    settings = {"WEB_TOKEN": SECRET, "CACHE_DIR": str(cache_dir), VOICE: speech_server}
    async with Sandbox() as sandbox, program("run", folder=tmp_path, **sandbox.bot_settings, **settings) as process:
        url = await page_of(process)
        async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
            async with session.get(url) as answer:
                assert answer.status == 200
            async with session.get(f"{url}nothing") as answer:
                assert answer.status == 401
            async with session.post(f"{url}login", json={"token": "wrong"}) as answer:
                assert answer.status == 401
            async with session.post(f"{url}login", json={"token": SECRET}) as answer:
                assert answer.status == 204
            async with session.get(f"{url}nothing") as answer:
                assert answer.status == 404
        process.send_signal(signal.SIGTERM)
        said = await output(process)
        assert process.returncode == 0
    assert SECRET not in said
