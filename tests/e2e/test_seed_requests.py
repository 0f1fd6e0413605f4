"""The requests of the projects from which this one began, word for word, to a running bot: only the ports are ours."""

from __future__ import annotations

import asyncio
import base64
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import httpx2
import numpy as np
import pytest
from openai import AsyncOpenAI
from websockets.asyncio.client import connect

from sandbox.speech import GUEST_VOICES, speech
from tests.docs.test_examples import PLAYER
from tests.e2e.program import logged_program, read_until, speech_port
from tests.e2e.test_api import ANSWER, QUESTION, said_over_realtime, wav
from tests.e2e.test_page import page_of
from tests.tts_server.api.speaking import played
from tests.tts_server.voices.sounds import seconds_of_speech
from tests.tts_server.voices.sounds import wav as long_wav

pytestmark = pytest.mark.timeout(240)

SECRETARY, AVATAR, MIKU = "localhost:8002", "localhost:8000", "localhost:8765"
"""The addresses in those projects: of AI Secretary's orchestrator, of AVATAR, and of Miku's voice."""
SPEAK = """
curl -X POST http://localhost:8002/tts \\
  -H "Content-Type: application/json" \\
  -d '{"text": "Привет!", "language": "ru"}' \\
  -o output.wav
"""
CALL = """
curl -X POST http://localhost:8002/process_call \\
  -F "audio=@input.wav" \\
  -o response.wav
"""
STREAM = """
curl -X POST http://localhost:8002/admin/tts/stream \\
  -H "Content-Type: application/json" \\
  -d '{
    "text": "Здравствуйте!",
    "voice": "gulya",
    "target_sample_rate": 8000,
    "output_format": "pcm16"
  }' --output audio.pcm
"""
SOCKET = """
const ws = new WebSocket('ws://localhost:8002/admin/tts/ws/stream');

ws.onopen = () => {
  ws.send(JSON.stringify({
    text: "Привет!",
    voice: "gulya",
    target_sample_rate: 8000
  }));
};

ws.onmessage = (event) => {
  if (event.data instanceof Blob) {
    // Бинарный аудио чанк
    playAudioChunk(event.data);
  } else {
    // JSON статус
    const status = JSON.parse(event.data);
    if (status.done) {
      console.log(`TTFA: ${status.first_chunk_ms}ms`);
    }
  }
};
"""
HEALTH = "curl http://localhost:8000/health"
TOKENS = ('{"token": "Hello", "pitch_shift": 0}', '{"token": " world"}', '{"token": "!", "flush": false}')
PIECE = 300
"""Milliseconds of each ``audio_chunk`` of AVATAR."""


