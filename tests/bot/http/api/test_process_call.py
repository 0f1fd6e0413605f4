"""``POST /process_call``: a recording in, the persona's spoken answer out."""

from __future__ import annotations

import email
import email.policy
import json
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import unquote

import pytest

from bot.http.api import process_call
from tests.bot.http.api.api_stage import WORDS, ApiStage, api_stage, form
from tests.timing import wait_until
from tests.tts_server.api.speaking import played
from tts_server.engines.stand_in import SECONDS_PER_CHARACTER

PATH = "/process_call"
REPLY = "It is five o'clock."


async def test_the_answer_is_spoken_and_the_words_are_in_headers(stage: ApiStage) -> None:
    stage.ears.texts = ["Wie spät ist es? 5 %"]
    async with stage.web.session.post(stage.web.url(PATH), data=form()) as answer:
        assert (answer.status, answer.headers["Content-Type"]) == (200, "audio/wav")
        assert unquote(answer.headers["X-Transcription"]) == "Wie spät ist es? 5 %"
        name = answer.headers["X-Conversation"]
        samples, rate = played(await answer.read())
    assert rate == 24_000
    assert len(samples) / rate == pytest.approx(len(REPLY) * SECONDS_PER_CHARACTER, abs=0.3)
    assert abs(samples).max() > 0.05
    assert stage.mind.spoken == [True]
    async with stage.web.session.post(stage.web.url(PATH), data=form(conversation=name)) as answer:
        assert answer.headers["X-Conversation"] == name
        await answer.read()
    assert [turn.text for turn in stage.mind.asked[-1][1]] == ["Wie spät ist es? 5 %", REPLY]
    assert [turn.text for turn in stage.kept[0].turns][:2] == ["Wie spät ist es? 5 %", REPLY]
    assert not stage.kept[0].turns[0].typed


async def test_the_bot_begins_to_speak_before_the_answer_is_whole(stage: ApiStage) -> None:
    stage.mind.pieces = ("It is five o'clock. ", "And ", None, "ten minutes.")
    async with stage.web.session.post(stage.web.url(PATH), data=form()) as answer:
        begun = await answer.content.readexactly(2_000)
        stage.mind.going_on.set()
        samples, _ = played(begun + await answer.read())
    assert len(samples) / 24_000 > len("It is five o'clock. And ten minutes.") * SECONDS_PER_CHARACTER * 0.8


async def test_the_texts_and_the_sound_come_as_parts(stage: ApiStage) -> None:
    headers = {"Accept": "multipart/mixed"}
    stage.mind.pieces = ("It is five o'clock. ", None, "Good night.")
    async with stage.web.session.post(stage.web.url(PATH), data=form(), headers=headers) as answer:
        begun = await answer.content.readuntil(b"}")
        assert json.loads(begun[begun.index(b"{") :])["transcription"] == WORDS, "the transcription comes first"
        stage.mind.going_on.set()
        body = begun + await answer.read()
        kind, name = answer.headers["Content-Type"], answer.headers["X-Conversation"]
    message = email.message_from_bytes(f"Content-Type: {kind}\r\n\r\n".encode() + body, policy=email.policy.HTTP)
    assert isinstance(message, EmailMessage)
    words, reply, sound = message.iter_parts()
    assert json.loads(str(words.get_payload())) == {"transcription": WORDS, "language": "en", "conversation": name}
    assert json.loads(str(reply.get_payload())) == {"reply": "It is five o'clock. Good night."}
    assert sound.get_content_type() == "audio/wav"
    wav = body[body.index(b"RIFF") : body.rindex(b"\r\n--")]
    assert len(played(wav)[0]) / 24_000 > 1.5


async def test_the_models_sign_for_silence_is_not_a_part_of_the_answer(stage: ApiStage) -> None:
    stage.mind.pieces = ("<silent>",)
    headers = {"Accept": "multipart/mixed"}
    async with stage.web.session.post(stage.web.url(PATH), data=form(), headers=headers) as answer:
        body = await answer.read()
    assert b"silent" not in body and b'"reply"' in body


async def test_an_answer_without_a_speakable_word_is_a_moment_of_silence(stage: ApiStage) -> None:
    stage.mind.pieces = ("🙂",)
    async with stage.web.session.post(stage.web.url(PATH), data=form()) as answer:
        samples, rate = played(await answer.read())
    assert 0.1 < len(samples) / rate < 2


async def test_where_nothing_is_said_the_model_is_not_asked(stage: ApiStage) -> None:
    stage.ears.texts = [" "]
    answer = await stage.post_file(PATH)
    assert (answer.status, answer.code) == (400, "nothing_said")
    assert stage.mind.asked == []


async def test_a_conversation_that_is_over_is_reported_before_anything_is_heard(stage: ApiStage) -> None:
    answer = await stage.post_file(PATH, conversation="gone")
    assert (answer.status, answer.code) == (404, "no_conversation")
    assert stage.ears.requests == []


async def test_each_missing_engine_is_reported(stage: ApiStage, tmp_path: Path) -> None:
    stage.ears.error = "no weights in /home/ada"
    answer = await stage.post_file(PATH)
    assert (answer.status, answer.code) == (503, "ears_away")
    assert "/home" not in answer.text
    stage.ears.error, stage.mind.pieces, stage.mind.error = None, (), "gone"
    answer = await stage.post_file(PATH)
    assert (answer.status, answer.code) == (503, "mind_away")
    (tmp_path / "silent").mkdir()
    async with api_stage(tmp_path / "silent", voice=False) as silent:
        answer = await silent.post_file(PATH)
        assert (answer.status, answer.code) == (503, "voice_away")
        assert silent.ears.requests == [], "nothing is computed in vain"


async def test_a_long_recording_is_refused(stage: ApiStage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process_call, "MAX_SECONDS", 0.5)
    answer = await stage.post_file(PATH)
    assert (answer.status, answer.code) == (413, "too_long")


async def test_many_words_do_not_make_the_headers_too_long(stage: ApiStage) -> None:
    stage.ears.texts = ["Ж " * 1_000]
    async with stage.web.session.post(stage.web.url(PATH), data=form()) as answer:
        told = answer.headers["X-Transcription"]
        await answer.read()
    assert 3_000 < len(told) <= process_call.MAX_HEADER
    assert set(unquote(told)) == {"Ж", " "}


async def test_a_client_that_goes_away_frees_mind_and_voice(stage: ApiStage) -> None:
    stage.mind.pieces = ("It is five o'clock. ", None, "Never said.")
    async with stage.web.session.post(stage.web.url(PATH), data=form()) as answer:
        await answer.content.readexactly(2_000)
        assert stage.mind.streams == 1
        answer.close()
    await wait_until(lambda: stage.mind.streams == 0)

    async def freed() -> bool:
        return bool((await stage.voices.server.health())["connections"] == 0)

    await wait_until(freed)
    last = stage.kept[0].turns[-1]
    assert (last.text, last.interrupted) == ("It is five o'clock.", True)
