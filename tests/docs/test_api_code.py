"""The Python examples in docs/api.md work with a running speech server, and with a running bot."""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path

from tests.bot.http.chat_house import chat_house
from tests.docs.code_blocks import python_blocks
from tests.docs.pages import API
from tests.tts_server.client import running
from tts_server.engines.stand_in import StandInEngine

SPEECH_PORT, CHAT_PORT = "8765", "8770"
"""The ports of the two servers in the page."""


async def output_of(example: str, named: str, port: int) -> str:
    """Run one of the page's examples against the server at ``port``. Returns what it prints."""
    assert f"127.0.0.1:{named}" in example
    program = example.replace(named, str(port))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    printed, errors = await process.communicate()
    assert process.returncode == 0, errors
    return printed.decode()


async def test_the_client_of_the_page_gets_speech() -> None:
    block, _ = python_blocks(API)
    async with running(StandInEngine(0.0, 0.0)) as server:
        printed = await output_of(block.text, SPEECH_PORT, server.http.port)
    heard = re.fullmatch(r"(\d+\.\d+) seconds of speech\n", printed)
    assert heard is not None, printed
    assert float(heard[1]) > 1.0


async def test_the_client_of_the_page_talks_with_the_bot(tmp_path: Path) -> None:
    _, block = python_blocks(API)
    async with chat_house(tmp_path) as house:
        printed = await output_of(block.text, CHAT_PORT, house.port)
        await house.until_idle()
    assert printed == "Ada said: Hello, how are you?\n1.0 seconds of speech\n"
