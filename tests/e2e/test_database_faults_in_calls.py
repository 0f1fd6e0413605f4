"""The disk is full, or the database locked or damaged, while people talk: the bot answers, and says what is lost."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.database import FILE
from bot.database.integrity import damaged_files
from sandbox.guest import Guest
from sandbox.server import Sandbox
from tests.e2e.program import VOICE, output, program, read_until
from tests.e2e.scripted_model import Answer, ScriptedModel
from tests.faults.disk import full_disk, lock
from tests.forked import Forked
from tests.timing import LIMIT

REPLY = "I am still here."
BEFORE, DURING, AFTER = "Is it warm?", "Is it raining?", "Is it windy?"

Fault = Callable[[Path, int], AbstractContextManager[None]]
"""Makes a fault while its block runs. Takes the path of the database, and the id of the process that uses it."""


@dataclass
class Talk:
    """Ada, and the bot in a process of its own."""

    sandbox: Sandbox
    ada: Guest
    bot: Forked
    said: asyncio.Task[tuple[bytes, bytes]]

    async def written(self, text: str, starts: str = REPLY) -> None:
        """Ada types, and reads the answer."""
        general = self.sandbox.home.general
        asked = await self.ada.say(general, text)
        await self.ada.wait_for_message(
            general, lambda m: m.author.bot and m.content.startswith(starts), LIMIT, after=asked
        )

    async def mention(self, text: str) -> None:
        """Ada asks in writing, outside of the call."""
        await self.written(f"<@{self.sandbox.bot_id}> {text}")

    async def spoken(self, text: str) -> None:
        """Ada types in the call, and hears the answer to its end."""
        receiver, bot = self.ada.voice.receiver, self.sandbox.bot_id
        packets = receiver.count(bot)
        await self.ada.say(self.sandbox.home.general, text)
        await receiver.wait_for_audio(bot, LIMIT, since=packets)
        await receiver.wait_for_silence(bot, 0.5, timeout=LIMIT)

    async def end(self) -> str:
        """End the bot; returns what it has printed."""
        self.bot.terminate()
        said, _ = await asyncio.wait_for(self.said, LIMIT)
        assert self.bot.returncode == 0
        return said.decode()


@asynccontextmanager
async def talk(folder: Path, speech_server: str) -> AsyncIterator[Talk]:
    async with Sandbox() as sandbox, ScriptedModel(lambda _: Answer(REPLY)) as model:
        ada = await sandbox.add_guest("Ada")
        await ada.join_voice(sandbox.home.lounge)
        settings = {"MEMORY": "on", "LLM_URL": model.url, VOICE: speech_server, **sandbox.bot_settings}
        async with program("run", folder=folder, **settings) as bot:
            await read_until(bot, "Connected as")
            talk = Talk(sandbox, ada, bot, asyncio.create_task(bot.communicate()))
            await talk.mention(BEFORE)
            yield talk


def turns(database: Path) -> list[str]:
    with closing(sqlite3.connect(database)) as closed:
        return [text for (text,) in closed.execute("SELECT text FROM turns ORDER BY conversation, number")]


# On the full disk there is no record of the call's beginning either, so its end need not be stored.
@pytest.mark.parametrize(("fault", "told"), [(full_disk, []), (lock, ["The end of a call can't be stored"])])
async def test_answers_come_and_no_turn_is_lost_if_the_disk_is_full_or_the_database_locked(
    tmp_path: Path, speech_server: str, fault: Fault, told: list[str]
) -> None:
    database = tmp_path / "data" / FILE
    async with talk(tmp_path, speech_server) as people:
        async with asyncio.timeout(LIMIT):
            while REPLY not in await asyncio.to_thread(turns, database):
                await asyncio.sleep(0.1)
        with fault(database, people.bot.pid):
            await people.written("!join", "🎤 Joined")
            await people.spoken(DURING)
            await people.written("!leave", "👋")
            await people.mention(AFTER)
            # The second mention is answered only after the bot has tried to store the first one.
            await people.mention(AFTER)
        said = await people.end()
    assert "Traceback" not in said
    for each in ("is not remembered", "The call goes on, but", *told):
        assert each in said
    assert sorted(turns(database)) == sorted([BEFORE, DURING, AFTER, AFTER, *[REPLY] * 4])


async def test_answers_come_and_the_file_is_kept_if_the_database_is_damaged_while_the_bot_runs(
    tmp_path: Path, speech_server: str
) -> None:
    database = tmp_path / "data" / FILE
    async with talk(tmp_path, speech_server) as people:
        with database.open("r+b") as file:
            file.write(b"damaged " * (database.stat().st_size // 8))
        await people.written("!join", "🎤 Joined")
        await people.spoken(DURING)
        await people.written("!leave", "👋")
        await people.mention(AFTER)
        said = await people.end()
    assert "Traceback" not in said
    assert "Conversations can't be stored" in said
    async with program("run", folder=tmp_path, DISCORD_TOKEN="none", **{VOICE: speech_server}) as bot:
        said = await output(bot)
    assert "The database was damaged and is kept as" in said
    (kept,) = damaged_files(database)
    assert b"damaged " in kept.read_bytes()
