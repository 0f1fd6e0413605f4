"""Conversations over a real ``/ws/chat``: by voice, by text, interrupted, resumed, and from tab to tab."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest

from bot.characters import Characters
from bot.controls.leaving import LateLeaving
from bot.controls.tools import Controls
from bot.controls.volumes import Volumes
from bot.controls.words import ControlWords
from bot.llm.answer_progress import NOT_WATCHED, AnswerProgress
from bot.llm.history import History, Turn
from bot.llm.personas import PERSONAS_DIR
from bot.llm.tool_calls import ToolCall
from bot.model_name import NO_TOOLS
from bot.store import Store
from bot.tools.registry import ToolRegistry
from bot.tools.tools_file import ToolsFile
from bot.tools.yes_no_words import YesNoWords
from bot.user_error import UserError
from bot.voice.browser.people import web_person
from bot.voice.events import ReplyEnded
from bot.voice.metrics import ReplyTrace
from bot.voice.transcribe.corrections import Corrections
from bot.voice.transcribe.whisper import WhisperOptions, WhisperTranscriber
from bot.voice.transport import EndCause
from bot.voices.voices import Voices
from config.sections import CallSettings, ListeningPolicy
from sandbox.speech import ADA as ADAS_VOICE
from sandbox.speech import BEN as BENS_VOICE
from sandbox.speech import speech
from tests.bot.http.chat_house import Away, chat_house
from tests.timing import ManualSleep, wait_until
from tests.voice.doubles import HummingSpeech, RepeatingResponder

QUESTION, OTHER = "Do you remember the summer holidays?", "Please turn the volume down."
SECONDS_20 = np.full(20 * 48_000, 0.1, np.float32)
BYTES_A_SECOND = 24_000 * 2


class DiscordCall:
    """A call that is no browser call."""

    async def check(self) -> None: ...

    async def open(self) -> None: ...

    async def wait_lost(self) -> EndCause:
        return await asyncio.Future[EndCause]()

    async def close(self, cause: EndCause) -> None: ...


def ears(toy_ears: Path) -> WhisperTranscriber:
    return WhisperTranscriber(WhisperOptions(str(toy_ears), "cpu", 1, "en"), Corrections())


def said(history: History) -> list[tuple[str, str]]:
    return [(turn.speaker, turn.text) for turn in history.newest(99)]


async def test_a_conversation_by_voice(tmp_path: Path, toy_ears: Path) -> None:
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


async def test_a_conversation_by_text_alone(tmp_path: Path) -> None:
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
        assert house.calls.current is None, "it begins no call"
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
            # More than 3 s of 10 s were sent, but only 1.5 s were played: half a second after the only report.
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


async def test_a_socket_that_comes_back_with_its_session_goes_on(tmp_path: Path) -> None:
    away = Away()
    async with chat_house(tmp_path, away=away, voice=lambda: HummingSpeech(SECONDS_20[: 48_000 * 2])) as house:
        page = await house.open()
        session = (await page.hello())["session"]
        await page.send(type="text", text="Hello")
        await page.wait(lambda: len(page.sound) > 0, "sound")
        page.vanish()
        await wait_until(lambda: away.asked == 1)
        assert house.feature.held
        back = await house.open()
        assert (await back.hello(session=session))["session"] == session
        await back.until("audio_response", reply="r1", segment=0)
        await back.until("audio_end", reply="r1", reason="done")
        assert 0 < len(back.sound) < 2 * BYTES_A_SECOND
        assert len(house.histories) == 1


async def test_a_socket_that_does_not_come_back_ends_the_call(tmp_path: Path) -> None:
    away = Away()
    async with chat_house(tmp_path, away=away) as house:
        page = await house.open()
        session = (await page.hello())["session"]
        await page.end()
        await wait_until(lambda: away.asked == 1)
        assert house.feature.held
        away.pass_by()
        await house.until_idle()
        late = await house.open()
        await late.send(type="hello", session=session)
        await late.until("error", code="no_call")


async def test_the_newest_tab_takes_the_call_when_nobody_speaks(tmp_path: Path) -> None:
    async with chat_house(tmp_path) as house:
        first = await house.open()
        session = (await first.hello())["session"]
        second = await house.talking(name="Ada")
        assert await first.closed() == 4001
        assert second.all("ready")[0]["session"] != session
        await second.send(type="text", text="Hello")
        await second.until("audio_end", reason="done")
        assert len(house.histories) == 1
        stale = await house.open()
        await stale.send(type="hello", session=session)
        await stale.until("error", code="no_call")


async def test_the_newest_tab_is_refused_while_somebody_speaks_in_the_other(tmp_path: Path) -> None:
    async with chat_house(tmp_path, voice=lambda: HummingSpeech(SECONDS_20)) as house:
        first = await house.talking()
        await first.send(type="text", text="Tell me a story")
        await first.until("llm_token")
        second = await house.open()
        await second.send(type="hello", name="Ada", audio={})
        assert "another tab" in (await second.until("error", code="busy"))["message"]
        assert await second.closed() == 4002
        assert not first.socket.closed


async def test_another_person_in_the_newest_tab_is_called_by_their_own_name(tmp_path: Path) -> None:
    async with chat_house(tmp_path) as house:
        await house.talking(name="Ada")
        page = await house.talking(name="Ben")
        await page.send(type="text", text="Hello")
        await page.until("audio_end")
        assert said(house.histories[0]) == [("Ben", "Hello"), ("", "Ben said: Hello")]


async def test_while_a_discord_call_is_on_there_is_no_browser_call(tmp_path: Path) -> None:
    async with chat_house(tmp_path) as house:
        await house.manager.start(DiscordCall(), reason="a call in Lounge")  # type: ignore[arg-type]
        for message in ({"type": "hello", "audio": {}}, {"type": "text", "text": "Hello"}):
            page = await house.open()
            await page.send(**message)
            assert "Discord" in (await page.until("error", code="call_elsewhere"))["message"]
            assert await page.closed() == 4002
        await house.manager.end()
        await house.talking()


async def test_a_call_begins_right_after_the_last_one_was_hung_up(tmp_path: Path) -> None:
    async with chat_house(tmp_path) as house:
        page = await house.talking()
        for number in range(2, 6):
            await page.send(type="hangup")
            await page.send(type="hello", audio={})
            await page.count("ready", number)
        await page.send(type="text", text="Hello")
        await page.until("audio_end", reason="done")
        assert house.feature.held
        assert len(house.histories) == 5


class SlowVoice(HummingSpeech):
    """A voice that is loaded when the test says so."""

    def __init__(self, go: asyncio.Event) -> None:
        super().__init__()
        self._go = go

    async def loaded(self, report: Callable[[float], None]) -> None:
        report(0.5)
        await self._go.wait()


async def test_loading_is_shown_and_what_is_typed_meanwhile_is_answered(tmp_path: Path) -> None:
    go = asyncio.Event()
    async with chat_house(tmp_path, voice=lambda: SlowVoice(go)) as house:
        page = await house.open()
        await page.send(type="hello", name="Ada", audio={})
        await page.send(type="text", text="Hello")
        await page.until("state", state="loading", progress=0.5)
        assert not page.all("ready")
        go.set()
        await page.until("audio_end", reason="done")
        assert said(house.histories[0])[0] == ("Ada", "Hello")


@pytest.mark.parametrize("how", ["hangup", "closed"])
async def test_a_call_that_has_not_begun_can_be_cancelled(tmp_path: Path, how: str) -> None:
    async with chat_house(tmp_path, voice=lambda: SlowVoice(asyncio.Event())) as house:
        page = await house.open()
        await page.send(type="hello", audio={})
        await page.until("state", state="loading")
        if how == "hangup":
            await page.send(type="hangup")
            await page.wait(lambda: page.got[-1]["type"] == "notice", "the notice")
            assert page.all("state")[-1] == {"type": "state", "state": "idle"}
        else:
            await page.end()
        await house.until_idle()


class DeadVoice(HummingSpeech):
    async def open(self) -> None:
        raise UserError("❌ The voice is away. Start it.")


async def test_a_call_that_can_not_begin_says_why_and_the_socket_stays_open(tmp_path: Path) -> None:
    async with chat_house(tmp_path, voice=DeadVoice) as house:
        page = await house.open()
        for number in (1, 2):
            await page.send(type="hello", audio={})
            await page.count("error", number, code="call_failed")
        assert page.all("error")[0]["message"] == "❌ The voice is away. Start it."
        await house.until_idle()


async def test_where_voice_is_switched_off_there_is_no_browser_call_either(tmp_path: Path) -> None:
    async with chat_house(tmp_path, settings=CallSettings(enabled=False)) as house:
        page = await house.open()
        await page.send(type="hello", audio={})
        assert "VOICE_ENABLED" in (await page.until("error", code="call_failed"))["message"]


async def test_pressing_talk_is_consent_unless_the_person_has_opted_out(tmp_path: Path) -> None:
    async with chat_house(tmp_path, listening=ListeningPolicy.OPT_IN) as house:
        page = await house.talking()
        assert house.consent.admits(web_person("Ada"))
        await page.send(type="text", text="!optout")
        await page.noticed("I have deleted")
        assert not house.consent.admits(web_person("Ada"))
        await page.send(type="hangup")
        await house.until_idle()
        again = await house.talking()
        assert not house.consent.admits(web_person("Ada"))
        await again.noticed("I don't listen to you")
        await again.send(type="text", text="!optin")
        await wait_until(lambda: house.consent.admits(web_person("Ada")))
        assert said(house.histories[-1]) == []


async def test_the_persona_is_chosen_among_those_that_there_are(tmp_path: Path) -> None:
    async with chat_house(tmp_path) as house:
        page = await house.open()
        await page.send(type="persona", persona="helper")
        await page.until("error", code="no_call")
        await page.hello()
        shown = await page.until("persona", persona="seiyuu", name="Seiyuu")
        choices = [{"persona": "evil_seiyuu", "name": "Evil Seiyuu"}, {"persona": "helper", "name": "Kobi"}]
        assert [each for each in shown["choices"] if each["persona"] != "seiyuu"] == choices
        await page.send(type="persona", persona="helper")
        await page.until("persona", persona="helper", name="Kobi")
        await page.noticed("From now on I am Kobi")
        assert house.call.character.file == "helper"
        await page.send(type="persona", persona="nobody")
        await page.until("error", code="persona_unchanged")
        await page.count("persona", 3)
        assert page.got[-1]["persona"] == "helper", "the page shows again who it is"
        page.vanish()
        again = await house.talking()
        await again.until("persona", persona="helper")


async def test_persona_and_mood_are_chosen_by_typing_too(tmp_path: Path) -> None:
    async with chat_house(tmp_path) as house:
        page = await house.talking()
        for typed, answer in (
            ("!persona", "You can choose from: Seiyuu (`seiyuu`), Evil Seiyuu (`evil_seiyuu`), Kobi (`helper`)."),
            ("!persona Kobi", "From now on I am Kobi"),
            ("!mood", "You can choose from: `cheerful`, `calm`, `curious`."),
            ("!mood calm", "Kobi is calm now."),
            ("!mood furious", "❌ Kobi has no mood with that name."),
        ):
            await page.send(type="text", text=typed)
            await page.noticed(answer)
        await page.until("persona", persona="helper")
        assert house.call.character.mood == "calm"
        assert not page.all("error")


async def test_a_choice_that_can_not_be_saved_is_told_and_the_call_goes_on(tmp_path: Path) -> None:
    async with chat_house(tmp_path) as house:
        page = await house.talking()
        await house.database.write("DROP TABLE chat_character")
        await page.send(type="persona", persona="helper")
        assert "can't be written" in (await page.until("error", code="persona_unchanged"))["message"]
        await page.send(type="text", text="!mood calm")
        await page.noticed("can't be written")
        await page.send(type="text", text="Hello")
        await page.until("audio_end", reply="r1", reason="done")


async def test_a_person_who_takes_over_the_call_has_consented_too(tmp_path: Path) -> None:
    async with chat_house(tmp_path, listening=ListeningPolicy.OPT_IN) as house:
        await house.talking(name="Ada")
        await house.talking(name="Ben")
        assert house.consent.admits(web_person("Ben"))


async def test_each_text_without_a_call_begins_one_or_says_why_not(tmp_path: Path) -> None:
    async with chat_house(tmp_path) as house:
        page = await house.open()
        for number in (1, 2, 3):
            await page.send(type="text", text="Hello")
            await page.count("audio_end", number)
            await page.send(type="hangup")
            await house.until_idle()
    async with chat_house(tmp_path, voice=DeadVoice) as house:
        page = await house.open()
        for number in (1, 2):
            await page.send(type="text", text="Hello")
            await page.count("error", number, code="call_failed")


async def test_sound_without_a_call_tries_only_once_to_begin_one(tmp_path: Path) -> None:
    async with chat_house(tmp_path, voice=DeadVoice) as house:
        page = await house.open()
        await page.socket.send_bytes(bytes(640))
        await page.until("error", code="call_failed")
        for _ in range(20):
            await page.socket.send_bytes(bytes(640))
        await page.send(type="interrupt")
        await page.until("error", code="no_call")
        assert len(page.all("error", code="call_failed")) == 1


async def test_muted_sound_is_no_turn_and_push_to_talk_ends_a_turn(tmp_path: Path) -> None:
    async with chat_house(tmp_path) as house:
        page = await house.talking(microphone="push-to-talk")
        await page.speak(speech(QUESTION, ADAS_VOICE))
        assert not page.all("transcription"), "the key is not pressed"
        await page.send(type="talking", on=True)
        await page.send(type="mute", on=True)
        await page.speak(speech(QUESTION, ADAS_VOICE))
        assert not page.all("transcription"), "muted"
        await page.send(type="mute", on=False)
        await page.speak(speech(QUESTION, ADAS_VOICE))
        await page.send(type="talking", on=False)
        await page.until("transcription", final=True)


async def test_a_released_key_ends_the_first_turn_and_a_held_one_keeps_it_open(tmp_path: Path) -> None:
    async with chat_house(tmp_path) as house:
        page, traces = await house.talking(microphone="push-to-talk"), list[ReplyTrace]()
        house.call.watch(lambda event: traces.append(event.trace) if isinstance(event, ReplyEnded) else None)
        await page.send(type="talking", on=True)
        await page.speak(speech(QUESTION, ADAS_VOICE), silence=2.0)
        assert not page.all("transcription", final=True), "the key is held, so there may be more to come"
        await page.send(type="talking", on=False)
        await page.until("audio_end", reply="r1", reason="done")
        assert [trace.microphone for trace in traces] == ["push-to-talk"]


async def test_a_muted_microphone_stays_muted_when_the_socket_comes_back(tmp_path: Path) -> None:
    away = Away()
    async with chat_house(tmp_path, away=away) as house:
        page = await house.open()
        session = (await page.hello())["session"]
        await page.send(type="mute", on=True)
        await page.end()
        await wait_until(lambda: away.asked == 1)
        back = await house.open()
        await back.hello(session=session)
        await back.speak(speech(QUESTION, ADAS_VOICE))
        assert not back.all("transcription")
        await back.send(type="mute", on=False)
        await back.speak(speech(QUESTION, ADAS_VOICE), silence=1.0)
        await back.until("transcription", final=True)


async def test_commands_can_be_typed(tmp_path: Path) -> None:
    async with chat_house(tmp_path) as house:
        page = await house.talking()
        for text, words in (
            ("!listen off", "still type"),
            ("!listen on", "I listen in this"),
            ("!volume", "Volume: 100 %"),
            ("!volume 40 %", "Volume: 40 %"),
            ("!volume loud", "whole number from 0 to 200"),
            ("!volume 201", "whole number from 0 to 200"),
            ("!draw a cat", "Discord"),
        ):
            await page.send(type="text", text=text)
            await page.noticed(words)
        assert house.call.volume == pytest.approx(0.4)
        await page.send(type="text", text="!leave")
        await house.until_idle()


async def test_a_service_that_ends_says_so_and_closes_its_sockets(tmp_path: Path) -> None:
    async with chat_house(tmp_path) as house:
        page, waiting = await house.talking(), await house.open()
        await house.calls.close()
        await house.manager.close()
        assert await page.closed() == await waiting.closed() == 1001
        assert any("switched off" in each["text"] for each in page.all("notice"))
        await house.until_idle()


async def test_a_call_ended_aloud_leaves_the_socket_open_for_the_next_one(tmp_path: Path, toy_ears: Path) -> None:
    transcriber = ears(toy_ears)
    try:
        async with chat_house(tmp_path, ears=transcriber) as house:
            page = await house.talking()
            await page.speak(speech("Seiyuu, leave the voice channel.", ADAS_VOICE), silence=1.0)
            await page.noticed("hung up")
            await house.until_idle()
            await page.send(type="hello", audio={})
            await page.count("ready", 2)
    finally:
        await transcriber.close()


async def test_the_bots_own_controls_act_on_a_browser_call(tmp_path: Path) -> None:
    async with chat_house(tmp_path) as house:
        page = await house.talking()
        characters = await Characters.open(house.database, PERSONAS_DIR, "seiyuu")
        voices, sleep = await Voices.load(Mock(), house.database, "!"), ManualSleep()
        leaving = LateLeaving(house.manager, sleep)
        volumes = Volumes(Store(house.database), house.manager)
        controls = Controls(house.manager, volumes, voices, characters, leaving, ControlWords())
        registry = ToolRegistry(ToolsFile(), YesNoWords(), controls.tools())
        person = house.call.transport.people.person

        async def use(words: str, name: str, arguments: str) -> str:
            """Have a tool called in a turn that begins with these words."""
            turn = registry.at(0).for_turn(Turn("user", "Ada", words, person=person))
            assert name in [each.name for each in turn.descriptions]
            return await turn.run(ToolCall("", name, arguments))

        assert "80 percent" in await use("Could you be a bit quieter?", "set_volume", '{"change": "quieter"}')
        assert house.call.volume == pytest.approx(0.8)
        assert "was not run" in await use("What is in the news?", "set_volume", '{"change": "louder"}')
        assert "87 percent" in await use("Speak slower, please.", "set_speaking_speed", '{"change": "slower"}')
        assert voices.manner(0).speed == pytest.approx(0.87)
        assert "sad" in await use("Be sad.", "set_mood", '{"mood": "sad"}')
        assert "in 10 minutes" in await use("Leave in ten minutes.", "leave_call", '{"in_minutes": 10}')
        await sleep.pass_by(599)
        assert house.manager.active is house.call
        await sleep.pass_by(2)
        await page.noticed("hung up")
        await house.until_idle()
        await page.send(type="hello", audio={})
        await page.count("ready", 2)
        assert house.call.volume == pytest.approx(0.8), "the page keeps its volume"
        await leaving.close()


async def test_what_the_mind_can_not_do_is_told_once(tmp_path: Path) -> None:
    async with chat_house(tmp_path, first_notice=NO_TOOLS) as house:
        page = await house.talking()
        await page.noticed("too small for tools")
        assert "LLM_URL" in page.all("notice")[-1]["text"], "the remedy"
        await page.send(type="hangup")
        await house.until_idle()
        await page.send(type="hello", audio={})
        await page.count("ready", 2)
        await page.send(type="text", text="Hello")
        await page.until("audio_end")
        assert sum("too small" in each["text"] for each in page.all("notice")) == 1
