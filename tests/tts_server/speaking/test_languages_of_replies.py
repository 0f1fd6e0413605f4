"""A reply in another language than the voice's own gets a voice that speaks it, and keeps it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.tts_server.client import RunningServer, running
from tests.tts_server.spelling_engine import SpellingEngine
from tts_server.engines.base import UnknownVoiceError, Voice


class EnglishOnly(SpellingEngine):
    """Lacks every language but its own."""

    def resolve(self, voice: str | None, language: str | None) -> Voice:
        if language is not None and not language.startswith("en"):
            raise UnknownVoiceError(f"there is no voice for the language {language!r}")
        return super().resolve(voice, language)


@pytest.fixture
async def engine() -> SpellingEngine:
    return SpellingEngine("engine")


@pytest.fixture
async def server(engine: SpellingEngine) -> AsyncIterator[RunningServer]:
    async with running(engine) as server:
        await asyncio.to_thread(server.speech.casting.load)
        engine.spoken_by.clear()
        yield server


@pytest.mark.parametrize(
    ("text", "voices"),
    [
        ("Good morning, how are you today?", {"plain"}),
        ("Guten Morgen, wie geht es dir heute? Mir geht es gut.", {"deutsch"}),
        ("I would like a Kindergarten for my children, please.", {"plain"}),
        ("Das ist doch ganz einfach. Okay. Das machen wir morgen.", {"deutsch"}),
    ],
)
async def test_the_language_is_heard(
    server: RunningServer, engine: SpellingEngine, text: str, voices: set[str]
) -> None:
    async with server.connect() as client:
        await client.say(text)
        await client.hear()
    assert set(engine.spoken_by) == voices


async def test_what_is_asked_for_is_not_guessed(server: RunningServer, engine: SpellingEngine) -> None:
    async with server.connect() as client:
        await client.say("Guten Morgen, wie geht es dir?", language="en")
        await client.hear()
        await client.say("Good morning, how are you?", voice="deutsch")
        await client.hear()
    assert set(engine.spoken_by[:1]) == {"plain"}
    assert engine.spoken_by[-1] == "deutsch"


async def test_a_language_that_the_engine_lacks_is_spoken_by_the_next() -> None:
    wanted, other = EnglishOnly("wanted"), SpellingEngine("other")
    async with running(wanted, other) as server, server.connect() as client:
        wanted.texts.clear()
        await client.say("w1 w2.", language="de")
        await client.hear()
        assert not wanted.texts
        assert other.spoken_by[-1] == "deutsch"
        await client.say("w1 w2.", "r2", language="tlh")
        failure = (await client.hear()).failure
        assert failure is not None
        assert failure.code == "unknown_voice"
