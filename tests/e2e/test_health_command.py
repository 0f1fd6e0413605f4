"""Tests of ``python -m bot health`` for a bot that is healthy, in a call, without its model server, or killed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

from sandbox.server import Sandbox
from tests.e2e.program import SAID_LIMIT, VOICE, output, program, read_until


async def health(folder: Path, **environment: str) -> tuple[int | None, dict[str, str]]:
    async with program("health", "--json", folder=folder, **environment) as process:
        told: dict[str, str] = json.loads(await output(process))
    return process.returncode, told


async def health_when(folder: Path, condition: Callable[[dict[str, str]], bool]) -> tuple[int | None, dict[str, str]]:
    """Repeat the command until the condition is true of its answer. Returns the exit status and the answer."""
    async with asyncio.timeout(SAID_LIMIT):
        while not condition((said := await health(folder))[1]):
            await asyncio.sleep(0.5)
    return said


async def test_the_health_command_tells_whether_the_bot_runs_has_a_call_or_was_killed(tmp_path: Path) -> None:
    async with Sandbox() as sandbox:
        ada = await sandbox.add_guest("Ada")
        await ada.join_voice(sandbox.voice_channel)
        async with program("run", "--events", folder=tmp_path, **sandbox.bot_settings) as process:
            await read_until(process, "Connected as")
            assert await health_when(tmp_path, lambda told: told["status"] == "healthy") == (
                0,
                {
                    "status": "healthy",
                    "discord": "connected",
                    "model": "ready",
                    "ears": "ready",
                    "voice": "ready",
                    "call": "idle",
                },
            )
            await ada.say(sandbox.text_channel, "!join")
            await read_until(process, "call.started")
            await health_when(tmp_path, lambda told: told["call"] == "active")
            process.kill()
            await process.wait()
            status, told = await health(tmp_path)
    assert (status, told["status"]) == (1, "down")


async def test_a_bot_without_its_model_server_is_degraded_and_not_down(tmp_path: Path, speech_server: str) -> None:
    async with Sandbox() as sandbox:
        away = {"LLM_URL": "http://127.0.0.1:9/v1", VOICE: speech_server}
        async with program("run", folder=tmp_path, **sandbox.bot_settings, **away) as process:
            await read_until(process, "Connected as")
            status, told = await health_when(tmp_path, lambda told: "127.0.0.1:9" in told["model"])
    assert (status, told["status"]) == (0, "degraded")
