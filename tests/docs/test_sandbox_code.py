"""The Python examples in docs/sandbox.md work with a sandbox and do what the page says."""

from __future__ import annotations

import asyncio
import os
import re
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import discord
import pytest
import yarl
from discord.ext import commands

from config.project import ROOT
from sandbox.server import Sandbox
from sandbox.voice.network import Conditions
from tests.docs.code_blocks import CodeBlock, python_blocks
from tests.docs.pages import SANDBOX
from tests.timing import LIMIT

CONNECT, JOIN, EXAMPLE, FAULTS = python_blocks(SANDBOX)


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox() as running:
        yield running


async def run(block: CodeBlock, **names: object) -> dict[str, Any]:
    """Run a block with these names. Returns the names that exist after it."""
    known: dict[str, Any] = dict(names)
    awaited = eval(block.compiled(), known)  # noqa: S307 - code of our own document
    if awaited is not None:
        await awaited
    return known


async def test_three_lines_point_a_bot_at_the_sandbox(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    # The page's code changes both. Because they are set here, monkeypatch restores them afterwards.
    monkeypatch.setattr(discord.http.Route, "BASE", "")
    monkeypatch.setattr(discord.gateway.DiscordWebSocket, "DEFAULT_GATEWAY", None)
    modules = {"aiohttp": aiohttp, "commands": commands, "discord": discord, "ssl": ssl, "yarl": yarl}
    names = await run(CONNECT, sandbox=sandbox, intents=discord.Intents.all(), **modules)
    async with names["bot"] as bot:
        await bot.login(sandbox.bot_token)
        assert bot.user.id == sandbox.bot_id
        connecting = asyncio.create_task(bot.connect())
        await sandbox.bot_online()
        await bot.close()
        await connecting


async def test_another_voice_library_gets_the_two_payloads(sandbox: Sandbox) -> None:
    ada = await sandbox.add_guest("Ada")
    names = await run(JOIN, sandbox=sandbox, user=ada.user)
    assert names["voice_state"]["channel_id"] == str(sandbox.voice_channel.id)
    assert names["voice_state"]["user_id"] == str(ada.id)
    assert names["voice_server"]["endpoint"] == sandbox.voice_server.endpoint


def test_the_whole_example_prints_what_the_page_says(tmp_path: Path) -> None:
    program = tmp_path / "try_sandbox.py"
    program.write_text(EXAMPLE.text, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run((sys.executable, program), env=environment, capture_output=True, text=True, timeout=LIMIT)
    promised = re.search(r"it prints `(.*)`", (ROOT / SANDBOX).read_text(encoding="utf-8"))
    assert promised is not None
    assert done.returncode == 0, done.stderr
    assert done.stdout == promised[1] + "\n"


async def test_the_example_of_faults_causes_them(sandbox: Sandbox) -> None:
    await sandbox.join_voice(sandbox.bot_id, sandbox.voice_channel.id)
    await run(FAULTS, sandbox=sandbox, Conditions=Conditions)
    assert sandbox.faults.rest.pending == 1
    assert sandbox.voice_server.network.down == Conditions(loss=0.05, jitter=0.03)
    assert sandbox.world.voice.find(sandbox.guild.id, sandbox.bot_id) is None
