"""One transcriber for several calls: it knows each request's call, and releases its memory once no call needs it."""

from __future__ import annotations

from unittest.mock import AsyncMock

import numpy as np

from bot.voice.transcribe.shared import SharedTranscriber
from bot.voice.transcribe.transcriber import TranscriptionRequest, Urgency


async def test_the_memory_is_released_after_the_last_call() -> None:
    ears = AsyncMock()
    shared = SharedTranscriber(ears)
    one, other = shared.of_call("one"), shared.of_call("other")
    await one.warm_up()
    await other.warm_up()
    await one.release_memory()
    ears.release_memory.assert_not_awaited()
    await other.release_memory()
    ears.release_memory.assert_awaited_once()
    await one.close()
    ears.close.assert_not_awaited()


async def test_each_request_names_its_call() -> None:
    ears = AsyncMock()
    await (
        SharedTranscriber(ears)
        .of_call("one")
        .transcribe(TranscriptionRequest(np.zeros(160, np.float32), Urgency.FINAL))
    )
    assert ears.transcribe.await_args.args[0].call == "one"
