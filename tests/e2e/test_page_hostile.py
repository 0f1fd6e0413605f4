"""While somebody talks with the bot on Discord, two hundred hostile requests come to its page: each is refused."""

from __future__ import annotations

import asyncio
import json
import re
import signal
from contextlib import AsyncExitStack, closing
from pathlib import Path
from typing import Any

import psutil

from benchmarks.hostile_requests import hostile_requests, written
from sandbox.server import Sandbox
from tests.e2e.program import SAID_LIMIT, VOICE, output, program
from tests.timing import LIMIT
from tests.watching.event_schema import checked

SECRET = "correct horse"
GROWTH = 10 * 1024**2
"""Largest growth of the bot's memory, in bytes. If the bot kept what is refused, it would grow more."""
LONG = "One, two, three, four, five, six, seven, eight, nine, ten. " * 3


async def answer_to(port: int, request: bytes) -> tuple[int, str]:
    """The status and the rest of the answer. If it has no length, as with a WebSocket, the rest is what comes until the
    connection is closed.
    """
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    with closing(writer):
        writer.write(request)
        async with asyncio.timeout(LIMIT):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            status = int(head.split()[1])
            length = re.search(r"(?i)content-length: (\d+)", head)
            rest = await (reader.readexactly(int(length[1])) if length else reader.read(65_536))
    return status, rest.decode("latin-1")


async def until(process: Any, kind: str) -> dict[str, Any]:
    async with asyncio.timeout(SAID_LIMIT):
        while True:
            line = await process.stdout.readline()
            assert line, f"ended before {kind}"
            # The log is on the same stream.
            if line.startswith(b'{"type"') and (event := checked(line))["type"] == kind:
                return event


async def send_hostile_requests(port: int) -> None:
    """Send all, twenty at once, and check that each is refused, or that its WebSocket gets an error."""
    requests = list(hostile_requests(SECRET))
    assert len(requests) >= 200
    for first in range(0, len(requests), 20):
        answers = await asyncio.gather(*(answer_to(port, each) for each in requests[first : first + 20]))
        for request, (status, rest) in zip(requests[first:], answers, strict=False):
            refused = status in (400, 401, 403, 404, 405, 413, 415, 429)
            ended = status == 101 and '"type": "error"' in rest
            assert refused or ended, (request[:200], status, rest[:200])
            assert SECRET not in rest


async def test_a_call_goes_on_through_two_hundred_hostile_requests(
    tmp_path: Path, cache_dir: Path, speech_server: str
) -> None:
    settings = {"WEB_TOKEN": SECRET, "CACHE_DIR": str(cache_dir), VOICE: speech_server}
    async with (
        Sandbox() as sandbox,
        program("run", "--events", folder=tmp_path, **sandbox.bot_settings, **settings) as process,
        AsyncExitStack() as stack,
    ):
        ada = await sandbox.add_guest("Ada")
        await ada.join_voice(sandbox.voice_channel)
        port = int((await until(process, "web.ready"))["url"].rstrip("/").rpartition(":")[2])
        await ada.say(sandbox.text_channel, "!join")
        await until(process, "call.started")
        for _ in range(50):
            # Half-open: these send the beginning of a request, and nothing more.
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            stack.callback(writer.close)
            writer.write(b"POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ")
        sizes = []
        for _ in range(2):
            await ada.say(sandbox.text_channel, f"!speak {LONG}")
            await until(process, "response.output_audio_transcript.delta")
            await send_hostile_requests(port)
            done = await until(process, "response.done")
            assert (done["status"], done["heard"].split()) == ("completed", LONG.split())
            sizes.append(psutil.Process(process.pid).memory_info().rss)
        assert sizes[1] - sizes[0] < GROWTH, (
            "the memory grew in the second round; the first one loads what any call needs"
        )
        status, rest = await answer_to(port, written("GET", "/health", Host="127.0.0.1"))
        assert (status, json.loads(rest)["discord"]) == (200, "connected")
        process.send_signal(signal.SIGTERM)
        said = await output(process)
        assert process.returncode == 0
    assert "Traceback" not in said
    assert SECRET not in said
