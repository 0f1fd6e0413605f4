"""A bot that is being restarted: it ends its sentence, nothing that people ask is lost, and it comes back."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bot.restarting import RESTARTING
from bot.returning import WRITE_AGAIN
from sandbox.guest import Guest
from sandbox.server import Sandbox
from sandbox.world.entities import Message
from tests.e2e.conftest import LIMIT
from tests.e2e.program import VOICE, pointed_at, program, read_until
from tests.e2e.scripted_model import Answer, ScriptedModel
from tests.forked import Forked

END_LIMIT = 10.0
"""Seconds in which the bot must have ended after SIGTERM."""
STORY = "Once upon a time there was a king who lived far away. He had a daughter. " * 20


@dataclass
class Server:
    """A server of the sandbox with Ada in its lounge, for one bot after another."""

    sandbox: Sandbox
    model: ScriptedModel
    ada: Guest
    folder: Path
    speech: str
    read: set[int] = field(default_factory=set)

    @asynccontextmanager
    async def bot(self, **settings: str) -> AsyncIterator[Forked]:
        """A bot that is connected."""
        usual = {VOICE: self.speech, "LLM_URL": self.model.url, "GREET": "off"}
        environment = {**pointed_at(self.sandbox), **usual, **settings}
        async with program("run", folder=self.folder, **environment) as process:
            await read_until(process, "Connected as")
            yield process

    async def told(self, starts: str) -> Message:
        """The bot's next message with this beginning."""
        message = await self.ada.wait_for_message(
            self.sandbox.home.general,
            lambda m: m.author.bot and m.content.startswith(starts) and m.id not in self.read,
            LIMIT,
        )
        self.read.add(message.id)
        return message

    async def join(self) -> None:
        """Bring the bot into the lounge."""
        await self.ada.say(self.sandbox.home.general, "!join")
        await self.told("🎤 Joined")

    async def hear_a_story(self) -> None:
        """Ask for a story, and wait until it is heard."""
        since = self.ada.voice.receiver.count(self.sandbox.bot_id)
        await self.ada.say(self.sandbox.home.general, "Tell me a story.")
        await self.ada.voice.receiver.wait_for_audio(self.sandbox.bot_id, LIMIT, since=since)


@pytest.fixture
async def server(tmp_path: Path, speech_server: str) -> AsyncIterator[Server]:
    def script(line: str) -> Answer:
        return Answer(STORY if "story" in line else f"You said {line.partition(': ')[2]}")

    async with Sandbox() as sandbox, ScriptedModel(script) as model:
        ada = await sandbox.add_guest("Ada")
        await ada.join_voice(sandbox.home.lounge)
        yield Server(sandbox, model, ada, tmp_path, speech_server)


async def ended_well(process: Forked, since: float) -> None:
    """Wait for the end of a bot that was told to end, and check that it was in time."""
    async with asyncio.timeout(LIMIT):
        assert await process.wait() == 0
    assert time.monotonic() - since < END_LIMIT


@pytest.mark.slow
async def test_the_bot_ends_its_sentence_and_who_is_not_answered_is_told_now_and_later(server: Server) -> None:
    async with server.bot() as process:
        await server.join()
        await server.hear_a_story()
        since = time.monotonic()
        process.send_signal(signal.SIGTERM)
        await asyncio.sleep(0.2)
        asked = await server.ada.say(server.sandbox.home.general, "And then?")
        answered = await server.told(RESTARTING)
        assert answered.reference_id == asked.id
        await server.told("👋 I am being switched off, so I left Lounge.")
        await ended_well(process, since)
    await server.ada.leave_voice()
    async with server.bot():
        again = await server.told(WRITE_AGAIN)
        assert again.reference_id == asked.id
