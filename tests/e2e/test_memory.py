"""Two days after a call, the bot still knows what Ada said there, even if it was killed meanwhile.

Only those who heard her are told of it, until she has it forgotten.
"""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from bot.database import FILE
from sandbox.guest import Guest
from sandbox.server import Sandbox
from tests.e2e.program import VOICE, output, program, read_until, running
from tests.e2e.scripted_model import Answer, Fault, ScriptedModel
from tests.e2e.talking import talk
from tests.file_contents import files_with
from tests.timing import LIMIT

SAID = "My brother lives in Canada."
FACT = json.dumps({"facts": [{"person": "Ada", "fact": "brother lives in Canada", "quote": SAID}]})
CLOCK = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
"""The library that moves a program's clock. Debian: apt install faketime."""


async def until_stored(database: Path, query: str) -> None:
    """Wait until the query finds something in the running bot's database."""
    async with asyncio.timeout(LIMIT):
        while True:
            with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
                if connection.execute(query).fetchone()[0]:
                    return
            await asyncio.sleep(0.1)


async def answer(guest: Guest, sandbox: Sandbox, text: str, starts: str = "") -> str:
    """The bot's answer to what a guest types in the general channel of the home server."""
    await guest.say(sandbox.home.general, text)
    message = await guest.wait_for_message(
        sandbox.home.general, lambda m: m.author.bot and m.content.startswith(starts), LIMIT
    )
    return message.content


async def in_canada(guest: Guest, sandbox: Sandbox, text: str) -> None:
    """Ask until the answer names the brother's country: a stalled machine may recall too late for one answer."""
    async with asyncio.timeout(LIMIT):
        while await answer(guest, sandbox, text) != "In Canada.":
            pass


async def test_two_days_later_only_people_who_heard_of_adas_brother_are_told_of_him_until_he_is_forgotten(
    tmp_path: Path, speech_server: str
) -> None:
    if not CLOCK and os.environ.get("CI") != "true":
        pytest.skip("libfaketime is missing (Debian: apt install faketime)")
    data, killed = tmp_path / "data", False

    def script(line: str) -> Answer:
        system = str(model.asked[-1][0]["content"])
        if system.startswith("# Task: facts\n"):
            assert line == f"Ada: {SAID}"
            return Answer(FACT) if killed else Answer(fault=Fault.SILENT)
        return Answer("In Canada." if "brother lives in Canada" in system else "Nobody knows.")

    async with Sandbox() as sandbox, ScriptedModel(script) as model:
        usual = {
            "MEMORY": "on",
            "ANSWER_TO": "always",
            "LLM_URL": model.url,
            VOICE: speech_server,
            **sandbox.bot_settings,
        }
        ada, ben, cleo = [await sandbox.add_guest(name) for name in ("Ada", "Ben", "Cleo")]
        directory = sandbox.world.directory
        elsewhere = directory.add_guild("Elsewhere", sandbox.home.owner)
        directory.add_member(elsewhere, sandbox.bot)
        directory.add_member(elsewhere, ben.user)
        other = directory.add_channel(elsewhere, "general")
        for guest in (ada, ben):
            await guest.join_voice(sandbox.home.lounge)
        async with program("run", folder=tmp_path, **usual) as bot:
            await read_until(bot, "Connected as")
            await answer(ada, sandbox, "!join", "🎤 Joined")
            await talk(ada, SAID)
            await until_stored(data / FILE, "SELECT count(*) FROM turns WHERE text LIKE '%Canada%'")
            await answer(ada, sandbox, "!leave", "👋")
            async with asyncio.timeout(LIMIT):
                while not any(str(asked[0]["content"]).startswith("# Task") for asked in model.asked):
                    await asyncio.sleep(0.1)
            bot.kill()
            await bot.wait()
        killed = True
        # Two days have passed at the next start. The monotonic clock is moved as well: if it were not, time.sleep, with
        # which Python waits for the end of other programs, would raise an error.
        later = {"LD_PRELOAD": str(CLOCK[0]), "FAKETIME": "+2d"}
        own = {"TTS_BIND": "127.0.0.1:0", "WEB_BIND": "127.0.0.1:0", "WEIGHTS": "toys"}
        async with running(sys.executable, "-m", "bot", "run", folder=tmp_path, **usual, **own, **later) as next_bot:
            await read_until(next_bot, "Connected as")
            reading = asyncio.create_task(next_bot.communicate())
            await until_stored(data / FILE, "SELECT count(*) FROM fact")
            asked = f"<@{sandbox.bot.id}> Where does Ada's brother live?"
            await in_canada(ben, sandbox, asked)
            memory = str(model.asked[-1][0]["content"]).split("\n\n## ")[-3]
            assert memory.startswith("Memory\n") and f'"{SAID}"' in memory
            assert await answer(cleo, sandbox, asked) == "Nobody knows.", "Cleo was not in the call"
            await ben.say(other, asked)
            assert (await ben.wait_for_message(other, lambda m: m.author.bot, LIMIT)).content == "Nobody knows."

            await answer(ada, sandbox, "!join", "🎤 Joined")
            before = len(model.asked)
            async with asyncio.timeout(LIMIT):
                while not any("brother lives in Canada" in each[0]["content"] for each in model.asked[before:]):
                    count = len(model.asked)
                    await ada.say(sandbox.home.general, "Where does my brother live?")
                    while len(model.asked) == count:
                        await asyncio.sleep(0.1)
            await answer(ada, sandbox, "!leave", "👋")

            await answer(ada, sandbox, "!memory forget Canada", "🧠")
            for guest in (ben, ada):
                assert await answer(guest, sandbox, asked) == "Nobody knows."
            assert files_with(data, "Canada") == set()
            async with program("backup", "later.sqlite3", folder=tmp_path) as backup:
                assert "later.sqlite3" in await output(backup)
            later_backup = (tmp_path / "later.sqlite3").read_bytes()
            assert b"canada" not in later_backup.lower(), "later backups hold nothing of it"
            assert b"memory_choice" in later_backup, "later backups hold the rest of the database"
            next_bot.terminate()
            said, _ = await reading
            assert "Traceback" not in said.decode()
