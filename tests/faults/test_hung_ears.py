"""A transcriber that hangs does not silence the bot: it answers what is typed, although somebody has spoken."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.faults.opening import faulty_call
from tests.faults.things import Fault, Name

GIVEN_UP = 30.0
"""Seconds after which the bot itself gives up a transcriber that hangs. Nobody may wait that long for an answer."""


@pytest.mark.slow
async def test_what_is_typed_is_answered_although_the_words_of_a_turn_do_not_come(
    tmp_path: Path, word_voice: str
) -> None:
    async with faulty_call(tmp_path, word_voice, Name.EARS) as (call, ears):
        await ears.break_down(Fault.HUNG)
        await call.ask_aloud()
        typed = await call.ask()
        async with asyncio.timeout(GIVEN_UP):
            while typed.word not in (word for word, _ in call.heard()):
                await asyncio.sleep(0.1)
