"""Who may use the engines: nobody during a call, and few at once. No engine works on for a client that has gone."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.http.api import admission, streams
from bot.http.api.admission import LIMIT_SECONDS, MAX_AT_ONCE, as_http_error
from bot.llm.errors import ModelError, ModelErrorKind
from bot.speech_server.errors import SpeechLimitError, VoiceLimitError
from bot.voice.transcribe.transcriber import TranscriptionLimitError
from bot.work_gate import WorkGate
from tests.bot.http.api.api_stage import ApiStage, api_stage, form
from tests.bot.http.web_stage import SECRET, Answer
from tests.timing import wait_until

Options = Callable[[], dict[str, Any]]
NEEDS_ENGINES: list[tuple[str, Options]] = [
    ("/stt", lambda: {"data": form()}),
    ("/v1/audio/transcriptions", lambda: {"data": form()}),
    ("/tts", lambda: {"json": {"text": "Hello."}}),
    ("/v1/audio/speech", lambda: {"json": {"input": "Hello."}}),
    ("/chat", lambda: {"json": {"message": "Hello."}}),
    ("/process_call", lambda: {"data": form()}),
    ("/api/voice-profile", lambda: {"data": form()}),
    ("/v1/voice/profile", lambda: {"data": form()}),
]
NEEDS_NONE = [
    ("/v1/audio/voices", "GET"),
    ("/v1/models", "GET"),
    ("/api/voice-profiles", "GET"),
    ("/openapi.json", "GET"),
    ("/api/voice-profile/x", "DELETE"),
]
REACHED = "Today's limit is reached."
CHAT = {"message": "What time is it?", "stream": True}


async def test_during_a_call_requests_that_need_engines_are_refused(stage: ApiStage) -> None:
    await stage.gate.hold("a call")
    for path, options in NEEDS_ENGINES:
        answer = await stage.web.ask(path, "POST", **options())
        assert (answer.status, answer.code) == (409, "in_call"), path
    assert (stage.ears.requests, stage.mind.asked) == ([], [])
    await stage.gate.release()
    for path, options in NEEDS_ENGINES:
        assert (await stage.web.ask(path, "POST", **options())).status in (200, 400), "400: a voice needs a name"


async def test_what_needs_no_engine_is_answered_during_a_call(stage: ApiStage) -> None:
    await stage.gate.hold("a call")
    for path, method in NEEDS_NONE:
        assert (await stage.web.ask(path, method)).status in (200, 404)


async def test_a_call_that_begins_waits_for_a_request_under_way(stage: ApiStage) -> None:
    stage.mind.pieces = ("It is ", None, "five.")
    asking = asyncio.create_task(stage.web.ask("/chat", "POST", json={"message": "What time is it?"}))
    await wait_until(lambda: stage.mind.streams)
    holding = asyncio.create_task(stage.gate.hold("a call"))
    await wait_until(lambda: stage.gate.held)
    assert not holding.done()
    stage.mind.going_on.set()
    assert (await asking).json["reply"] == "It is five."
    await holding


async def test_a_request_that_takes_too_long_is_stopped_when_a_call_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admission, "HOLD_LIMIT", 0.01)
    async with api_stage(tmp_path) as stage:
        stage.mind.pieces = ("It is ", None)
        whole = asyncio.create_task(stage.web.ask("/chat", "POST", json={**CHAT, "stream": False}))
        async with stage.web.session.post(stage.web.url("/chat"), json=CHAT) as begun:
            await begun.content.readuntil(b"\n\n")
            await wait_until(lambda: stage.mind.streams == 2)
            await stage.gate.hold("a call")
            assert ((await whole).status, (await whole).code) == (409, "in_call")
            with pytest.raises(aiohttp.ClientError):
                await begun.read()
        assert stage.mind.streams == 0


async def test_only_a_few_requests_are_under_way_at_once(stage: ApiStage) -> None:
    stage.mind.pieces = ("It is ", None)
    asking = [
        asyncio.create_task(stage.web.ask("/chat", "POST", json={"message": "What time is it?"}))
        for _ in range(MAX_AT_ONCE)
    ]
    await wait_until(lambda: stage.mind.streams == MAX_AT_ONCE)
    answer = await stage.post_file("/stt")
    assert (answer.status, answer.code, answer.headers["Retry-After"]) == (429, "busy", "1")
    stage.mind.going_on.set()
    assert {(await each).status for each in asking} == {200}
    assert (await stage.post_file("/stt")).status == 200


@pytest.mark.parametrize("streams", [True, False])
async def test_a_client_that_goes_away_frees_the_mind(stage: ApiStage, streams: bool) -> None:
    stage.mind.pieces = ("It is ", None)
    asking = asyncio.create_task(stage.web.ask("/chat", "POST", json={**CHAT, "stream": streams}))
    await wait_until(lambda: stage.mind.streams)
    asking.cancel()
    await wait_until(lambda: stage.mind.streams == 0)
    await stage.gate.hold("a call")


async def test_a_client_that_goes_away_frees_the_ears(stage: ApiStage) -> None:
    stage.ears.hearing.clear()
    asking = asyncio.create_task(stage.post_file("/stt"))
    await wait_until(lambda: stage.ears.requests)
    asking.cancel()
    await wait_until(lambda: stage.ears.cancelled)


async def test_a_client_that_goes_away_frees_the_voice(stage: ApiStage) -> None:
    text = "One, two, three. " * 200
    async with stage.web.session.post(stage.web.url("/tts"), json={"text": text}) as answer:
        await answer.content.readexactly(1_000)
        answer.close()
    await asyncio.wait_for(stage.gate.hold("a call"), 60)


async def test_a_client_that_does_not_read_is_disconnected(stage: ApiStage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "WRITE_LIMIT", 0.1)
    stage.mind.pieces = [1_000_000 * "x" for _ in range(30)]
    async with stage.web.session.post(stage.web.url("/chat"), json=CHAT):
        await wait_until(lambda: stage.mind.asked and stage.mind.streams == 0)


async def test_without_the_token_nothing_is_done(tmp_path: Path) -> None:
    paths = [*(path for path, _ in NEEDS_ENGINES), *(path for path, _ in NEEDS_NONE)]
    async with api_stage(tmp_path, SECRET) as stage:
        for path, method in itertools.product(paths, ("GET", "DELETE", "POST")):
            assert (await stage.web.ask(path, method)).status == 401
        assert (stage.ears.requests, stage.mind.asked) == ([], [])


async def test_a_strangers_page_can_send_nothing_that_needs_an_engine(stage: ApiStage) -> None:
    for path, options in NEEDS_ENGINES:
        answer = await stage.web.ask(path, "POST", headers={"Origin": "https://evil.example"}, **options())
        assert (answer.status, answer.code) == (403, "bad_origin")
        answer = await stage.web.ask(path, "POST", headers={"Host": "evil.example"}, **options())
        assert (answer.status, answer.code) == (403, "bad_host")
    assert (stage.ears.requests, stage.mind.asked) == ([], [])


async def test_an_allowed_page_may_read_the_headers(tmp_path: Path) -> None:
    page = "http://localhost:3000"
    async with api_stage(tmp_path, allowed=[page]) as stage:
        answer: Answer = await stage.web.ask("/chat", "POST", json={"message": "Hello"}, headers={"Origin": page})
        assert answer.headers["Access-Control-Allow-Origin"] == page
        assert "X-Conversation" in answer.headers["Access-Control-Expose-Headers"]
        assert json.loads(answer.text)["reply"]


def test_the_gate_has_a_name_for_people() -> None:
    gate = admission.make_gate()
    assert isinstance(gate, WorkGate)
    assert gate.name == "requests over HTTP"


@pytest.mark.parametrize(
    "error",
    [
        TranscriptionLimitError(REACHED),
        ModelError(ModelErrorKind.LIMIT, REACHED),
        SpeechLimitError(REACHED),
        VoiceLimitError(REACHED),
    ],
)
def test_programs_are_told_that_todays_limit_is_reached(error: Exception) -> None:
    answer = as_http_error(error)
    assert (answer.status, answer.code, answer.retry_after) == (503, "daily_limit", LIMIT_SECONDS)
    assert str(answer) == REACHED
