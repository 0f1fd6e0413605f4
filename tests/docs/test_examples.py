"""Every example of docs/examples.md is run, with other ports, against real servers with scripted ears and mind."""

from __future__ import annotations

import asyncio
import re
import shutil
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from config.project import ROOT
from tests.bot.http.api.api_stage import WORDS, ApiStage, api_stage
from tests.bot.http.chat_house import chat_house
from tests.docs.pages import EXAMPLES, lines
from tests.features.recordings import recording
from tests.tts_server.api.speaking import played
from tests.tts_server.voices.sounds import seconds_of_speech, wav

REPLY = "It is five o'clock."
REALTIME = "realtime.connect"
COMMANDS = {
    "sh": ("sh", "-ec"),
    "python": (sys.executable, "-c"),
    "javascript": ("node", "--experimental-websocket", "-e"),
}
"""How a block is run, by its language."""
PLAYER = """
let played = 0;
const playAudioChunk = (blob) => { played += blob.size; };
const log = console.log;
console.log = (line) => { log(line); log(`played ${played}`); process.exit(0); };
"""
"""Names that the JavaScript example takes from the program around it, which ends when the example says something."""


@dataclass(frozen=True, slots=True)
class Example:
    """One fenced block: its language, the number of the line on which it begins, and its text."""

    kind: str
    number: int
    text: str


def examples() -> list[Example]:
    text = (ROOT / EXAMPLES).read_text(encoding="utf-8")
    return [
        Example(block[1], text[: block.start()].count("\n") + 1, block[2])
        for block in re.finditer(r"^```(\w+)\n(.*?)^```$", text, re.S | re.M)
    ]


ALL = examples()


def containing(words: str) -> Example:
    (found,) = [each for each in ALL if words in each.text]
    return found


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[ApiStage]:
    (tmp_path / "input.wav").write_bytes(recording(1.0, container="wav", codec="pcm_s16le", rate=16_000))
    (tmp_path / "call.ulaw").write_bytes(bytes(range(256)) * 40)
    (tmp_path / "robin.wav").write_bytes(wav(seconds_of_speech(8)))
    async with api_stage(tmp_path) as stage:
        yield stage


async def run(example: Example, stage: ApiStage, folder: Path) -> str:
    """Run an example in ``folder``. Returns what it prints."""
    if REALTIME in example.text:
        async with chat_house(folder) as house:
            return await run_at(example, folder, house.port, 0)
    return await run_at(example, folder, stage.web.port, stage.voices.server.http.port)


async def run_at(example: Example, folder: Path, bot: int, speech_server: int) -> str:
    """Run an example against the servers at these ports."""
    text = example.text.replace("127.0.0.1:8770", f"127.0.0.1:{bot}")
    text = text.replace("127.0.0.1:8765", f"127.0.0.1:{speech_server}")
    if example.kind == "javascript":
        text = f"{PLAYER}\n{text}"
    command = COMMANDS[example.kind]
    process = await asyncio.create_subprocess_exec(
        *command, text, cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    printed, errors = await process.communicate()
    assert process.returncode == 0, f"{EXAMPLES}, line {example.number}: {errors.decode()}"
    return printed.decode()


def sounds(folder: Path) -> list[NDArray[np.float32]]:
    """The samples of all WAV files in a folder."""
    return [played(file.read_bytes())[0] for file in folder.glob("*.wav")]


def test_every_block_is_of_a_kind_that_a_test_runs() -> None:
    assert {each.kind for each in ALL} <= COMMANDS.keys()
    fences = [line for line in lines(EXAMPLES) if line.text.startswith("```")]
    assert len(fences) == 2 * len(ALL)


@pytest.mark.parametrize("example", ALL, ids=lambda example: f"line {example.number}")
async def test_the_example_runs_and_no_request_is_refused(example: Example, stage: ApiStage, tmp_path: Path) -> None:
    if example.kind == "javascript" and shutil.which("node") is None:
        pytest.skip("needs Node.js")
    printed = await run(example, stage, tmp_path)
    assert '"error"' not in printed
    if example.kind == "javascript":
        assert re.fullmatch(r"TTFA: [\d.]+ms\nplayed [1-9]\d+\n", printed)
    assert all(len(sound) > 1_000 for sound in await asyncio.to_thread(sounds, tmp_path)), "each file has a sound"


async def test_the_examples_give_what_they_promise(stage: ApiStage, tmp_path: Path) -> None:
    async def printed_by(words: str) -> str:
        return await run(containing(words), stage, tmp_path)

    assert WORDS in await printed_by("/stt -F audio=@input.wav")
    assert (await printed_by("call.ulaw")).count(WORDS) == 4, (
        "for each of the two requests, the text and the text of its only segment"
    )
    assert "00:00:00,000 --> " in await printed_by("response_format=srt")
    assert '"token": "It is "' in await printed_by('"stream": true')
    await printed_by("headers.txt")
    assert "X-Transcription: What%20time" in (tmp_path / "headers.txt").read_text()
    assert REPLY in await printed_by("Who am I?")
    assert [turn.text for turn in stage.mind.asked[-1][1]] == ["I am Ada.", REPLY]
    assert '"id": "robin"' in await printed_by("voice-profiles")
    assert "s of speech, the first after" in await printed_by("the first after")
    await printed_by("/admin/tts/stream")
    assert (tmp_path / "audio.pcm").stat().st_size % 320 == 0
    assert await printed_by(REALTIME) == "Guest said: How are you?\n1.0 s of speech\n"
    assert (await printed_by("from openai import OpenAI")).startswith(f"{WORDS}\n{WORDS}\n['stand-in', 'tts-1'")
