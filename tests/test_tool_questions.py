"""The question, with buttons, whether a tool may run. Discord is slow, and answers come too early or twice."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import discord
import pytest

from bot.commands.tool_questions import ToolQuestions
from bot.guard import Guard
from bot.tools.tool import Asker
from bot.tools.yes_no_words import YesNoWords
from bot.voice.events import UtteranceHeard

CHANNEL, OTHER = 11, 12
ADA = Asker(7, "Ada", "delete my note", 1, CHANNEL)


class SlowMessage:
    """A message whose edits Discord never finishes."""

    def __init__(self) -> None:
        self.edits = 0

    async def edit(self, **_: Any) -> None:
        self.edits += 1
        await asyncio.Event().wait()


class SlowChannel(discord.abc.Messageable):
    """A channel whose only message is slow. ``posted`` is set when this message has been sent."""

    def __init__(self) -> None:
        self.message = SlowMessage()
        self.posted = asyncio.Event()

    async def _get_channel(self) -> Any:
        return self

    async def send(self, *_: Any, **__: Any) -> Any:
        self.posted.set()
        return self.message


class Stage:
    """Questions in :data:`CHANNEL`, a clock that the test sets, and a call that is in ``call_channel``."""

    def __init__(self) -> None:
        self.channel = SlowChannel()
        self.now = 0.0
        self.call_channel: int | None = CHANNEL
        self.questions = ToolQuestions(
            cast("discord.Client", self),
            cast("Guard", None),
            YesNoWords(),
            lambda channel: SimpleNamespace(id="c1") if channel == self.call_channel else None,
            clock=lambda: self.now,
        )

    def get_channel(self, _: int) -> SlowChannel:
        return self.channel

    async def ask(self) -> asyncio.Task[bool | None]:
        asking = asyncio.create_task(self.questions.ask(ADA, "delete"))
        await self.channel.posted.wait()
        await asyncio.sleep(0)
        return asking

    def say(self, words: str) -> None:
        self.questions.listen(UtteranceHeard(person=7, author="Ada", text=words, addressed=True, call="c1"))


async def test_an_interruption_does_not_wait_for_discord() -> None:
    stage = Stage()
    asking = await stage.ask()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    await asyncio.sleep(0)
    assert stage.channel.message.edits == 1
    await stage.questions.close()
    assert not [task for task in asyncio.all_tasks() if "closing a question" in task.get_name()]


async def test_the_first_answer_counts() -> None:
    stage = Stage()
    asking = await stage.ask()
    assert stage.questions.hear(7, "no", CHANNEL)
    assert not stage.questions.hear(7, "yes", CHANNEL)
    assert await asking is False


async def test_words_from_before_the_question_are_no_answer() -> None:
    stage = Stage()
    asking = await stage.ask()
    stage.say("Okay.")
    await asyncio.sleep(0)
    assert not asking.done()
    stage.now = 2.0
    stage.say("Okay.")
    assert await asking is True


@pytest.mark.parametrize("call_channel", [None, OTHER])
async def test_words_in_another_call_are_no_answer(call_channel: int | None) -> None:
    stage = Stage()
    asking = await stage.ask()
    stage.now, stage.call_channel = 2.0, call_channel
    stage.say("yes")
    assert not stage.questions.hear(7, "yes", OTHER)
    await asyncio.sleep(0)
    assert not asking.done()
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    await stage.questions.close()
