"""The demonstration with real weights: a real transcriber understands what the guests hear of the bot's voice."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest

from bot.own_weights import OwnWeights
from config.project import ROOT


@pytest.mark.timeout(600)
async def test_the_demonstration_judges_its_own_call_as_good(weights: OwnWeights, tmp_path: Path) -> None:
    assert weights.stt
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "demo"),
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "WEIGHTS": "real"},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    assert process.stdout is not None
    try:
        printed = (await process.stdout.read()).decode()
        status = await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert status == 0, printed
    report = json.loads((tmp_path / "data" / "demo" / "call.json").read_text("utf-8"))
    assert report["good"]
    assert report["letter_error_rate"] <= 0.08
    # The answers to six questions, and the story, unless it was interrupted.
    assert len(report["turns"]) == (6 if "Ada interrupts." in printed else 7), printed
    log = (tmp_path / "data" / "demo" / "bot.log").read_text("utf-8")
    assert len(log.splitlines()) < 40, "there is no line for each percent of progress"
