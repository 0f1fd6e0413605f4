"""Calls in a browser with the real bot: a call there and a call on Discord exclude each other, and people are told."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest

from bot.calls import CALL_IN_BROWSER, JOIN_FROM_BROWSER
from bot.voice.browser.people import web_person
from bot.voice.browser.server_messages import CloseCode
from bot.voice.call_life import CallState
from bot.voice.events import CallBegan, CallEnded, ReplyEnded, UtteranceHeard
from sandbox.speech import ADA as ADAS_VOICE
from sandbox.speech import speech
from tests.bot.http.chat_house import ChatPage, page_at
from tests.e2e.conftest import Stage, StageMaker
from tests.e2e.scripted_model import Answer, ScriptedModel
from tests.voice.effects import only


@pytest.fixture
async def page(stage: Stage) -> AsyncIterator[ChatPage]:
    async with page_at(stage.app.web.server.url) as page:
        yield page


async def hang_up(stage: Stage, page: ChatPage) -> None:
    await page.send(type="hangup")
    await stage.until(lambda: stage.app.manager.status().state is CallState.IDLE, "the end")
    assert stage.app.manager.status().held == ()


async def test_a_conversation_by_voice_and_by_text_is_a_call_like_any_other(stage: Stage, page: ChatPage) -> None:
    await page.hello()
    assert stage.app.manager.status().held
    await page.speak(speech("Do you remember the summer holidays?", ADAS_VOICE), silence=1.0)
    await page.until("transcription", final=True, text="Do you remember the summer holidays?")
    await page.until("audio_end", reply="r1")
    await page.send(type="text", text="And what else?")
    await page.until("audio_end", reply="r2")
    assert len(page.sound) > 24_000, "the page has more than half a second of sound (24,000 Hz, 16 bits)"
    await hang_up(stage, page)
    (began,) = only(CallBegan, stage.events)
    assert (began.transport, began.encrypted) == ("browser", False)
    assert [heard.person for heard in only(UtteranceHeard, stage.events)] == [web_person("Ada")]
    for ended in only(ReplyEnded, stage.events):
        heard = "".join(each["token"] for each in page.all("llm_token", reply=ended.trace.reply))
        assert heard.split() == ended.heard.split() != []
    await stage.until(lambda: only(CallEnded, stage.events), "the last event")
    await stage.app.core.long_term.conversations.writer.flush()
    rows = await stage.app.database.rows("SELECT transport, place, people FROM conversations")
    assert rows == [("browser", "your browser", '["Ada"]')]


async def test_the_model_is_told_that_one_person_talks_with_it_in_a_browser(make_stage: StageMaker) -> None:
    async with (
        ScriptedModel(lambda _: Answer("Hello.")) as model,
        make_stage(llm_url=model.url, llm_model="usual") as stage,
        page_at(stage.app.web.server.url) as page,
    ):
        await page.hello()
        await page.send(type="text", text="Who am I?")
        await page.until("audio_end", reply="r1")
        await page.hello(name="Guest")
        await page.send(type="text", text="And now?")
        await page.until("audio_end", reply="r2")
        named, nameless = (messages[0]["content"] for messages in model.asked)
        assert "## Room\nYou are on a voice call with one person, in a web browser: Ada.\n\n## Now" in named
        assert "in a web browser. You do not know their name.\n\n## Now" in nameless
        for prompt in (named, nameless):
            assert "read aloud" in prompt
            assert not [word for word in ("channel", "Discord", "your browser") if word in prompt]


async def test_a_call_in_a_browser_keeps_discord_out_and_is_not_ended_from_there(stage: Stage, page: ChatPage) -> None:
    await page.hello()
    assert await stage.answer_to("!join", starts="❌") == JOIN_FROM_BROWSER
    assert await stage.answer_to("!leave", starts="❌") == CALL_IN_BROWSER
    assert "A call in a browser is active." in await stage.answer_to("!voice-status", starts="🎤")
    await page.send(type="text", text="Are you still there?")
    await page.until("audio_end")
    await hang_up(stage, page)
    await stage.join()


async def test_a_call_on_discord_keeps_the_browser_out_until_it_is_over(stage: Stage, page: ChatPage) -> None:
    await stage.join()
    await page.send(type="hello", audio={})
    assert "Discord" in (await page.until("error", code="call_elsewhere"))["message"]
    assert await page.closed() == CloseCode.CALL_ELSEWHERE
    assert stage.app.calls.current_on(stage.sandbox.guild.id) is not None
    await stage.answer_to("!leave", starts="👋")
    async with aiohttp.ClientSession() as session:
        again = ChatPage(await session.ws_connect(f"{stage.app.web.server.url}ws/chat"))
        await again.hello()
        await hang_up(stage, again)
        await again.end()
