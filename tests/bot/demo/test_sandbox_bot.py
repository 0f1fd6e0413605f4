"""How the bot of a demonstration or rehearsal is ended."""

from __future__ import annotations

import io
from functools import partial
from pathlib import Path

import pytest
from rich.console import Console

from bot.bot_process import bot_process
from bot.demo import sandbox_bot
from bot.demo.sandbox_bot import PreparedBot, SandboxBotEvents, run_on_sandbox
from bot.own_weights import OwnWeights
from config.settings import Settings
from sandbox.server import Sandbox
from tests.timing import wait_until

BOT = (
    "import signal, sys\n"
    "say = lambda text: print(text, file=sys.stderr, flush=True)\n"
    "for one in (signal.SIGINT, signal.SIGTERM):\n"
    "    signal.signal(one, lambda number, _: (say(signal.Signals(number).name), sys.exit(0)))\n"
    "say('Ready.')\n"
    "signal.pause()\n"
)
"""Stands in for the bot. It writes to its log that it is ready, and by which signal it is ended."""


async def test_the_bot_is_ended_as_by_ctrl_c_so_that_it_does_not_announce_a_restart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox_bot, "bot_process", partial(bot_process, program=("-c", BOT)))
    prepared, log = PreparedBot(Settings.read(), OwnWeights(), {}, ()), tmp_path / "bot.log"

    async def call() -> None:
        await wait_until(lambda: "Ready." in log.read_text())

    async with Sandbox() as sandbox:
        status = await run_on_sandbox(
            sandbox, prepared, tmp_path, log, SandboxBotEvents(), call, Console(file=io.StringIO())
        )
    assert (status, log.read_text().splitlines()) == (0, ["Ready.", "SIGINT"])
