"""Conversations over a real ``/ws/chat``: by voice, by text, and interrupted."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncGenerator
from pathlib import Path

import numpy as np

from bot.llm.answer_progress import NOT_WATCHED, AnswerProgress
from bot.llm.history import Turn
from bot.voice.events import ReplyEnded
from bot.voice.metrics import ReplyTrace
from sandbox.speech import ADA as ADAS_VOICE
from sandbox.speech import BEN as BENS_VOICE
from sandbox.speech import speech
from tests.bot.http.chat_house import chat_house, ears, said
from tests.voice.doubles import HummingSpeech, RepeatingResponder

QUESTION, OTHER = "Do you remember the summer holidays?", "Please turn the volume down."
SECONDS_20 = np.full(20 * 48_000, 0.1, np.float32)
BYTES_A_SECOND = 24_000 * 2


async def test_a_question_by_voice_is_transcribed_and_answered_aloud(tmp_path: Path, toy_ears: Path) -> None:
    transcriber = ears(toy_ears)
    try:
        async with chat_house(tmp_path, ears=transcriber) as house:
            page = await house.talking()
            assert house.feature.held
            await page.until("notice")
            await page.speak(speech(QUESTION, ADAS_VOICE), silence=1.0)
            heard = await page.until("transcription", final=True)
            assert heard == {"type": "transcription", "text": QUESTION, "final": True, "person": "web:Ada"}
            await page.until("audio_end", reply="r1", reason="done")
            assert [token["token"] for token in page.all("llm_token")] == [f"Ada said: {QUESTION}"]
            assert len(page.sound) == BYTES_A_SECOND
            states = [state["state"] for state in page.all("state")]
            assert states == ["idle", "connecting", "listening", "thinking", "speaking", "listening"]
            assert said(house.histories[0]) == [("Ada", QUESTION), ("", f"Ada said: {QUESTION}")]
            await page.send(type="hangup")
            await page.wait(lambda: page.got[-1] == {"type": "state", "state": "idle"}, "the end")
            await house.until_idle()
    finally:
        await transcriber.close()


async def test_texts_alone_are_answered_aloud(tmp_path: Path) -> None:
    async with chat_house(tmp_path) as house:
        page = await house.talking(name="Ben")
        for number, text in enumerate(("Hello", "How are you?"), start=1):
            await page.send(type="text", text=text)
            await page.until("audio_end", reply=f"r{number}", reason="done")
        assert said(house.histories[0])[::2] == [("Ben", "Hello"), ("Ben", "How are you?")]
        assert len(page.sound) == 2 * BYTES_A_SECOND


async def test_a_text_without_words_is_refused_in_words_and_the_call_goes_on(tmp_path: Path) -> None:
    async with chat_house(tmp_path) as house:
        page = await house.open()
        await page.send(type="text", text="  ")
        assert "no words" in (await page.until("error", code="empty_text"))["message"]
        assert not house.calls.calls, "a text without words begins no call"
        await page.hello()
        await page.send(type="text", text="\u200b\u2060")
        await page.count("error", 2, code="empty_text")
        await page.send(type="text", text="Hello")
        await page.until("audio_end", reply="r1", reason="done")


async def test_a_client_that_offers_no_sound_gets_the_words_alone(tmp_path: Path) -> None:
    async with chat_house(tmp_path) as house:
        page = await house.open()
        await page.send(type="hello", name="Ada")
        await page.send(type="text", text="Hello")
        await page.until("audio_end", reply="r1", reason="done")
        assert page.all("llm_token")[0]["token"] == "Ada said: Hello"
        assert not page.sound
        assert not page.all("audio_response")
        await page.hello()
        await page.send(type="text", text="Hello again")
        await page.until("audio_end", reply="r2")
        assert len(page.sound) == BYTES_A_SECOND


async def test_a_client_that_sends_base64_sound_without_a_hello_gets_base64_sound_back(
    tmp_path: Path, toy_ears: Path
) -> None:
    transcriber = ears(toy_ears)
    known = {"transcription", "llm_token", "audio_response", "audio_end", "error"}
    try:
        async with chat_house(tmp_path, ears=transcriber) as house:
            page = await house.open()
            for chunk in chunks(0.3):
                await page.send(type="audio_chunk", audio=base64.b64encode(chunk).decode())
                await asyncio.sleep(0.3)
            await page.until("audio_end")
            assert page.all("transcription")[-1]["text"] == QUESTION
            assert "".join(token["token"] for token in page.all("llm_token")) == f"Guest said: {QUESTION}"
            audio = b"".join(base64.b64decode(each["audio"]) for each in page.all("audio_response"))
            assert len(audio) == BYTES_A_SECOND
            assert page.sound == b"", "no binary messages for a client that sends none"
            assert next(each["type"] for each in page.got if each["type"] in known) == "transcription"
            await page.send(type="text", text="And now?")
            await page.count("audio_end", 2)
    finally:
        await transcriber.close()


def chunks(seconds: float) -> list[bytes]:
    sound = speech(QUESTION, ADAS_VOICE)
    low = sound[: len(sound) // 3 * 3].reshape(-1, 3).mean(axis=1)
    quiet = np.concatenate([low, np.zeros(24_000, np.float32)])
    pcm = (quiet * 32_767).astype("<i2").tobytes()
    size = int(seconds * 16_000) * 2
    return [pcm[at : at + size] for at in range(0, len(pcm), size)]


async def test_speech_during_an_answer_ends_it_and_the_history_keeps_what_was_heard(
    tmp_path: Path, toy_ears: Path
) -> None:
    transcriber = ears(toy_ears)
    try:
        async with chat_house(tmp_path, ears=transcriber, voice=lambda: HummingSpeech(SECONDS_20[:480_000])) as house:
            page = await house.talking()
            long = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen"
            await page.send(type="text", text=long)
            await page.wait(lambda: len(page.sound) > 3 * BYTES_A_SECOND, "three seconds of sound")
            await page.send(type="played", reply="r1", ms=1_000)
            await page.speak(speech(OTHER, BENS_VOICE), silence=1.0)
            ended = await page.until("audio_end", reply="r1")
            assert ended["reason"] == "interrupted"
            await page.until("llm_token", token=f"Ada said: {OTHER}")
            first = house.histories[0].newest(99)[1]
            assert first.interrupted
            assert ended["heard"] == first.text, "the page shows what the history keeps"
            whole = f"Ada said: {long}"
            assert whole.startswith(first.text)
            # More than 3 s of 10 s were sent, but only 1.5 s count as heard: the second of the only report, and half a
            # second after it.
            assert 0 < len(first.text) <= len(whole) * 1.5 / 10
    finally:
        await transcriber.close()


async def test_a_button_interrupts_the_answer(tmp_path: Path) -> None:
    async with chat_house(tmp_path, voice=lambda: HummingSpeech(SECONDS_20)) as house:
        page = await house.talking()
        await page.send(type="text", text="Tell me a story")
        await page.wait(lambda: len(page.sound) > 0, "sound")
        await page.send(type="interrupt")
        await page.until("audio_end", reason="interrupted")
        await page.until("state", state="listening")
        so_far = len(page.sound)
        await asyncio.sleep(0.1)
        assert len(page.sound) == so_far


class FailingMind(RepeatingResponder):
    async def answer(self, asked: Turn, progress: AnswerProgress = NOT_WATCHED) -> AsyncGenerator[str, None]:
        for text in tuple[str, ...]():
            yield text


async def test_a_notice_says_that_an_answer_has_failed(tmp_path: Path) -> None:
    async with chat_house(tmp_path, mind=FailingMind()) as house:
        page = await house.talking()
        await page.send(type="text", text="Hello")
        await page.until("audio_end", reply="r1", reason="failed")
        await page.noticed("nothing to say")


async def test_muted_sound_is_no_turn_and_push_to_talk_ends_a_turn(tmp_path: Path) -> None:
    async with chat_house(tmp_path) as house:
        page = await house.talking(microphone="push-to-talk")
        await page.speak(speech(QUESTION, ADAS_VOICE))
        assert not page.all("transcription"), "the key is not pressed"
        await page.send(type="talking", on=True)
        await page.send(type="mute", on=True)
        await page.speak(speech(QUESTION, ADAS_VOICE))
        assert not page.all("transcription"), "the microphone is muted"
        await page.send(type="mute", on=False)
        await page.speak(speech(QUESTION, ADAS_VOICE))
        await page.send(type="talking", on=False)
        await page.until("transcription", final=True)


async def test_a_turn_is_open_as_long_as_the_key_is_held(tmp_path: Path) -> None:
    async with chat_house(tmp_path) as house:
        page, traces = await house.talking(microphone="push-to-talk"), list[ReplyTrace]()
        house.call.watch(lambda event: traces.append(event.trace) if isinstance(event, ReplyEnded) else None)
        await page.send(type="talking", on=True)
        await page.speak(speech(QUESTION, ADAS_VOICE), silence=2.0)
        assert not page.all("transcription", final=True), "the key is held, so there may be more to come"
        await page.send(type="talking", on=False)
        await page.until("audio_end", reply="r1", reason="done")
        assert [trace.microphone for trace in traces] == ["push-to-talk"]
