"""Recordings become words: by ``/stt``, in the form of earlier projects, and OpenAI's ``/v1/audio/transcriptions``."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import openai
import pytest
from openai import AsyncOpenAI

from audio.samples import HEARING_RATE
from bot.http.api import hearing
from tests.bot.http.api.api_stage import WORDS, ApiStage, api_stage, form
from tests.bot.http.web_stage import SECRET
from tests.features.recordings import RATE, recording

LONG = 27.0
"""Length of a recording in seconds. It has short silences at 9 and 18 s, so it may be heard in three pieces."""


def long_recording() -> bytes:
    sound = (0.2 * np.sin(np.arange(int(LONG * RATE)) * 2 * np.pi * 220 / RATE)).astype(np.float32)
    for second in (9, 18):
        sound[second * RATE : second * RATE + RATE // 5] = 0
    return recording(sound)


@pytest.fixture
async def client(stage: ApiStage) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=stage.web.url("/v1"), api_key="any", max_retries=0) as client:
        yield client


@pytest.mark.parametrize("part", ["audio", "file"])
async def test_a_recording_becomes_words(stage: ApiStage, part: str) -> None:
    answer = await stage.post_file("/stt", part=part)
    assert answer.status == 200
    (segment,) = answer.json["segments"]
    assert answer.json == {"text": WORDS, "language": "en", "segments": [segment]}
    assert (segment["start"], segment["text"]) == (0.0, WORDS)
    assert segment["end"] == pytest.approx(1.0, abs=0.1)
    (request,) = stage.ears.requests
    assert request.hot_words == ("Seiyuu",)
    assert len(request.sound) / HEARING_RATE == pytest.approx(1.0, abs=0.1)
    assert stage.ears.rests == 1, "the transcriber has given its memory back"


@pytest.mark.parametrize(
    ("container", "codec"), [("wav", "pcm_s16le"), ("mp3", "libmp3lame"), ("flac", "flac"), ("webm", "libopus")]
)
async def test_any_usual_format_is_heard(stage: ApiStage, container: str, codec: str) -> None:
    answer = await stage.post_file("/stt", recording(1.0, container=container, codec=codec))
    assert (answer.status, answer.json["text"]) == (200, WORDS)


async def test_silence_has_no_words_and_no_segments(stage: ApiStage) -> None:
    stage.ears.texts = [""]
    assert (await stage.post_file("/stt")).json == {"text": "", "language": None, "segments": []}


async def test_openai_clients_get_their_answer(client: AsyncOpenAI, stage: ApiStage) -> None:
    heard = await client.audio.transcriptions.create(
        model="whisper-1", file=("a.ogg", recording(1.0)), language="de", prompt="Seiyuu, Ada."
    )
    assert heard.text == WORDS
    (request,) = stage.ears.requests
    assert (request.language, request.hot_words) == ("de", ("Seiyuu", "Seiyuu, Ada"))


async def test_openai_clients_get_times_and_subtitles(client: AsyncOpenAI, stage: ApiStage) -> None:
    file = long_recording()

    async def ask(form: str) -> object:
        stage.ears.texts = ["One", "& two", "three."]
        return await client.audio.transcriptions.create(
            model="whisper-1",
            file=("a.ogg", file),
            response_format=form,  # type: ignore[call-overload]
        )

    verbose = await ask("verbose_json")
    assert isinstance(verbose, openai.types.audio.TranscriptionVerbose)
    assert (verbose.text, verbose.language) == ("One & two three.", "english")
    assert verbose.duration == pytest.approx(LONG, abs=0.1)
    assert verbose.segments is not None
    assert [each.text for each in verbose.segments] == ["One", "& two", "three."]
    assert verbose.segments[0].end == verbose.segments[1].start
    assert verbose.segments[2].end == pytest.approx(verbose.duration)
    assert await ask("text") == "One\n", "without times, the recording is heard in one piece"
    srt = str(await ask("srt"))
    assert srt.startswith("1\n00:00:00,000 --> 00:00:0")
    assert "\n3\n" in srt
    assert srt.endswith("three.\n\n")
    vtt = str(await ask("vtt"))
    assert vtt.startswith("WEBVTT\n\n00:00:00.000 --> 00:00:0")
    assert "\n&amp; two\n" in vtt


async def test_openai_clients_get_the_times_of_words(client: AsyncOpenAI, stage: ApiStage) -> None:
    file = long_recording()
    stage.ears.texts = ["One", "& two", "three."]
    verbose = await client.audio.transcriptions.create(
        model="whisper-1",
        file=("a.ogg", file),
        response_format="verbose_json",
        timestamp_granularities=["word", "segment"],
    )
    assert isinstance(verbose, openai.types.audio.TranscriptionVerbose)
    assert all(request.word_times for request in stage.ears.requests)
    assert verbose.words is not None
    assert verbose.segments is not None
    assert [each.word for each in verbose.words] == ["One", "&", "two", "three."]
    assert verbose.words[1].start == pytest.approx(verbose.segments[1].start, abs=0.001)
    assert verbose.words[2].end == pytest.approx(verbose.segments[1].end, abs=0.001)
    assert verbose.segments[0].avg_logprob == 0.0

    stage.ears.texts = ["One", "& two", "three."]
    alone = await client.audio.transcriptions.create(
        model="whisper-1", file=("a.ogg", file), response_format="verbose_json", timestamp_granularities=["word"]
    )
    assert (alone.segments, len(alone.words or [])) == (None, 4)


@pytest.mark.parametrize(
    "fields",
    [
        {"timestamp_granularities[]": "letter", "response_format": "verbose_json"},
        {"timestamp_granularities[]": "word"},
    ],
)
async def test_requests_for_times_that_can_not_be_given_are_refused_with_an_explanation(
    stage: ApiStage, fields: dict[str, str]
) -> None:
    answer = await stage.web.ask("/v1/audio/transcriptions", "POST", data=form(None, "audio", **fields))
    assert (answer.status, answer.code) == (400, "bad_parameter")
    assert stage.ears.requests == []


async def test_openai_clients_get_words_while_they_are_heard(client: AsyncOpenAI, stage: ApiStage) -> None:
    stage.ears.texts = ["One,", "two,", "three."]
    stream = await client.audio.transcriptions.create(
        model="gpt-4o-transcribe", file=("a.ogg", long_recording()), stream=True
    )
    *deltas, done = [event async for event in stream]
    assert [each.type for each in deltas] == 3 * ["transcript.text.delta"]
    assert done.type == "transcript.text.done"
    assert "".join(each.delta for each in deltas if each.type == "transcript.text.delta") == done.text
    assert done.text == "One, two, three."


async def test_an_error_in_the_middle_of_the_events_is_an_event(client: AsyncOpenAI, stage: ApiStage) -> None:
    stage.ears.error, stage.ears.good = "the process at /home/ada/models died", 1
    stream = await client.audio.transcriptions.create(model="whisper-1", file=("a.ogg", long_recording()), stream=True)
    with pytest.raises(openai.APIError, match="can't make out recordings"):
        async for event in stream:
            assert event.type == "transcript.text.delta"


async def test_without_ears_the_status_says_so_and_the_answer_names_no_folder(stage: ApiStage) -> None:
    stage.ears.error = "the weights in /home/ada/models are damaged"
    for streams in ("false", "true"):
        answer = await stage.post_file("/v1/audio/transcriptions", stream=streams)
        assert (answer.status, answer.code, answer.headers["Retry-After"]) == (503, "ears_away", "5")
        assert "/home" not in answer.text


async def test_wrong_fields_are_reported(stage: ApiStage) -> None:
    for name, value in (("response_format", "diarized_json"), ("stream", "perhaps"), ("language", "klingon")):
        answer = await stage.web.ask("/v1/audio/transcriptions", "POST", data=form(None, "file", **{name: value}))
        assert (answer.status, answer.code) == (400, "bad_parameter")
        assert name in answer.json["error"]["message"] or name == "language"


async def test_a_recording_that_is_too_long_is_refused(stage: ApiStage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hearing, "MAX_SECONDS", 2.0)
    answer = await stage.post_file("/stt", recording(3.0))
    assert (answer.status, answer.code) == (413, "too_long")


async def test_a_sample_that_is_not_a_number_becomes_silence(stage: ApiStage) -> None:
    sound = np.full(RATE, 0.1, np.float32)
    file = bytearray(recording(sound, container="wav", codec="pcm_f32le"))
    file[-4000:] = np.full(1000, np.nan, "<f4").tobytes()
    assert (await stage.post_file("/stt", bytes(file))).status == 200
    assert np.isfinite(stage.ears.requests[0].sound).all()


async def test_the_token_is_accepted_as_api_key(tmp_path: Path) -> None:
    async with api_stage(tmp_path, SECRET) as stage:
        address = stage.web.url("/v1")
        async with AsyncOpenAI(base_url=address, api_key=SECRET, max_retries=0) as client:
            assert (await client.audio.transcriptions.create(model="x", file=("a.ogg", recording(1.0)))).text == WORDS
        async with AsyncOpenAI(base_url=address, api_key="wrong", max_retries=0) as client:
            with pytest.raises(openai.AuthenticationError):
                await client.audio.transcriptions.create(model="x", file=("a.ogg", recording(1.0)))


async def test_events_are_plain_server_sent_events(stage: ApiStage) -> None:
    answer = await stage.web.ask("/v1/audio/transcriptions", "POST", data=form(stream="true"))
    assert answer.headers["Content-Type"] == "text/event-stream"
    events = [json.loads(line.removeprefix("data: ")) for line in answer.text.split("\n\n") if line]
    assert [each["type"] for each in events] == ["transcript.text.delta", "transcript.text.done"]
