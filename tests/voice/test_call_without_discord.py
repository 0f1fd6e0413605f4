"""A call works without Discord: arrays in, arrays out, in a process that never imports discord.py."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import numpy as np

from config.project import ROOT
from sandbox.speech import ADA, speech

QUESTION = "Do you remember the summer holidays?"


async def test_a_spoken_utterance_is_transcribed_answered_and_played(tmp_path: Path, toy_ears: Path) -> None:
    np.save(tmp_path / "sound.npy", speech(QUESTION, ADA))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.voice.call_without_discord", str(toy_ears)),
        *(str(tmp_path / "sound.npy"), str(tmp_path)),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    printed, _ = await process.communicate()
    assert json.loads(printed) == {
        "heard": [["Ada", QUESTION]],
        "spoken": [f"Ada said: {QUESTION}"],
        "captioned": [f"**Ada:** {QUESTION}", f"**Seiyuu:** Ada said: {QUESTION}"],
        "played": 50,
        "discord": [],
    }
