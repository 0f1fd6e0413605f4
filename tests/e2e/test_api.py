"""The HTTP API of ``python -m bot talk``: real ears, mind and voice with toy weights; no chat during a call."""

from __future__ import annotations

import io
import signal
import wave
from pathlib import Path
from urllib.parse import unquote

import aiohttp
import httpx2
import numpy as np
import pytest
import soxr
from numpy.typing import NDArray
from openai import AsyncOpenAI

from bot.database import FILE
from sandbox.speech import GUEST_VOICES, speech
from tests.bot.http.chat_house import page_at
from tests.e2e.program import logged_program, read_until
from tests.timing import wait_until
from toys.llm.phrases import TOY_PHRASES

QUESTION = "How are you?"
ANSWER = next(phrase.answer for phrase in TOY_PHRASES if phrase.question == QUESTION)


def wav(sound: NDArray[np.float32], rate: int = 16_000) -> bytes:
    """A WAV file at ``rate`` of a sound that is at 48,000 Hz."""
    file = io.BytesIO()
    with wave.open(file, "wb") as output:
        output.setparams((1, 2, rate, 0, "NONE", ""))
        output.writeframes((soxr.resample(sound, 48_000, rate) * 32_767).astype("<i2").tobytes())
    return file.getvalue()


def form(file: bytes, **fields: str) -> aiohttp.FormData:
    data = aiohttp.FormData(fields)
    data.add_field("audio", file, filename="input.wav", content_type="audio/wav")
    return data


async def said_over_realtime(url: str) -> str:
    """The answer to the question in a call of OpenAI's own client."""
    async with (
        # Its usual HTTP client insists on certificate authorities, and these tests have none (``no_authorities``).
        httpx2.AsyncClient(trust_env=False) as http,
        AsyncOpenAI(base_url=f"{url}v1", api_key="none", http_client=http) as client,
        client.realtime.connect(model="seiyuu") as connection,
    ):
        await connection.conversation.item.create(
            item={"type": "message", "role": "user", "content": [{"type": "input_text", "text": QUESTION}]}
        )
        await connection.response.create()
        words = ""
        async for event in connection:
            if event.type == "response.output_audio_transcript.delta":
                words += event.delta
            elif event.type == "response.done":
                assert event.response.status == "completed"
                break
    return words


@pytest.mark.timeout(180)
async def test_ears_mind_and_voice_serve_programs_between_calls(tmp_path: Path, cache_dir: Path) -> None:
    asked = wav(speech(QUESTION, GUEST_VOICES["Ada"]))
    settings = {"CACHE_DIR": str(cache_dir), "TTS_ENGINE": "espeak"}
    async with (
        logged_program(tmp_path / "log", "talk", folder=tmp_path, **settings) as process,
        aiohttp.ClientSession() as session,
    ):
        url = (await read_until(process, "\n")).removeprefix("Page: ").strip()
        assert await read_until(process, "\n") == "Ready.\n"
        async with session.post(f"{url}stt", data=form(asked)) as answer:
            heard = await answer.json()
        assert (heard["text"], heard["language"], len(heard["segments"])) == (QUESTION, "en", 1)

        async with session.post(f"{url}chat", json={"message": QUESTION}) as answer:
            assert answer.status == 200, await answer.text()
            chat = await answer.json()
        assert chat["reply"] == ANSWER

        async with session.post(f"{url}process_call", data=form(asked, conversation=chat["conversation"])) as answer:
            assert answer.status == 200, await answer.text()
            assert unquote(answer.headers["X-Transcription"]) == QUESTION
            assert answer.headers["X-Conversation"] == chat["conversation"]
            spoken = await answer.read()
        assert len(spoken) > 24_000, "half a second at least"

        async with session.post(f"{url}tts", json={"text": "Привет!", "language": "ru"}) as answer:
            assert (answer.status, answer.content_type) == (200, "audio/wav")
            assert len(await answer.read()) > 5_000
        async with session.get(f"{url}v1/audio/voices") as answer:
            assert len((await answer.json())["voices"]) > 50
        async with session.get(f"{url}openapi.json") as answer:
            assert (await answer.json())["openapi"] == "3.1.0"

        async with page_at(url) as page:
            await page.hello()
            async with session.post(f"{url}chat", json={"message": QUESTION}) as answer:
                assert answer.status == 409
                assert (await answer.json())["error"]["code"] == "in_call"
            async with session.get(f"{url}v1/models") as answer:
                assert answer.status == 200
            await page.send(type="hangup")

            async def released() -> bool:
                async with session.post(f"{url}chat", json={"message": QUESTION}) as answer:
                    return answer.status == 200

            await wait_until(released)

        assert await said_over_realtime(url) == ANSWER
        await wait_until(released)

        malformed = b'--b\r\nContent-Disposition: form-data; name="\xff\r\n\r\nx\r\n--b--\r\n'
        kind = {"Content-Type": "multipart/form-data; boundary=b"}
        async with session.post(f"{url}stt", data=malformed, headers=kind) as answer:
            assert answer.status == 400
        process.send_signal(signal.SIGTERM)
        await process.wait()
        assert process.returncode == 0
    log = (tmp_path / "log").read_text()
    assert "Traceback" not in log
    assert "Warning" not in log
    stored = (tmp_path / "data" / FILE).read_bytes()
    assert QUESTION.encode() in stored, "the conversation is kept as calls are"
