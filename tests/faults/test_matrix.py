"""Each thing that a call needs fails in each way. The call goes on, or people are told why it ends. Nothing is lost or
said twice.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from itertools import product
from pathlib import Path

import pytest

from tests.faults.call import LONG, FaultyCall, Question
from tests.faults.opening import faulty_call
from tests.faults.table import Result, record
from tests.faults.things import AWAY, Fault, Name
from tests.faults.words import UNKNOWN
from tests.timing import LIMIT

pytestmark = pytest.mark.slow

IN_CI = (
    (Name.MODEL, Fault.HUNG),
    (Name.SPEECH_SERVER, Fault.KILLED),
    (Name.EARS, Fault.RUBBISH),
    (Name.GATEWAY, Fault.BACK),
    (Name.VOICE_GATEWAY, Fault.BACK),
    (Name.UDP, Fault.SLOW),
    (Name.DISK, Fault.KILLED),
    (Name.TOOLS, Fault.HUNG),
)
"""The faults that continuous integration tries: one of each of the eight things."""
OTHERS = tuple(cell for cell in product(Name, Fault) if cell not in IN_CI)
PATIENCE = {Name.VOICE_GATEWAY: 60.0, Name.UDP: 45.0, Name.GATEWAY: 8.0, Name.EARS: 45.0}
"""Seconds after which these faults end even if Ada was told nothing: without Discord's gateway, the bot can tell
nobody.
"""
USUAL_PATIENCE = 25.0
ASK_AGAIN, READING = 6.0, 1.0
"""Ada waits at most the first number of seconds for an answer. Then she reads for the second number of seconds, and
asks again.
"""
UNHEARD = "spoken, but not heard"
"""The outcome of a question while packets are lost on their way. The bot can't know that the answer is lost."""
LONGEST = 75.0
"""Seconds within which everything works again."""


def named(cell: tuple[Name, Fault]) -> str:
    return f"{cell[0]}: {cell[1]}"


@pytest.mark.parametrize("cell", IN_CI, ids=named)
async def test_people_are_answered_again_after_one_fault_of_each_thing(
    tmp_path: Path, word_voice: str, cell: tuple[Name, Fault], request: pytest.FixtureRequest
) -> None:
    record(request, await survive(tmp_path, word_voice, *cell))


@pytest.mark.parametrize("cell", OTHERS, ids=named)
async def test_people_are_answered_again_after_each_of_the_other_faults(
    tmp_path: Path, word_voice: str, cell: tuple[Name, Fault], request: pytest.FixtureRequest
) -> None:
    record(request, await survive(tmp_path, word_voice, *cell))


async def survive(folder: Path, speech_server: str, name: Name, fault: Fault) -> Result:
    """Let something fail in a call, ask meanwhile and afterwards, and end the call."""
    async with faulty_call(folder, speech_server, name) as (call, thing):

        async def ask() -> Question:
            if name is Name.EARS:
                return await call.ask_aloud()
            return await call.ask("find" if name is Name.TOOLS else "say")

        await call.ada.say(call.sandbox.home.general, "say everything")
        await call.wait_until_heard(LONG[0])
        if name is Name.EARS:
            await call.wait_until_quiet()
        await thing.break_down(fault)
        began = time.monotonic()
        later = await call.mention()
        during = await ask()
        if fault is not Fault.BACK:
            await call.wait_for_outcome(during, began, PATIENCE.get(name, USUAL_PATIENCE))
        # Discord's gateways send seldom, so their fault may show only after an answer. Each fault lasts at least AWAY.
        await asyncio.sleep(max(0.0, began + AWAY - time.monotonic()))
        if fault is Fault.SLOW:
            # Packets that are not late any more would overtake those that are.
            await call.wait_until_quiet()
        told = call.outcome(during, began)
        await thing.heal()
        healed = time.monotonic()
        recovery = await first_good_answer(call, during, ask, healed)
        meanwhile = told or call.outcome(during, began) or (UNHEARD if name is Name.UDP else None)
        assert meanwhile is not None, "Ada was not told what became of the question that she asked during the fault"
        await call.leave()
        await call.answered_or_told(later)
        # The features still work: the bot answers a mention.
        assert await call.wait_for_outcome(await call.mention(), time.monotonic(), LIMIT) == "answered in writing"
        counted = Counter(word for word, _ in call.heard() if word != UNKNOWN)
        assert max(counted.values()) == 1, f"said twice: {counted}"
        return Result(name, fault, meanwhile, call.joins == 1, recovery)


async def first_good_answer(
    call: FaultyCall, during: Question, ask: Callable[[], Awaitable[Question]], healed: float
) -> float:
    """Seconds from the end of the fault to the first sound of a good answer.

    An answer to the question that was asked during the fault counts too, if it comes after the fault.
    """
    if await call.wait_for_outcome(during, healed, ASK_AGAIN) == "answered":
        at = await call.wait_until_heard(during.word)
        if at > healed:
            return at - healed
    while time.monotonic() < healed + LONGEST:
        if call.over(during):
            await call.join()
        question = await ask()
        if await call.wait_for_outcome(question, time.monotonic(), ASK_AGAIN) == "answered":
            return await call.wait_until_heard(question.word) - healed
        await asyncio.sleep(READING)
    raise AssertionError(f"no good answer came within {LONGEST:.0f} s after the fault")
