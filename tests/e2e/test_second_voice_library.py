"""Tests with a guest that uses another library (@discordjs/voice on Node): it hears the bot and is understood."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sandbox.recogniser import SentenceRecogniser
from sandbox.speech import BEN, GuestVoice, speech
from sandbox.voice.opus import FRAME_SAMPLES, SAMPLE_RATE, MonoEncoder, make_decoder
from sandbox.voice.rtp import SILENCE
from tests import npm
from tests.e2e.conftest import Stage
from tests.timing import LIMIT
from toys.llm.phrases import TOY_PHRASES

HERE = Path(__file__).parent / "discordjs"
ANSWERS = [phrase.answer for phrase in TOY_PHRASES if phrase.answer.isascii()]


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which npm can install the library, with a copy of our guest. The test is skipped if Node.js or npm is
    missing.
    """
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("needs Node.js and npm")
    folder = tmp_path_factory.mktemp("discordjs")
    for name in ("package.json", "guest.mjs"):
        shutil.copy(HERE / name, folder / name)
    return folder


class NodeGuest:
    """The Node process. It reads and writes JSON lines."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.states: list[str] = []
        self.packets: list[bytes] = []
        self.faults: list[str] = []

    async def lines(self) -> AsyncIterator[dict[str, Any]]:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            yield json.loads(line)

    async def listen(self) -> None:
        async for line in self.lines():
            if "state" in line:
                self.states.append(line["state"])
            elif "opus" in line:
                self.packets.append(base64.b64decode(line["opus"]))
            else:
                self.faults.append(line["error"])

    async def say(self, text: str, voice: GuestVoice) -> None:
        """Speak through the library's own player, with its own encryption and pace. The Opus packets are made here."""
        sound = await asyncio.to_thread(speech, text, voice)
        encoder = MonoEncoder()
        frames = [sound[at : at + FRAME_SAMPLES] for at in range(0, len(sound) - FRAME_SAMPLES, FRAME_SAMPLES)]
        packets = [base64.b64encode(encoder.encode(frame)).decode() for frame in frames]
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"play": packets}).encode() + b"\n")

    async def end(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        await asyncio.wait_for(self.process.wait(), LIMIT)


async def test_discordjs_voice_is_understood_and_hears_the_answer_encrypted_from_end_to_end(
    stage: Stage, library: Path
) -> None:
    if (failure := await npm.install(library)) is not None:
        pytest.skip(f"npm could not install @discordjs/voice: {failure}")
    await stage.join()
    ben = stage.sandbox.world.directory.add_user("Ben")
    stage.sandbox.world.directory.add_member(stage.sandbox.guild, ben)
    channel = stage.sandbox.voice_channel
    voice_state, voice_server = await stage.sandbox.join_voice(ben.id, channel.id)
    guest = NodeGuest(
        await asyncio.create_subprocess_exec(
            *("node", "guest.mjs"),
            cwd=library,
            env={**os.environ, "NODE_EXTRA_CA_CERTS": str(stage.sandbox.ca_file)},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
    )
    listening = asyncio.create_task(guest.listen())
    hello = {
        "guildId": str(stage.sandbox.guild.id),
        "channelId": str(channel.id),
        "userId": str(ben.id),
        "voiceState": voice_state,
        "voiceServer": voice_server,
        "listenTo": str(stage.bot),
    }
    assert guest.process.stdin is not None
    guest.process.stdin.write(json.dumps(hello).encode() + b"\n")
    await stage.until(lambda: "ready" in guest.states, "the library's connection")
    group = {stage.ada.id, stage.bot, ben.id}
    await stage.until(lambda: stage.sandbox.voice_server.in_group(channel.id) == group, "the library in the group")
    await guest.say("Seiyuu, can you sing something?", BEN)
    await stage.until(lambda: stage.heard_from(ben.id) == ["Seiyuu, can you sing something?"], "the library's words")
    await stage.turns(1)
    await stage.until(lambda: len(guest.packets) > 250, "the library's packets")
    await guest.end()
    await listening

    decoder = make_decoder()
    sound = np.concatenate([decoder.decode_frame(packet) for packet in guest.packets if packet != SILENCE])
    match = SentenceRecogniser(ANSWERS).closest(sound, SAMPLE_RATE, ANSWERS)
    assert match.text.startswith("La la la"), guest.faults
    assert match.agreement > 0.4
