"""A bot that is told to end while Discord can't be reached ends in time, and its next start goes on with the call."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from sandbox.server import Sandbox
from sandbox.voice.network import Conditions
from tests.e2e.program import VOICE, program, read_until
from tests.e2e.scripted_model import Answer, ScriptedModel
from tests.faults.opening import moved
from tests.faults.proxy import TcpProxy
from tests.faults.things import Fault
from tests.forked import Forked
from tests.timing import LIMIT

pytestmark = pytest.mark.slow

END_LIMIT = 10.0
"""Seconds in which the bot must have ended after SIGTERM."""
STORY = "Once upon a time there was a king who lived far away and had a daughter, and she had a cat. " * 20
NOTICED = 5.0
"""Seconds after which the bot has noticed that it has lost Discord."""


class Discord:
    """All of Discord's servers, and the way of the voice packets, behind something that can break."""

    def __init__(self, sandbox: Sandbox, api: TcpProxy, voice: TcpProxy) -> None:
        self._sandbox = sandbox
        self._proxies = api, voice
        self.settings = {**sandbox.bot_settings, "DISCORD_API_URL": moved(sandbox.api_url, api)}
        sandbox.world.voice_endpoint = f"localhost:{voice.port}"

    def break_down(self, fault: Fault) -> None:
        """Let nothing through any more."""
        network = self._sandbox.voice_server.network
        network.up = network.down = Conditions(loss=1.0)
        for proxy in self._proxies:
            (proxy.hold if fault is Fault.HUNG else proxy.cut)()

    async def heal(self) -> None:
        """Let everything through."""
        network = self._sandbox.voice_server.network
        network.up = network.down = Conditions()
        for proxy in self._proxies:
            await proxy.heal()


@asynccontextmanager
async def breakable(sandbox: Sandbox) -> AsyncIterator[Discord]:
    api, voice = (urlsplit(each).port or 0 for each in (sandbox.api_url, f"//{sandbox.voice_server.endpoint}"))
    async with TcpProxy(api) as before_api, TcpProxy(voice, sandbox.authority) as before_voice:
        yield Discord(sandbox, before_api, before_voice)


@pytest.mark.parametrize("noticed", [False, True], ids=["at once", "noticed"])
@pytest.mark.parametrize("fault", [Fault.KILLED, Fault.HUNG])
async def test_a_bot_without_discord_ends_in_time_and_its_next_start_goes_on_with_the_call(
    tmp_path: Path, word_voice: str, fault: Fault, noticed: bool
) -> None:
    async with (
        Sandbox() as sandbox,
        ScriptedModel(lambda line: Answer(STORY if "story" in line else "Yes.")) as model,
        breakable(sandbox) as discord,
    ):
        ada, general = await sandbox.add_guest("Ada"), sandbox.home.general
        await ada.join_voice(sandbox.home.lounge)

        @asynccontextmanager
        async def bot() -> AsyncIterator[Forked]:
            settings = {VOICE: word_voice, "LLM_URL": model.url, "GREET": "off", **discord.settings}
            async with program("run", folder=tmp_path, **settings) as process:
                await read_until(process, "Connected as")
                yield process

        async with bot() as process:
            await ada.say(general, "!join")
            await ada.wait_for_message(general, lambda message: message.content.startswith("🎤 Joined"), LIMIT)
            since = ada.voice.receiver.count(sandbox.bot_id)
            await ada.say(general, "Tell me a story.")
            await ada.voice.receiver.wait_for_audio(sandbox.bot_id, LIMIT, since=since)
            discord.break_down(fault)
            await asyncio.sleep(NOTICED if noticed else 0.0)
            told = time.monotonic()
            process.send_signal(signal.SIGTERM)
            said, _ = await asyncio.wait_for(process.communicate(), LIMIT)
            took = time.monotonic() - told
            sys.stdout.write(f"{said.decode()}ended after {took:.1f} s")
            assert process.returncode == 0
            assert took < END_LIMIT
            assert "Traceback" not in said.decode().partition("Ending")[2]
        await discord.heal()
        async with bot():
            await ada.wait_for_message(general, lambda message: message.content == "👋 I'm back. Where were we?", LIMIT)
