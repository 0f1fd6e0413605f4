"""A bot that is being restarted: it ends its sentence, nothing that people ask is lost, and it comes back."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bot.commands.go_on_button import GO_ON_ID
from bot.database import FILE
from bot.restarting import RESTARTING
from bot.returning import WRITE_AGAIN
from sandbox.guest import Guest
from sandbox.server import Sandbox
from sandbox.world.entities import Message
from tests.e2e.conftest import LIMIT
from tests.e2e.program import VOICE, program, read_until
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
    async def bot(self, *arguments: str, **settings: str) -> AsyncIterator[Forked]:
        """A bot that is connected."""
        usual = {VOICE: self.speech, "LLM_URL": self.model.url, "GREET": "off"}
        environment = {**self.sandbox.bot_settings, **usual, **settings}
        async with program("run", *arguments, folder=self.folder, **environment) as process:
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


async def test_a_bot_that_is_restarted_in_a_call_ends_its_sentence_comes_back_and_goes_on(server: Server) -> None:
    async with server.bot() as process:
        await server.join()
        await server.hear_a_story()
        since = time.monotonic()
        process.send_signal(signal.SIGTERM)
        asked = await server.ada.say(server.sandbox.home.general, "And then?")
        answered = await server.told(RESTARTING)
        assert answered.reference_id == asked.id
        await server.told("👋 I am being switched off, so I left Lounge. If I start again within a minute, I come back")
        await ended_well(process, since)
    assert server.sandbox.bot_id not in server.sandbox.guild.voice_states
    asked_so_far = len(server.model.asked)
    async with server.bot():
        await server.told("👋 I'm back. Where were we?")
        assert server.sandbox.bot_id in server.sandbox.guild.voice_states
        async with asyncio.timeout(LIMIT):
            while len(server.model.asked) == asked_so_far:
                await asyncio.sleep(0.02)
        lines = [each["content"] for each in server.model.asked[-1] if each["role"] != "system"]
        assert lines[0] == "Ada: Tell me a story."
        assert STORY.startswith(lines[1].removesuffix("—"))
        assert lines[1].endswith((".—", ". —")), "the sentence was ended"
        assert lines[2:] == ["Ada: And then?"]


@pytest.mark.slow
async def test_a_bot_that_is_restarted_again_before_it_is_back_comes_back_after_that(server: Server) -> None:
    async with server.bot() as process:
        await server.join()
        await server.hear_a_story()
        process.send_signal(signal.SIGTERM)
        await server.ada.say(server.sandbox.home.general, "And then?")
        await server.told(RESTARTING)
        await process.wait()
    # Discord names no voice server, so the bot is about to join until it is ended.
    await server.sandbox.faults.lose_voice_server()
    async with server.bot() as process:
        async with asyncio.timeout(LIMIT):
            while server.sandbox.bot_id not in server.sandbox.guild.voice_states:
                await asyncio.sleep(0.02)
        since = time.monotonic()
        process.send_signal(signal.SIGTERM)
        await ended_well(process, since)
    await server.sandbox.faults.change_voice_server()
    async with server.bot():
        await server.told("👋 I'm back. Where were we?")
        async with asyncio.timeout(LIMIT):
            while "And then?" not in server.model.asked[-1][-1]["content"]:
                await asyncio.sleep(0.02)
    asked = [each for each in server.model.asked if each[-1]["content"] == "Ada: And then?"]
    assert len(asked) == 1
    written = [m.content for m in server.ada.messages(server.sandbox.home.general) if m.author.bot]
    assert not [text for text in written if text.startswith(("👋 I was restarted", "❌"))]


READ = "First sentence of it. " * 10


@pytest.mark.slow
@pytest.mark.parametrize("returns", [True, False])
async def test_text_that_was_not_read_aloud_before_the_restart_is_read_after_it_or_written(
    server: Server, returns: bool
) -> None:
    ada, general = server.ada, server.sandbox.home.general
    async with server.bot() as process:
        await server.join()
        since = ada.voice.receiver.count(server.sandbox.bot_id)
        asked = await ada.say(general, f"!speak {READ}")
        await ada.voice.receiver.wait_for_audio(server.sandbox.bot_id, LIMIT, since=since)
        process.send_signal(signal.SIGTERM)
        assert (await server.told(RESTARTING)).reference_id == asked.id
        await process.wait()
    if not returns:
        await ada.leave_voice()
    async with server.bot("--events") as process:
        if returns:
            await read_until(process, "First sentence of it.")
        else:
            told = await server.told("👋 I was restarted before I could say this: “First sentence of it.")
            assert told.reference_id == asked.id


@pytest.mark.slow
async def test_a_bot_that_is_ended_in_a_call_tells_people_at_once_and_at_the_next_start_that_they_get_no_answer(
    server: Server,
) -> None:
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
        assert server.sandbox.bot_id not in server.sandbox.guild.voice_states


@pytest.mark.slow
async def test_the_bot_does_not_come_back_by_itself_to_a_channel_with_somebody_new(server: Server) -> None:
    async with server.bot() as process:
        await server.join()
        process.send_signal(signal.SIGTERM)
        await process.wait()
    ben = await server.sandbox.add_guest("Ben")
    await ben.join_voice(server.sandbox.home.lounge)
    async with server.bot():
        await server.ada.say(server.sandbox.home.general, "!voice-status")
        await server.told("No active voice session")
        await server.join()


@pytest.mark.slow
async def test_the_bot_does_not_come_back_after_ctrl_c_nor_into_a_channel_that_it_may_not_go_to(server: Server) -> None:
    async with server.bot() as process:
        await server.join()
        process.send_signal(signal.SIGINT)
        await process.wait()
    async with server.bot() as process:
        await server.ada.say(server.sandbox.home.general, "!voice-status")
        await server.told("No active voice session")
        await server.join()
        process.send_signal(signal.SIGTERM)
        await process.wait()
    async with server.bot(AUTOJOIN_CHANNELS="Garden"):
        await server.ada.say(server.sandbox.home.general, "!voice-status")
        await server.told("No active voice session")


@pytest.mark.slow
async def test_choices_for_the_call_outlive_a_restart_and_nobody_is_greeted_again(server: Server) -> None:
    settings = {"GREET": "all"}
    async with server.bot(**settings) as process:
        await server.join()
        await server.ada.say(server.sandbox.home.general, "!listen off")
        await server.told("🙉")
        process.send_signal(signal.SIGTERM)
        await process.wait()
    async with server.bot(**settings):
        await server.told("👋 I'm back.")
        await server.ada.say(server.sandbox.home.general, "!listen")
        await server.told("🙉")


@pytest.mark.slow
async def test_the_bot_comes_back_even_if_it_does_not_know_what_was_chosen_for_the_call(server: Server) -> None:
    async with server.bot() as process:
        await server.join()
        process.send_signal(signal.SIGTERM)
        await process.wait()
    with closing(sqlite3.connect(server.folder / "data" / FILE)) as database, database:
        assert database.execute("UPDATE interrupted_call SET mode = 'whisper', captions = 'sky'").rowcount == 1
    async with server.bot():
        await server.told("👋 I'm back. Where were we?")


@pytest.mark.slow
async def test_after_a_crash_a_button_goes_on_with_the_conversation_for_those_who_may_use_join(server: Server) -> None:
    async with server.bot() as process:
        await server.join()
        await server.ada.say(server.sandbox.home.general, "My cat is called Mimi.")
        async with asyncio.timeout(LIMIT):
            while stored_turns(server.folder) < 2:
                await asyncio.sleep(0.1)
        process.kill()
        await process.wait()
    async with server.bot(WHO_MAY_JOIN="managers") as process:
        message = await server.told("👋 I was restarted in the middle of our call")
        pressed = await server.ada.click(message, GO_ON_ID)
        assert "`!join` is for" in (await pressed.response(LIMIT)).content
        process.send_signal(signal.SIGTERM)
        await process.wait()
    async with server.bot():
        await server.ada.click(message, GO_ON_ID)
        await server.told("👋 I'm back. Where were we?")
        await server.ada.say(server.sandbox.home.general, "Who is Mimi?")
        async with asyncio.timeout(LIMIT):
            while "Mimi?" not in server.model.asked[-1][-1]["content"]:
                await asyncio.sleep(0.02)
        assert "Ada: My cat is called Mimi." in [each["content"] for each in server.model.asked[-1]]


def stored_turns(folder: Path) -> int:
    """The number of turns in the database of a bot that runs in a folder."""
    with closing(sqlite3.connect(folder / "data" / FILE)) as database:
        return int(database.execute("SELECT count(*) FROM turns").fetchone()[0])
