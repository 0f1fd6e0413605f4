"""The order of work at the beginning of a reply: the model is asked first, and all else comes after."""

from __future__ import annotations

import asyncio

from aiohttp import web

from bot.llm.answer_progress import AnswerProgress
from bot.llm.client import ModelClient
from bot.llm.messages import ChatMessage
from bot.llm.requests import ModelOptions
from bot.voice.turn import Prompt
from tests.llm.servers import DONE, said, serving, streaming
from tests.timing import wait_until
from tests.voice.dialogue.talk import talking

TURNS = 10
"""Turns of the event loop in which something that should wait has every chance to happen."""


async def test_no_prompt_is_reported_and_no_silence_is_sent_before_the_model_was_asked() -> None:
    async with talking() as talk:
        talk.responder.may_ask.clear()
        talk.conversation.prompt(Prompt("Ada", "hello", 0.0))
        for _ in range(TURNS):
            await asyncio.sleep(0)
        assert (talk.taken, talk.playback.primed) == ([], [])
        talk.responder.may_ask.set()
        await wait_until(lambda: talk.taken and talk.playback.primed)
        assert [taken.text for taken in talk.taken] == ["hello"]
        await talk.quiet()


async def test_a_prompt_is_reported_soon_even_if_the_model_server_takes_no_connection() -> None:
    async with talking() as talk:
        talk.responder.may_ask.clear()
        talk.conversation.prompt(Prompt("Ada", "hello", 0.0))
        await wait_until(lambda: talk.taken and talk.playback.primed)
        assert not talk.responder.may_ask.is_set()
        talk.conversation.stop()
        await talk.quiet()


async def test_a_prompt_is_reported_before_its_reply_ends_even_if_the_model_was_never_asked() -> None:
    async with talking() as talk:
        talk.responder.may_ask.clear()
        talk.conversation.prompt(Prompt("Ada", "hello", 0.0))
        await asyncio.sleep(0)
        talk.conversation.stop()
        await talk.quiet()
    assert [type(event).__name__ for event in talk.events] == ["PromptTaken", "ReplyEnded"]


async def test_the_client_reports_that_the_request_was_written_before_the_server_answers() -> None:
    asked, may_answer = asyncio.Event(), asyncio.Event()

    async def handle(request: web.Request) -> web.StreamResponse:
        await request.read()
        await may_answer.wait()
        return await streaming(said("Hello.", "stop"), DONE)(request)

    async def read() -> str:
        messages = (ChatMessage("user", "hello"),)
        return "".join([piece.text async for piece in client.text(messages, progress=AnswerProgress(asked=asked.set))])

    async with serving(handle) as url, ModelClient(ModelOptions(url)) as client:
        answer = asyncio.create_task(read())
        await wait_until(asked.is_set)
        assert not answer.done()
        may_answer.set()
        assert await answer == "Hello."
