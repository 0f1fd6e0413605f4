"""How calls over ``/ws/chat`` begin, go on in another tab of the same person, come back and end."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from bot.http import queued_client
from bot.user_error import UserError
from bot.voice.browser.people import web_person
from bot.voice.transport import EndCause
from config.sections import CallSettings, ListeningPolicy
from sandbox.speech import ADA as ADAS_VOICE
from sandbox.speech import speech
from tests.bot.http.chat_house import FRAME_BYTES, Away, SlowVoice, chat_house, ears, said
from tests.timing import LIMIT, let_run, wait_until
from tests.voice.doubles import HummingSpeech

QUESTION = "Do you remember the summer holidays?"
SECONDS_20 = np.full(20 * 48_000, 0.1, np.float32)
BYTES_A_SECOND = 24_000 * 2


class DiscordCall:
    """A call that is no browser call."""

    async def check(self) -> None: ...

    async def open(self) -> None: ...

    async def wait_lost(self) -> EndCause:
        return await asyncio.Future[EndCause]()

    async def close(self, cause: EndCause) -> None: ...


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


async def test_a_tab_that_still_sends_sound_learns_why_its_socket_was_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A busy machine may need longer than the bot waits for a client.
    monkeypatch.setattr(queued_client, "CLOSE_LIMIT", LIMIT)
    async with chat_house(tmp_path) as house:
        first = await house.talking(name="Ada")
        # The first tab's microphone goes on until that tab has read that its socket is closed.
        with first.standing_still(), suppress(ConnectionError):
            await house.talking(name="Ada")
            for _ in range(20):
                await first.socket.send_bytes(bytes(FRAME_BYTES))
                await let_run(0.01)
        assert await first.closed() == 4001


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


async def test_a_service_that_ends_says_so_and_closes_its_sockets(tmp_path: Path) -> None:
    async with chat_house(tmp_path) as house:
        page, waiting = await house.talking(), await house.open()
        await house.calls.close()
        await house.manager.close()
        assert await page.closed() == await waiting.closed() == 1001
        assert any("switched off" in each["text"] for each in page.all("notice"))
        await house.until_idle()


async def test_a_call_that_spoken_words_end_leaves_the_socket_open_for_the_next_call(
    tmp_path: Path, toy_ears: Path
) -> None:
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
