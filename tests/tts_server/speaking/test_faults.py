"""Faults of engines and clients: each leads to sound or to one clear error, and the next reply works."""

from __future__ import annotations

import pytest

from tests.tts_server.client import Heard, RunningServer, SpeechClient, running
from tests.tts_server.stand_in_engines import CountingEngine, FailingEngine
from wire.messages import Failure

FAULTS = ["raise 1", "broken 1", "nan 1", "nothing 1", "endless 1"]
TEXTS = {"empty": " ", "emoji": "😀 🎉", "long": "This is sentence 1. " * 500, "unspeakable": "*** ___"}


async def speak(server: RunningServer, text: str, **parameters: str) -> Heard:
    async with server.connect() as client:
        await client.say(text, "r1", **parameters)
        heard = await client.hear()
        assert await works(client)
        return heard


async def works(client: SpeechClient) -> bool:
    """Whether the next reply on the same connection works."""
    await client.say("All is well 7.", "r2")
    heard = await client.hear()
    return heard.failure is None and len(heard.samples) > 0


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_single_engine_that_fails_gives_one_clear_error(fault: str) -> None:
    async with running(FailingEngine()) as server:
        failure = (await speak(server, f"Now {fault}.")).failure
    assert isinstance(failure, Failure)
    assert (failure.code, failure.reply) == ("engine_failed", "r1")
    assert failure.error.startswith(("counting ", "out of memory"))


@pytest.mark.parametrize("fault", FAULTS)
async def test_there_is_sound_if_another_engine_stands_in(fault: str) -> None:
    async with running(FailingEngine(), CountingEngine()) as server:
        heard = await speak(server, f"Now {fault}.")
    assert heard.failure is None
    assert len(heard.samples) > 0


@pytest.mark.parametrize("name", TEXTS)
async def test_the_reply_to_any_text_ends(name: str) -> None:
    async with running(CountingEngine()) as server:
        heard = await speak(server, TEXTS[name])
    assert heard.failure is None
    assert heard.text == TEXTS[name]
    assert (len(heard.samples) > 0) == (name == "long")


async def test_a_language_that_no_engine_speaks_is_reported() -> None:
    async with running(CountingEngine()) as server:
        failure = (await speak(server, "Hello 1.", language="tlh")).failure
    assert failure == Failure("there is no voice for the language 'tlh'", "unknown_voice", "r1")
