"""Many messages are refused with the same words at once: each gets this answer, in few messages of the bot."""

from __future__ import annotations

import asyncio
from unittest.mock import MagicMock

import discord
import pytest

from bot.commands.merged_answers import MergedAnswers

BUSY = "❌ Three sounds play already."


class Channel:
    """A channel of Discord that takes messages only once ``opened`` is set."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.opened = asyncio.Event()
        self.broken = False

    async def send(self, text: str) -> None:
        await self.opened.wait()
        if self.broken:
            raise discord.HTTPException(MagicMock(status=500, reason="broken"), "broken")
        self.told.append(text)


async def test_equal_refusals_that_wait_for_discord_are_merged() -> None:
    answers, channel = MergedAnswers(), Channel()
    waiting = [asyncio.create_task(answers.send(1, BUSY, channel.send)) for _ in range(40)]
    waiting.append(asyncio.create_task(answers.send(1, "❌ The call is over.", channel.send)))
    await asyncio.sleep(0)
    channel.opened.set()
    await asyncio.gather(*waiting)
    assert sorted(channel.told) == ["❌ The call is over.", BUSY, f"{BUSY}\n-# This answers 39 messages."]


async def test_refusals_one_after_the_other_are_messages_of_their_own() -> None:
    answers, channel = MergedAnswers(), Channel()
    channel.opened.set()
    for _ in range(3):
        await answers.send(1, BUSY, channel.send)
    assert channel.told == [BUSY] * 3


async def test_each_channel_has_its_own_answer() -> None:
    answers, here, there = MergedAnswers(), Channel(), Channel()
    waiting = [asyncio.create_task(answers.send(1, BUSY, here.send)) for _ in range(2)]
    waiting += [asyncio.create_task(answers.send(2, BUSY, there.send))]
    await asyncio.sleep(0)
    here.opened.set()
    there.opened.set()
    await asyncio.gather(*waiting)
    assert here.told == [BUSY, BUSY]
    assert there.told == [BUSY]


async def test_messages_that_wait_are_answered_though_the_first_answer_failed(caplog: pytest.LogCaptureFixture) -> None:
    answers, channel = MergedAnswers(), Channel()
    channel.broken = True

    async def send(text: str) -> None:
        try:
            await channel.send(text)
        finally:
            channel.broken = False

    waiting = [asyncio.create_task(answers.send(1, BUSY, send)) for _ in range(3)]
    await asyncio.sleep(0)
    channel.opened.set()
    await asyncio.gather(*waiting)
    assert channel.told == [f"{BUSY}\n-# This answers 2 messages."]
    assert "Could not answer 1 message(s)" in caplog.text
