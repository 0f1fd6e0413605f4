"""Tests of the client of transcription servers, with an HTTP server that answers well and badly."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, replace

import aiohttp
import numpy as np
import pytest
from aiohttp import web
from pydantic import SecretStr

from bot.voice.transcribe import openai_transcriber
from bot.voice.transcribe.corrections import Corrections
from bot.voice.transcribe.openai_transcriber import OpenAITranscriber
from bot.voice.transcribe.transcriber import TranscriptionError, TranscriptionRequest, TranscriptionShed, Urgency
from config.engine_sections import RecogniserSettings
from tests.http_server import LocalServer, app_of
from tests.timing import LIMIT, Clock, clock_of_the_loop
from tests.voice.transcribe.scripted_server import (
    Answer,
    Asked,
    ScriptedRecogniser,
    answering,
    hanging_up,
    in_pieces,
    serving,
    silent,
)

SOUND = (0.5 * np.sin(np.arange(16_000) / 20)).astype(np.float32)
HELLO = answering('{"text": "Hello."}')


@dataclass(slots=True)
class Talk:
    """A transcriber, the server that it asks, and the clock that the test moves."""

    transcriber: OpenAITranscriber
    server: ScriptedRecogniser
    clock: Clock

    async def transcribe(self, urgency: Urgency = Urgency.FINAL, **changes: object) -> str:
        asked = replace(TranscriptionRequest(SOUND, urgency, ("Seiyuu", "Ada", "Ben")), **changes)  # type: ignore[arg-type]
        return (await self.transcriber.transcribe(asked)).text


@asynccontextmanager
async def talking(*script: Answer, key: str | None = None, language: str | None = None) -> AsyncIterator[Talk]:
    clock = Clock()
    async with serving(*script) as server, aiohttp.ClientSession() as http:
        secret = SecretStr(key) if key else None
        settings = RecogniserSettings(model="whisper-large", api_key=secret, language=language)
        corrections = Corrections({"say you": "Seiyuu"})
        transcriber = OpenAITranscriber(server.url, settings, http, corrections, clock=clock, sleep=clock.sleep)
        yield Talk(transcriber, server, clock)
        await transcriber.close()


async def test_the_sound_and_the_hot_words_arrive_and_the_text_is_corrected() -> None:
    answer = answering('{"text": " say you,\\n hello ", "language": "english"}')
    async with talking(answer, key="secret", language="en") as talk:
        assert await talk.transcribe() == "Seiyuu, hello"
        (asked,) = talk.server.asked
    assert asked == Asked(
        {
            "model": "whisper-large",
            "response_format": "verbose_json",
            "language": "en",
            "prompt": "Seiyuu, Ada, Ben.",
        },
        16_000,
        16_000,
        "Bearer secret",
    )


@pytest.mark.parametrize(
    "answer",
    [
        in_pieces('{"text":"', 'Hello."}'),
        in_pieces(*'{"text":"Hello."}', pause=0.0),
        in_pieces('{"text":"', 'Hello."}', content_type="text/plain"),
        in_pieces('{"text":"', 'Hello."}', content_type="text/html; charset=latin-1"),
        in_pieces("1\n00:00:00,000 --> ", "00:00:01,000\nHello.\n", content_type="text/plain"),
        in_pieces('{"text":"Hello.","segments":[{"text":" Hel', 'lo.","no_speech_prob":0.01,"avg_logprob":-0.2}]}'),
    ],
)
async def test_an_answer_in_pieces_is_read_whole_with_any_content_type(answer: Answer) -> None:
    async with talking(answer) as talk:
        assert await talk.transcribe() == "Hello."


async def test_an_endless_answer_is_refused() -> None:
    async def endless(request: web.Request, _: Asked) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b'{"text":"' + b"x" * 100_000)

    async with talking(endless) as talk:
        with pytest.raises(TranscriptionError, match="more words than"):
            await talk.transcribe()


async def test_a_server_that_does_not_answer_causes_a_timeout() -> None:
    with clock_of_the_loop() as let_pass:

        async def hang(request: web.Request, asked: Asked) -> web.StreamResponse:
            let_pass(openai_transcriber.ANSWER_LIMIT + 1.0)
            return await silent()(request, asked)

        async with talking(hang, HELLO) as talk:
            assert await talk.transcribe() == "Hello."
        async with talking(hang) as talk:
            with pytest.raises(TranscriptionError, match="no whole answer"):
                await talk.transcribe()


@pytest.mark.parametrize(
    ("text", "samples"), [("Thank you for watching!", 8_000), ("x" * 400, 16_000), ("Seiyuu, Ada, Ben", 8_000)]
)
async def test_hallucinations_are_removed(text: str, samples: int) -> None:
    async with talking(answering(json.dumps({"text": text}))) as talk:
        assert await talk.transcribe(sound=SOUND[:samples]) == ""


async def test_a_segment_that_is_doubtful_for_the_server_is_removed() -> None:
    segment = {"text": "You know.", "no_speech_prob": 0.9, "avg_logprob": -1.3, "compression_ratio": 0.9}
    async with talking(answering(json.dumps({"text": "You know.", "segments": [segment]}))) as talk:
        assert await talk.transcribe() == ""


@pytest.mark.parametrize("status", [400, 415, 422, 501])
async def test_a_model_without_the_verbose_format_is_asked_for_the_plain_one_from_then_on(status: int) -> None:
    async def plain(_: web.Request, asked: Asked) -> web.StreamResponse:
        if asked.fields["response_format"] == "json":
            return web.json_response({"text": "Hello."})
        error = {"message": "response_format 'verbose_json' is not compatible with model 'gpt-4o-transcribe'."}
        return web.json_response({"error": error}, status=status)

    async with talking(plain) as talk:
        assert [await talk.transcribe(), await talk.transcribe()] == ["Hello.", "Hello."]
        assert [asked.fields["response_format"] for asked in talk.server.asked] == ["verbose_json", "json", "json"]


async def test_the_usual_language_is_sent_with_short_sounds() -> None:
    long = np.tile(SOUND, 4)
    async with talking(answering('{"text": "Ja, genau."}')) as talk:
        await talk.transcribe(language="de")
        await talk.transcribe(language="de", sound=long)
        assert [asked.fields.get("language") for asked in talk.server.asked] == ["de", None]
    async with talking(answering('{"text": "Yes, right."}'), language="en") as talk:
        await talk.transcribe(language="de")
        assert talk.server.asked[0].fields["language"] == "en"


async def test_the_usual_language_is_not_sent_again_to_a_server_that_refuses_it() -> None:
    async def english(_: web.Request, asked: Asked) -> web.StreamResponse:
        if "language" in asked.fields:
            return web.json_response({"detail": "language: only en"}, status=422)
        return web.json_response({"text": "Yes."})

    async with talking(english) as talk:
        assert await talk.transcribe(language="de") == "Yes."
        assert await talk.transcribe(language="de") == "Yes."
        assert len(talk.server.asked) == 4


# Tests of servers that fail.


@pytest.mark.parametrize(
    "fault",
    [
        answering("", 500),
        answering("<html>Bad gateway</html>", 502, "text/html"),
        answering('{"error": "loading"}', 503),
        hanging_up(),
        hanging_up('{"text": "Hel'),
    ],
)
async def test_a_final_request_is_made_again_after_a_temporary_error(fault: Answer) -> None:
    async with talking(fault, fault, fault, HELLO) as talk:
        assert await talk.transcribe() == "Hello."
        assert talk.clock.slept < 5.0


@pytest.mark.parametrize(
    ("status", "body", "says"),
    [
        (401, "{}", "STT_API_KEY"),
        (404, "{}", r"STT_MODEL one of its models\?$"),
        (429, "{}", "too busy"),
        (429, '{"error": {"code": "insufficient_quota", "message": "You exceeded your quota."}}', "exceeded"),
        (500, "{}", "500"),
        (500, '{"error": {"message": "CUDA out of memory"}}', r"500: CUDA out of memory\.$"),
        (500, '{"error": {"message": "Out of memory."}}', r"Out of memory\.$"),
        (200, "not json", "does not answer"),
        (200, "[]", "does not answer"),
        (200, '{"text": 7}', "does not answer"),
        (200, '{"error": {"message": "no model"}}', "no model"),
    ],
)
async def test_the_text_of_a_permanent_error_says_what_to_do(status: int, body: str, says: str) -> None:
    async with talking(answering(body, status)) as talk:
        with pytest.raises(TranscriptionError, match=says):
            await talk.transcribe()
        assert talk.clock.slept < openai_transcriber.TIMEOUT


@pytest.mark.parametrize("body", ["", " \n", '{"text": "Hel', "<html><h1>Bad gateway</h1></html>"])
async def test_the_request_is_made_again_if_the_answer_broke_off(body: str) -> None:
    async with talking(answering(body), HELLO) as talk:
        assert await talk.transcribe() == "Hello."


async def test_a_cancelled_speculation_delays_nobody() -> None:
    async with talking(silent(), silent(), silent(), HELLO) as talk:
        speculations = [asyncio.create_task(talk.transcribe(Urgency.SPECULATION)) for _ in range(3)]
        async with asyncio.timeout(60):
            while len(talk.server.asked) < openai_transcriber.MAX_REQUESTS:
                await asyncio.sleep(0.01)
            for speculation in speculations:
                speculation.cancel()
            talk.server.script[:] = [HELLO]
            assert await talk.transcribe() == "Hello."


async def test_a_failed_speculation_is_not_made_again() -> None:
    async with talking(answering("", 500), HELLO) as talk:
        with pytest.raises(TranscriptionError):
            await talk.transcribe(Urgency.SPECULATION)
        assert len(talk.server.asked) == 1


async def test_speculation_is_dropped_and_final_requests_wait_while_a_server_is_busy() -> None:
    busy = answering("{}", 429, Retry_After="2")
    async with talking(HELLO, busy, HELLO) as talk:
        assert await talk.transcribe(Urgency.SPECULATION) == "Hello."
        assert await talk.transcribe() == "Hello."
        assert talk.clock.slept == pytest.approx(2.0)
        asked = len(talk.server.asked)
        for urgency in (Urgency.INTERIM, Urgency.SPECULATION):
            with pytest.raises(TranscriptionShed):
                await talk.transcribe(urgency)
        assert await talk.transcribe() == "Hello."
        assert len(talk.server.asked) == asked + 1
        talk.clock.now += 60.0
        assert await talk.transcribe(Urgency.SPECULATION) == "Hello."


async def test_a_speculation_that_is_refused_stops_speculation() -> None:
    async with talking(answering("{}", 429, Retry_After="2"), HELLO) as talk:
        with pytest.raises(TranscriptionShed):
            await talk.transcribe(Urgency.SPECULATION)
        with pytest.raises(TranscriptionShed):
            await talk.transcribe(Urgency.INTERIM)
        assert await talk.transcribe() == "Hello."
        assert len(talk.server.asked) == 2


async def test_a_server_that_asks_to_wait_too_long_is_an_error_at_once() -> None:
    async with talking(answering("{}", 429, Retry_After="3600")) as talk:
        with pytest.raises(TranscriptionError, match="for 3600 s"):
            await talk.transcribe()
        assert talk.clock.slept == 0.0


@pytest.mark.parametrize("status", [429, 503])
async def test_a_server_that_asks_for_no_wait_is_not_asked_again_without_a_pause(status: int) -> None:
    async with talking(answering("{}", status, Retry_After="0")) as talk, asyncio.timeout(LIMIT):
        with pytest.raises(TranscriptionError):
            await talk.transcribe()
        assert len(talk.server.asked) <= 20


@pytest.mark.parametrize("written", ["1..2s", f"Thu, 01 Jan {'9' * 20} 00:00:07 GMT"])
async def test_a_retry_after_header_that_can_not_be_read_costs_no_words(written: str) -> None:
    async with talking(answering("{}", 503, Retry_After=written), HELLO) as talk:
        assert await talk.transcribe() == "Hello."


async def test_a_retry_after_header_that_comes_with_the_words_does_not_matter() -> None:
    async with talking(answering('{"text": "Hello."}', Retry_After="1..2s")) as talk:
        assert await talk.transcribe() == "Hello."


async def test_the_error_names_a_server_that_can_not_be_reached() -> None:
    async with aiohttp.ClientSession() as http:
        transcriber = OpenAITranscriber("http://127.0.0.1:9/v1", RecogniserSettings(), http, Corrections())
        with pytest.raises(TranscriptionError, match=r"127\.0\.0\.1:9"):
            await transcriber.warm_up()
        await transcriber.close()


async def test_a_redirect_takes_no_voice_to_another_host() -> None:
    # With this status, a client that follows redirects sends the whole recording again.
    async with (
        serving(HELLO) as other,
        talking(answering("", 307, Location=f"{other.url}/audio/transcriptions")) as talk,
    ):
        with pytest.raises(TranscriptionError, match=rf"redirects us elsewhere, to {other.url}.* Is STT_URL right\?"):
            await talk.transcribe()
        assert other.asked == []


@pytest.mark.parametrize(
    ("place", "problem"),
    [("http://127.0.0.1:9/v1/models", "redirects us elsewhere"), ("http://[", "redirects us elsewhere"), ("/m/", None)],
)
async def test_a_check_follows_no_redirect(place: str, problem: str | None) -> None:
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.Response(status=307, headers={"Location": place})

    async with LocalServer(app_of("/{path:.*}", answer, method="*"), "/v1") as server, aiohttp.ClientSession() as http:
        found = await OpenAITranscriber(server.url, RecogniserSettings(), http, Corrections()).problem()
    assert asked == ["/v1/models"]
    assert found is None if problem is None else problem in (found or "")


async def test_a_busy_server_counts_as_ready() -> None:
    async with talking(answering("{}", 429, Retry_After="2"), HELLO) as talk:
        await talk.transcriber.warm_up()
        assert await talk.transcribe() == "Hello."


@pytest.mark.parametrize(("status", "problem"), [(200, None), (401, "answers with status 401")])
async def test_a_server_that_costs_money_is_warmed_up_without_sound(status: int, problem: str | None) -> None:
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(f"{request.method} {request.path}")
        return web.json_response({"data": []}, status=status)

    async with LocalServer(app_of("/{path:.*}", answer, method="*"), "/v1") as server, aiohttp.ClientSession() as http:
        transcriber = OpenAITranscriber(server.url, RecogniserSettings(), http, Corrections())
        transcriber.paid = True
        with nullcontext() if problem is None else pytest.raises(TranscriptionError, match=problem):
            await transcriber.warm_up()
        assert asked == ["GET /v1/models"]
        await transcriber.close()
