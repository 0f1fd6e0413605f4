"""``python -m tests.voice.call_without_discord WEIGHTS SOUND FOLDER``: a call over a transport in memory.

Ada says the sound of the file ``SOUND`` (48,000 Hz, ``.npy``). The program prints what was heard, answered, captioned
and played, and which modules of discord.py were imported, as JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from bot.voice.events import ReplyEnded, UtteranceHeard, WordsSpoken
from bot.voice.transcribe.corrections import Corrections
from bot.voice.transcribe.whisper import WhisperOptions, WhisperTranscriber
from tests.voice.doubles import HummingSpeech, RepeatingResponder
from tests.voice.effects import only
from tests.voice.memory_call import ADA, memory_call


async def converse(weights: str, sound: Path, folder: Path) -> dict[str, Any]:
    """Hold the call. Returns what happened in it."""
    ears = WhisperTranscriber(WhisperOptions(weights, "cpu", 1, "en"), Corrections())
    try:
        async with memory_call(folder, ears, RepeatingResponder(), HummingSpeech()) as memory:
            await memory.hear(ADA, np.load(sound))
            await memory.until(lambda event: isinstance(event, ReplyEnded))
    finally:
        await ears.close()
    return {
        "heard": [(event.author, event.text) for event in only(UtteranceHeard, memory.events)],
        "spoken": [event.text for event in only(WordsSpoken, memory.events)],
        "captioned": "\n".join(memory.transport.captioned).split("\n"),
        "played": len(memory.transport.played),
        "discord": sorted(name for name in sys.modules if name.partition(".")[0] == "discord"),
    }


if __name__ == "__main__":
    print(json.dumps(asyncio.run(converse(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])))))  # noqa: T201
