"""The steps of a response: a write that fails while its client goes away is not reported as an error."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

from aiohttp.test_utils import make_mocked_request

from tts_server.api.speech_output import ResponseSteps


async def test_a_write_that_fails_as_its_response_is_stopped_leaves_no_traceback() -> None:
    gone = asyncio.Event()
    told: list[dict[str, Any]] = []
    # Only what this test's event loop says counts: the garbage collector also finds what other tests have left.
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))

    async def write() -> None:
        await gone.wait()
        raise ConnectionResetError("Cannot write to closing transport")

    steps = ResponseSteps(make_mocked_request("GET", "/"), 60.0, 60.0)
    response = asyncio.create_task(steps.write(write()))
    for _ in range(3):
        await asyncio.sleep(0)
    gone.set()
    # The write has failed now, and nobody has looked at its error yet.
    await asyncio.sleep(0)
    response.cancel()
    await asyncio.wait([response])
    assert response.cancelled()
    del response
    gc.collect()
    assert told == []
