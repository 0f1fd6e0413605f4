"""Tests of when the bot comes by itself and leaves, with random comings and goings of people on two servers.

Time is virtual. Calls end by the real rules.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.voice.transport import EndCause
from tests.bot.autojoin.virtual_time import run_virtually
from tests.bot.autojoin.world import GRACE, NOTICED, ONE, OPENING, SERVERS, TWO, World, chosen

QUIET = "23:00-23:03"
"""These quiet hours begin ten seconds after a history begins, and last three minutes."""
ACTIONS = (
    "come",
    "go",
    "come",
    "go",
    "come",
    "go",
    "join",
    "browser",
    "leave",
    "kick",
    "draw",
    "answer",
    "restart",
    "refuse",
)


@dataclass(frozen=True, slots=True)
class Step:
    """After ``wait`` seconds, something happens.

    Some actions need ``yes``, for example as an answer. After every action, ``yes`` also decides whether the bot
    notices at once.
    """

    wait: float
    action: str
    server: int
    person: int
    yes: bool


STEPS = st.builds(
    Step,
    st.sampled_from([0.0, 0.3, 1.5, 6.0, 14.0, 65.0]),
    st.sampled_from(ACTIONS),
    st.sampled_from(SERVERS),
    st.integers(0, 2),
    st.booleans(),
)


async def act(world: World, step: Step) -> None:
    match step.action:
        case "come":
            world.come_in(step.server, step.person)
        case "go":
            world.go_out(step.server, step.person)
        case "join":
            await world.join(step.server)
        case "browser":
            await world.join(None)
        case "leave":
            await world.leave()
        case "kick":
            world.kick()
        case "draw":
            world.busy = step.yes
        case "refuse":
            world.refuses = step.yes
        case "answer":
            if (answered := world.questions.pop(step.server, None)) is not None:
                if not step.yes:
                    world.must_be_empty |= {step.server} if world.people[step.server] else set()
                answered(step.yes)
        case "restart":
            await world.end()
            await world.begin()
    if step.yes:
        # Discord tells the bot at once. Otherwise the bot notices when it looks the next time.
        world.autojoin.look_again()


async def played(history: list[Step]) -> World:
    world = World()
    await world.records.store(chosen(ONE))
    await world.records.store(chosen(TWO, QUIET))
    await world.begin()
    for step in history:
        await asyncio.sleep(step.wait)
        await act(world, step)
    await settle(world)
    await world.end()
    return world


async def settle(world: World) -> None:
    """Nothing more happens. Whoever still waits must get the bot, one after the other."""
    world.busy = False
    world.refuses = False
    if world.on is not None and world.on.server is None:
        await world.leave()
    # 700 s are longer than the quiet hours, and than the longest pause after an attempt that failed.
    await asyncio.sleep(700.0)
    waiting = {server for server in SERVERS if world.people[server] - {0} and not world.autojoin.is_away(server)}
    if world.on is None:
        assert not waiting, "somebody waits in vain"
    else:
        assert not world.on.alone, "the bot is alone"
        assert world.on.server in SERVERS
        await all_go(world, world.on.server)


async def all_go(world: World, server: int) -> None:
    """Everybody leaves the bot. Then the bot leaves too, and comes to anybody who waits on the other server."""
    world.people[server].clear()
    world.come_in(server, 5)
    world.go_out(server, 5)
    other = TWO if server == ONE else ONE
    waits = bool(world.people[other] - {0}) and not world.autojoin.is_away(other)
    await asyncio.sleep(GRACE + NOTICED + OPENING + 3.0)
    assert (world.on.server if world.on is not None else None) == (other if waits else None)


@pytest.mark.parametrize("examples", [50, pytest.param(200, marks=pytest.mark.slow)])
def test_the_bot_is_never_alone_for_long_never_in_two_calls_and_ends_no_call_for_another(examples: int) -> None:
    @settings(max_examples=examples)
    @given(st.lists(STEPS, max_size=14))
    def any_history(history: list[Step]) -> None:
        world = run_virtually(played(history))
        assert world.faults == []
        wanted = {EndCause.ALONE, EndCause.COMMAND, EndCause.KICKED, EndCause.SHUTDOWN}
        assert set(world.causes) <= wanted, "no call was ended for another one"

    any_history()


async def _two_servers() -> None:
    world = World()
    await world.records.store(chosen(ONE))
    await world.records.store(chosen(TWO))
    await world.begin()
    world.come_in(ONE, 1)
    await asyncio.sleep(3)
    world.come_in(TWO, 2)
    await asyncio.sleep(100)
    assert [server for _, server in world.came] == [ONE]
    assert world.told == [(TWO, "waits")], "the one who waits is told, once"
    world.go_out(ONE, 1)
    await asyncio.sleep(1)
    world.come_in(ONE, 1)
    await asyncio.sleep(100)
    assert [server for _, server in world.came] == [ONE], "within the grace, the call goes on"
    world.go_out(ONE, 1)
    await asyncio.sleep(GRACE + NOTICED + OPENING + 3)
    world.come_in(ONE, 1)
    await asyncio.sleep(100)
    assert [server for _, server in world.came] == [ONE, TWO]
    assert world.told == [(TWO, "waits"), (ONE, "waits")]
    await world.end()


def test_two_servers_get_the_bot_one_after_the_other() -> None:
    run_virtually(_two_servers())
