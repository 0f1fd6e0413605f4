"""Texts become speech: by ``/tts``, in the form of earlier projects, and by OpenAI's endpoints, whose requests go on to
the speech server.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI

from tests.bot.http.api.api_stage import ApiStage, api_stage
from tests.tts_server.api.speaking import played
from tts_server.engines.stand_in import SECONDS_PER_CHARACTER

TEXT = "Hello there, how are you?"
SECONDS = len(TEXT) * SECONDS_PER_CHARACTER


async def spoken(stage: ApiStage, path: str, **fields: Any) -> tuple[float, str]:
    """The length of the sound in seconds, and the content type."""
    async with stage.web.session.post(stage.web.url(path), json=fields) as answer:
        assert answer.status == 200, await answer.text()
        samples, rate = played(await answer.read())
        return len(samples) / rate, answer.headers["Content-Type"]


@pytest.mark.parametrize("fields", [{}, {"language": "en"}, {"voice": "tone"}, {"language": None, "voice": None}])
async def test_a_text_is_spoken(stage: ApiStage, fields: dict[str, Any]) -> None:
    seconds, kind = await spoken(stage, "/tts", text=TEXT, **fields)
    assert kind == "audio/wav"
    assert seconds == pytest.approx(SECONDS, abs=0.2)


async def test_a_russian_text_with_the_wrong_language_is_spoken(stage: ApiStage) -> None:
    seconds, _ = await spoken(stage, "/tts", text="Привет!", language="en")
    assert seconds > 0.2


async def test_openai_clients_get_speech_voices_and_models(stage: ApiStage) -> None:
    async with AsyncOpenAI(base_url=stage.web.url("/v1"), api_key="any", max_retries=0) as client:
        answer = await client.audio.speech.create(model="tts-1", voice="alloy", input=TEXT, response_format="flac")
        samples, rate = played(answer.content)
        assert len(samples) / rate == pytest.approx(SECONDS, abs=0.2)
        assert "tts-1" in [model.id async for model in client.models.list()]
        with pytest.raises(openai.BadRequestError) as refused:
            await client.audio.speech.create(model="tts-1", voice="nobody", input=TEXT)
        assert refused.value.code == "unknown_voice"
        assert "nobody" in refused.value.message
    voices = (await stage.web.ask("/v1/audio/voices")).json["voices"]
    assert [voice["id"] for voice in voices] == ["tone"]
    assert voices[0].keys() == {"id", "name", "language", "engine"}


async def test_the_speech_servers_events_are_passed_on(stage: ApiStage) -> None:
    answer = await stage.web.ask("/v1/audio/speech", "POST", json={"input": TEXT, "stream_format": "sse"})
    assert answer.headers["Content-Type"] == "text/event-stream"
    assert "speech.audio.done" in answer.text


WRONG: list[tuple[dict[str, Any], int, str]] = [
    ({}, 400, "bad_parameter"),
    ({"text": ""}, 400, "bad_parameter"),
    ({"text": 5}, 400, "bad_parameter"),
    ({"text": 4_097 * "x"}, 413, "too_long"),
    ({"text": "x", "voice": ""}, 400, "bad_parameter"),
    ({"text": "x", "voice": 201 * "x"}, 413, "too_long"),
    ({"text": "x", "voice": "nobody"}, 400, "unknown_voice"),
    ({"text": "x", "language": {}}, 400, "bad_parameter"),
]


async def test_wrong_fields_are_reported(stage: ApiStage) -> None:
    for fields, status, code in WRONG:
        answer = await stage.web.ask("/tts", "POST", json=fields)
        assert (answer.status, answer.code) == (status, code)
        assert set(answer.json["error"]) == {"code", "message"}


@pytest.mark.parametrize("fields", [{}, {"input": 5}, {"input": "x", "speed": "fast"}, {"input": 5_000 * "x"}])
async def test_refusals_of_the_speech_server_have_the_form_of_all_errors(
    stage: ApiStage, fields: dict[str, Any]
) -> None:
    answer = await stage.web.ask("/v1/audio/speech", "POST", json=fields)
    assert answer.status == 400
    assert set(answer.json["error"]) == {"code", "message"}
    assert answer.code


async def test_without_a_speech_server_the_status_says_so(tmp_path: Path) -> None:
    async with api_stage(tmp_path, voice=False) as stage:
        asked: tuple[tuple[str, str, dict[str, Any]], ...] = (
            ("/tts", "POST", {"json": {"text": TEXT}}),
            ("/v1/audio/speech", "POST", {"json": {"input": TEXT}}),
            ("/v1/audio/voices", "GET", {}),
            ("/v1/models", "GET", {}),
            ("/api/voice-profiles", "GET", {}),
            ("/api/voice-profile/x", "DELETE", {}),
        )
        for path, method, options in asked:
            answer = await stage.web.ask(path, method, **options)
            assert (answer.status, answer.code, answer.headers["Retry-After"]) == (503, "voice_away", "5"), path
            assert ":9" not in answer.text


@pytest.mark.parametrize("costs_money", [False, True])
@pytest.mark.parametrize(("path", "field"), [("/tts", "text"), ("/v1/audio/speech", "input")])
async def test_a_text_counts_as_paid_if_the_speech_server_says_that_its_engine_costs_money(
    tmp_path: Path, path: str, field: str, costs_money: bool
) -> None:
    async with api_stage(tmp_path, paid=False) as stage:
        stage.voices.server.pool._costs_money = lambda name: costs_money
        await spoken(stage, path, **{field: TEXT})
        ((_, _, seconds, paid),) = stage.meter.sound
        assert (seconds, paid) == (len(TEXT) / 15, costs_money)
