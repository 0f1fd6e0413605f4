"""A bot whose name server does not answer: whatever needs no name goes on."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import pytest

from sandbox.server import Sandbox
from tests.e2e.program import VOICE, program_in, read_until
from tests.e2e.scripted_model import Answer, ScriptedModel
from tests.faults.hanging_names import HANGING
from tests.timing import LIMIT

MANY = 40
"""Names that are looked up at once: more than asyncio has threads for lookups and everything else."""


@pytest.mark.slow
async def test_a_call_goes_on_and_ends_although_many_names_can_not_be_looked_up(
    tmp_path: Path, word_voice: str
) -> None:
    async with Sandbox() as sandbox, ScriptedModel(lambda _: Answer("Here I am."), lists=("m",)) as model:
        ada, general = await sandbox.add_guest("Ada"), sandbox.home.general
        await ada.join_voice(sandbox.home.lounge)
        servers = ",".join((model.url, *(f"https://{number}.{HANGING}/v1" for number in range(MANY))))
        settings = {VOICE: word_voice, "LLM_URL": servers, "GREET": "off", **sandbox.bot_settings}
        async with program_in("tests.faults.hanging_names", "run", folder=tmp_path, **settings) as bot:
            await read_until(bot, "Connected as")
            await ada.say(general, "!join")
            await ada.wait_for_message(general, lambda message: message.content.startswith("🎤 Joined"), LIMIT)
            since = ada.voice.receiver.count(sandbox.bot_id)
            await ada.say(general, "Are you there?")
            await ada.voice.receiver.wait_for_audio(sandbox.bot_id, LIMIT, since=since)
            bot.send_signal(signal.SIGTERM)
            await ada.wait_for_message(general, lambda message: message.content.startswith("👋"), LIMIT)
            assert await asyncio.wait_for(bot.wait(), LIMIT) == 0
