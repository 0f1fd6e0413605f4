"""A bot whose output nobody reads any more: calls go on, and it ends as it should."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from sandbox.server import Sandbox
from tests.e2e.program import VOICE, program, read_until
from tests.e2e.scripted_model import Answer, ScriptedModel
from tests.e2e.scripted_model import Fault as ModelFault
from tests.forked import Forked
from tests.timing import LIMIT

FULL = 0.1
"""A pipe that takes nothing for this many seconds is full."""


@pytest.mark.slow
@pytest.mark.parametrize("log_format", ["text", "json"])
async def test_a_call_goes_on_and_ends_while_nobody_reads_the_log(
    tmp_path: Path, word_voice: str, log_format: str
) -> None:
    def script(line: str) -> Answer:
        return Answer("Here", ModelFault.BROKEN_JSON) if "break" in line else Answer("Here I am.")

    async with Sandbox() as sandbox, ScriptedModel(script) as model:
        ada, general = await sandbox.add_guest("Ada"), sandbox.home.general
        await ada.join_voice(sandbox.home.lounge)
        settings = {VOICE: word_voice, "LLM_URL": model.url, "GREET": "off", "LOG_FORMAT": log_format}
        async with program("run", folder=tmp_path, **settings, **sandbox.bot_settings) as bot:
            await read_until(bot, "Connected as")
            await ada.say(general, "!join")
            await ada.wait_for_message(general, lambda message: message.content.startswith("🎤 Joined"), LIMIT)
            await _fill_output(bot)
            # A fault is a line of the log, and an answer a line of the live view.
            await ada.say(general, "Please break.")
            await ada.wait_for_message(general, lambda message: message.content.startswith("❌"), LIMIT)
            since = ada.voice.receiver.count(sandbox.bot_id)
            await ada.say(general, "Are you there?")
            await ada.voice.receiver.wait_for_audio(sandbox.bot_id, LIMIT, since=since)
            bot.send_signal(signal.SIGTERM)
            await ada.wait_for_message(general, lambda message: message.content.startswith("👋"), LIMIT)
            assert await asyncio.wait_for(bot.wait(), LIMIT) == 0


async def _fill_output(bot: Forked) -> None:
    """Fill the pipe that is the bot's standard output and standard error, and read nothing from it."""
    pipe = os.open(f"/proc/{bot.pid}/fd/2", os.O_WRONLY | os.O_NONBLOCK)
    try:
        tries = 0
        while tries < 2:
            try:
                os.write(pipe, bytes(4096))
                tries = 0
            except BlockingIOError:
                # The reader of this side takes some more before it stops.
                tries += 1
                await asyncio.sleep(FULL)
    finally:
        os.close(pipe)
