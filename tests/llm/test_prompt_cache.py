"""A call of ten turns with a real llama.cpp server (toy weights): how much of its prompt each answer reads anew."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from benchmarks.prompt_cache import Setup, TurnCost, hold_call
from bot.llm.embedded import EmbeddedModelServer
from bot.llm.requests import ModelOptions
from config.settings import Settings
from toys.llm.weights import TOY_MODEL_NAME

TURNS = 10
ATTEMPTS = 5
"""How many calls may be held until one shows that the cache works. A fault of the prompts shows in all of them."""
TAIL = 60
"""More tokens than the newest line has. Only in this line does a turn's prompt differ from the last guess about the
turn, which is a speculative request.
"""


async def call_of_ten_turns(weights: Path, setup: Setup) -> list[TurnCost]:
    async with EmbeddedModelServer(weights, name=TOY_MODEL_NAME) as server:
        options = ModelOptions(server.url, model=TOY_MODEL_NAME)
        return await hold_call(options, Settings.read(_env_file=None), setup, TURNS)


@pytest.mark.parametrize(("messages", "abandoned"), [(20, False), (4, True)], ids=["first word", "still reading"])
async def test_the_server_reads_only_the_newest_lines_regardless_of_earlier_guesses(
    weights: Path, messages: int, abandoned: bool
) -> None:
    most = 4 * TAIL if abandoned else TAIL
    # On a busy machine, some calls abandon several guesses in a row before the server has read any of them.
    for _ in range(ATTEMPTS if abandoned else 1):
        costs = await call_of_ten_turns(weights, Setup(True, messages, abandoned=abandoned, reads_ahead=False))
        assert len(costs) == TURNS
        assert all(cost.prompt > 1_000 for cost in costs), "the toy's tokens are short, so each prompt has many"
        if abandoned:
            # A guess may be abandoned before the server has read any of it. Then a few earlier lines are new to the
            # server too. All earlier lines are new if the history has just been cut back, which makes the prompt
            # shorter, or if the minute has changed, as in every third prompt.
            later = [
                cost
                for number, (before, cost) in enumerate(pairwise(costs), 1)
                if cost.prompt > before.prompt and number % 3 != 0
            ]
            assert len(later) > TURNS / 3
            costs = [costs[0], *later]
        if max(cost.read for cost in costs) <= most:
            return
    raise AssertionError([(cost.prompt, cost.read) for cost in costs])


async def test_the_server_reads_older_lines_and_interim_words_while_the_person_speaks(weights: Path) -> None:
    without = await call_of_ten_turns(weights, Setup(True, 20, guesses=False))
    assert max(cost.read for cost in without) <= TAIL, [(cost.prompt, cost.read) for cost in without]
    costs = await call_of_ten_turns(weights, Setup(True, 20, guesses=False, reads_words=True))
    # The toy's answers and the minutes are the same in both calls, and so are the prompts.
    assert [cost.prompt for cost in costs] == [cost.prompt for cost in without]
    read = [(before.read, cost.read) for before, cost in zip(without, costs, strict=True)]
    assert all(cost <= 0.7 * before for before, cost in read), read


async def test_the_head_of_the_prompt_does_not_change_during_a_call(weights: Path) -> None:
    costs = await call_of_ten_turns(weights, Setup(True, 20, guesses=False, reads_ahead=False))
    # For the first answer, the head is in the cache since the warm-up. Its end, with room and time, may change.
    head = costs[0].prompt - TAIL
    assert costs[0].read <= TAIL
    assert all(cost.prompt - cost.read > head - 100 for cost in costs), [(cost.prompt, cost.read) for cost in costs]
    same_minute = [cost.read for number, cost in enumerate(costs) if number % 3]
    assert max(same_minute) <= 4 * TAIL, "while the minute stays the same, the earlier turns stay in the cache"