@dataclass(frozen=True, slots=True)
class House:
    """The running bot: its port, the port of its speech server, and the folder in which requests are sent."""

    port: int
    voice_port: int
    folder: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    async def run(self, *command: str) -> str:
        """Run a command; returns what it prints."""
        process = await asyncio.create_subprocess_exec(
            *command, cwd=self.folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        printed, errors = await process.communicate()
        assert process.returncode == 0, errors.decode()
        return printed.decode()

    async def sh(self, text: str, address: str, port: int) -> str:
        """Run a command of those projects, with our port in its address. An error status makes curl fail."""
        return await self.run(
            "sh", "-ec", text.replace(address, f"localhost:{port}").replace("curl ", "curl -sS -f ", 1)
        )


@asynccontextmanager
async def running_bot(folder: Path, cache_dir: Path) -> AsyncIterator[House]:
    (folder / "input.wav").write_bytes(wav(speech(QUESTION, GUEST_VOICES["Ada"])))
    settings = {"CACHE_DIR": str(cache_dir), "TTS_ENGINE": "espeak"}
    async with logged_program(folder / "log", "talk", folder=folder, **settings) as process:
        url = await page_of(process)
        await read_until(process, "Ready.")
        yield House(int(url.rstrip("/").rpartition(":")[2]), speech_port(process), folder)


async def test_the_requests_of_earlier_projects_are_answered_as_they_stand(tmp_path: Path, cache_dir: Path) -> None:
    async with running_bot(tmp_path, cache_dir) as house:
        await ask_as_ai_secretary(house)
        await ask_as_avatar(house)
        await ask_as_miku(house)
        await ask_as_openai(house)
    assert "Traceback" not in (tmp_path / "log").read_text()


async def ask_as_ai_secretary(house: House) -> None:
    await house.sh(SPEAK, SECRETARY, house.port)
    await house.sh(CALL, SECRETARY, house.port)
    for name in ("output.wav", "response.wav"):
        sound, rate = played((house.folder / name).read_bytes())
        assert (len(sound) > 0.3 * rate, rate) == (True, 24_000), name
    await house.sh(STREAM, SECRETARY, house.voice_port)
    sound = np.frombuffer((house.folder / "audio.pcm").read_bytes(), "<i2")
    assert len(sound) % 160 == 0, "whole frames of 20 ms"
    assert np.abs(sound).max() > 1_000
    if shutil.which("node") is None:
        return
    script = SOCKET.replace(SECRETARY, f"localhost:{house.voice_port}")
    printed = await house.run("node", "--experimental-websocket", "-e", PLAYER + script)
    assert printed.startswith("TTFA: ")
    assert int(printed.split()[-1]) > 2 * 0.2 * 8_000


async def ask_as_avatar(house: House) -> None:
    health = json.loads(await house.sh(HEALTH, AVATAR, house.port))
    assert (health["status"], health["models"].keys()) == ("healthy", {"llm", "whisper", "tts"})
    form = aiohttp.FormData({"name": "Robin", "keep": "true"})
    form.add_field("audio", long_wav(seconds_of_speech(8)), filename="robin.wav")
    async with aiohttp.ClientSession(house.url) as session:
        async with session.post("api/voice-profile", data=form) as answer:
            assert answer.status == 201, await answer.text()
            made = (await answer.json())["id"]
        async with session.get("api/voice-profiles") as answer:
            assert [each["id"] for each in (await answer.json())["voices"]] == [made]
        async with session.delete(f"api/voice-profile/{made}") as answer:
            assert answer.status == 204
        async with session.get("api/conversations") as answer:
            stored = (await answer.json())["conversations"]
        assert {"id", "transport", "place", "started", "ended", "people"} <= stored[0].keys()
    heard = await heard_over_chat(house)
    assert QUESTION in [each["text"] for each in heard if each["type"] == "transcription" and each["final"]]
    assert "".join(each["token"] for each in heard if each["type"] == "llm_token").strip() == ANSWER
    sound = b"".join(base64.b64decode(each["audio"]) for each in heard if each["type"] == "audio_response")
    assert len(sound) > 24_000, "half a second at least"
    assert {each["quality"] for each in heard if each["type"] == "audio_response"} <= {"fast", "hq"}
    assert [each["code"] for each in heard if each["type"] == "error"] == ["unknown_type"]


async def heard_over_chat(house: House) -> list[dict[str, Any]]:
    """What a client of AVATAR hears after sending a question in pieces of 300 ms, in real time, and then silence."""
    said = np.frombuffer((house.folder / "input.wav").read_bytes()[44:], "<i2")
    said = np.concatenate([said, np.zeros(16_000, "<i2")])
    heard: list[dict[str, Any]] = []
    async with connect(f"ws://localhost:{house.port}/ws/chat", max_size=None) as socket:
        await socket.send('{"type": "no_such_type"}')
        for at in range(0, len(said), 16 * PIECE):
            piece = base64.b64encode(said[at : at + 16 * PIECE].tobytes()).decode()
            await socket.send(json.dumps({"type": "audio_chunk", "audio": piece}))
            await asyncio.sleep(PIECE / 1000)
        async for message in socket:
            assert isinstance(message, str)
            heard.append(json.loads(message))
            if heard[-1]["type"] == "audio_end":
                break
        await socket.send('{"type": "hangup"}')
        async for message in socket:
            if json.loads(message) == {"type": "state", "state": "idle"}:
                break
    return heard


async def ask_as_miku(house: House) -> None:
    async with connect(f"ws://{MIKU}/ws/stream".replace("8765", str(house.voice_port)), compression=None) as socket:
        for message in TOKENS:
            await socket.send(message)
        await socket.send('{"flush": true}')
        sound = b""
        async for received in socket:
            if isinstance(received, bytes):
                sound += received
            elif json.loads(received).get("event") == "flushed":
                break
    samples = np.frombuffer(sound, "<f4")
    assert len(samples) > 0.3 * 48_000
    assert 0.01 < np.abs(samples).max() <= 1.0


async def ask_as_openai(house: House) -> None:
    file = house.folder / "input.wav"
    async with (
        # OpenAI's usual HTTP client insists on certificate authorities, and these tests have none (``no_authorities``).
        httpx2.AsyncClient(trust_env=False) as http,
        AsyncOpenAI(base_url=f"{house.url}v1", api_key="none", http_client=http) as client,
    ):
        spoken = await client.audio.speech.create(model="tts-1", voice="alloy", input="Good evening.")
        sound, _ = played(await spoken.aread())
        assert len(sound) > 8_000
        transcription = await client.audio.transcriptions.create(model="whisper-1", file=file)
        assert transcription.text == QUESTION
        events = await client.audio.transcriptions.create(model="whisper-1", file=file, stream=True)
        told = [event async for event in events]
        assert "".join(each.delta for each in told if each.type == "transcript.text.delta").strip() == QUESTION
        assert [each.text for each in told if each.type == "transcript.text.done"] == [QUESTION]
        assert [model.id async for model in client.models.list()]
    assert await said_over_realtime(house.url) == ANSWER
