"""The Python example in docs/api.md works with a running speech server."""

from __future__ import annotations

import asyncio
import re
import sys

from tests.docs.code_blocks import python_blocks
from tests.docs.pages import API
from tests.tts_server.client import running
from tts_server.engines.stand_in import StandInEngine

PORT = "8765"
"""The server's port in the page."""


async def test_the_client_of_the_page_gets_speech() -> None:
    (block,) = python_blocks(API)
    assert f"127.0.0.1:{PORT}" in block.text
    async with running(StandInEngine(0.0, 0.0)) as server:
        program = block.text.replace(PORT, str(server.http.port))
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        printed, errors = await process.communicate()
    assert process.returncode == 0, errors
    heard = re.fullmatch(r"(\d+\.\d+) seconds of speech\n", printed.decode())
    assert heard is not None, printed
    assert float(heard[1]) > 1.0
