"""The call manager: there are never more calls at a time than allowed, and the features are always released."""

from __future__ import annotations

import asyncio

import pytest

from bot.lease import Lease
from bot.user_error import UserError
from bot.voice.call_life import CallState
from bot.voice.manager import ALL_TAKEN, ALREADY_IN_CALL, CallManager
from bot.voice.transport import EndCause


class Feature:
    """A feature that can be held, and that raises where the test says so."""

    def __init__(self, name: str, journal: list[str], *, hold_fails: bool = False, release_fails: int = 0) -> None:
        self.name = name
        self.journal = journal
        self.hold_fails = hold_fails
        self.release_fails = release_fails

    async def hold(self, reason: str) -> None:
        self.journal.append(f"hold {self.name}")
        if self.hold_fails:
            raise RuntimeError("no")

    async def release(self) -> None:
        if self.release_fails:
            self.release_fails -= 1
            raise RuntimeError("not yet")
        self.journal.append(f"release {self.name}")


class FakeCall:
    """A call that records its steps. If it is ``slow``, opening it takes for ever.

    With ``slow_close``, closing it takes until :attr:`closed` is set.
    """

    def __init__(
        self, journal: list[str], *, fault: UserError | None = None, slow: bool = False, slow_close: bool = False
    ) -> None:
        self.journal = journal
        self.fault = fault
        self.slow = slow
        self.entered = asyncio.Event()
        self.closing = asyncio.Event()
        self.closed = asyncio.Event()
        if not slow_close:
            self.closed.set()
        self.lost: asyncio.Future[EndCause] = asyncio.get_running_loop().create_future()

    async def check(self) -> None:
        self.journal.append("check")

    async def open(self) -> None:
        self.journal.append("open")
        self.entered.set()
        if self.slow:
            await asyncio.Event().wait()
        if self.fault:
            raise self.fault

    async def wait_lost(self) -> EndCause:
        return await asyncio.shield(self.lost)

    async def close(self, cause: EndCause) -> None:
        self.journal.append(f"close {cause}")
        self.closing.set()
        await self.closed.wait()


def make(journal: list[str], *features: Feature, max_calls: int = 1) -> CallManager[FakeCall]:
    async def no_sleep(_: float) -> None:
        await asyncio.sleep(0)

    lease = Lease(sleep=no_sleep)
    for feature in features:
        lease.register(feature)

    async def ended(_: FakeCall, cause: EndCause) -> None:
        journal.append(f"ended {cause}")

    return CallManager(lease, ended, max_calls=max_calls)


async def test_features_are_held_before_connecting_and_released_in_reverse() -> None:
    journal: list[str] = []
    manager = make(journal, Feature("a", journal), Feature("b", journal))
    await manager.start(FakeCall(journal), reason="test")
    assert manager.status().held == ("a", "b")
    assert await manager.end()
    assert journal == [
        "check", "hold a", "hold b", "open", "close command", "release b", "release a", "ended command",
    ]  # fmt: skip
    assert manager.status().state is CallState.IDLE
    assert not await manager.end()


async def test_two_joins_at_once_make_one_call_and_one_refusal() -> None:
    journal: list[str] = []
    manager = make(journal)
    results = await asyncio.gather(
        manager.start(FakeCall(journal), reason="one"),
        manager.start(FakeCall(journal), reason="two"),
        return_exceptions=True,
    )
    assert isinstance(results[0], FakeCall)
    assert isinstance(results[1], UserError)
    assert str(results[1]) == ALREADY_IN_CALL.format(prefix="!")
    await manager.close()


@pytest.mark.parametrize("broken", ["first", "second"])
async def test_all_features_are_released_if_one_can_not_be_held(broken: str) -> None:
    journal: list[str] = []
    features = [Feature(name, journal, hold_fails=name == broken) for name in ("first", "second")]
    manager = make(journal, *features)
    with pytest.raises(UserError, match=f"{broken} could not be paused"):
        await manager.start(FakeCall(journal), reason="test")
    assert manager.status().held == ()
    assert manager.status().state is CallState.IDLE
    assert "open" not in journal
    assert f"release {broken}" in journal, "a hold that raised half-way is released too"


async def test_all_features_are_released_if_a_call_can_not_connect() -> None:
    journal: list[str] = []
    manager = make(journal, Feature("a", journal))
    with pytest.raises(UserError, match="no way in"):
        await manager.start(FakeCall(journal, fault=UserError("no way in")), reason="test")
    assert journal[-2:] == ["close failure", "release a"]
    await manager.start(FakeCall(journal), reason="again")
    await manager.close()


async def test_leave_cancels_a_slow_start() -> None:
    journal: list[str] = []
    manager = make(journal, Feature("a", journal))
    call = FakeCall(journal, slow=True)
    start = asyncio.create_task(manager.start(call, reason="test"))
    await call.entered.wait()
    assert await manager.end()
    with pytest.raises(UserError):
        await start
    assert manager.status().state is CallState.IDLE
    assert manager.status().held == ()
    assert "release a" in journal


async def test_leaving_at_the_moment_when_a_start_succeeds_ends_the_call() -> None:
    journal: list[str] = []
    manager = make(journal, Feature("a", journal))
    joining = asyncio.create_task(manager.start(FakeCall(journal), reason="test"))
    # The start will have succeeded before it can be cancelled.
    await asyncio.sleep(0)
    assert manager.status().state is CallState.STARTING
    assert await manager.end()
    await asyncio.wait([joining])
    assert manager.status().state is CallState.IDLE
    assert manager.status().held == ()
    assert journal[-1] == "ended command"


async def test_leaving_waits_until_a_failed_start_is_undone_and_ends_nothing_twice() -> None:
    journal: list[str] = []
    manager = make(journal, Feature("a", journal))
    call = FakeCall(journal, fault=UserError("no way in"), slow_close=True)
    joining = asyncio.create_task(manager.start(call, reason="test"))
    await call.closing.wait()
    leaving = asyncio.create_task(manager.end())
    await asyncio.wait([joining])
    with pytest.raises(UserError, match="Already in"):
        await manager.start(FakeCall(journal), reason="too soon")
    call.closed.set()
    assert await leaving
    assert journal == ["check", "hold a", "open", "close failure", "release a"]
    assert manager.status().state is CallState.IDLE
    next_call = await manager.start(FakeCall(journal), reason="again")
    assert manager.calls == (next_call,)
    assert manager.status().held == ("a",)
    await manager.close()


async def test_a_lost_call_ends_by_itself_and_reports_the_cause() -> None:
    journal: list[str] = []
    manager = make(journal, Feature("a", journal))
    call = await manager.start(FakeCall(journal), reason="test")
    call.lost.set_result(EndCause.KICKED)
    async with asyncio.timeout(30):
        while "ended kicked" not in journal:
            await asyncio.sleep(0)
    assert "release a" in journal


async def test_a_failing_release_is_shown_and_retried_and_does_not_stop_the_other_releases() -> None:
    journal: list[str] = []
    stubborn = Feature("stubborn", journal, release_fails=10)
    manager = make(journal, Feature("a", journal), stubborn)
    await manager.start(FakeCall(journal), reason="test")
    await manager.end()
    assert "release a" in journal
    assert manager.status().stuck == ("stubborn",)
    async with asyncio.timeout(30):
        while manager.status().stuck:
            await asyncio.sleep(0)
    assert "release stubborn" in journal


async def test_a_joining_command_that_is_cancelled_does_not_leave_a_half_started_call() -> None:
    journal: list[str] = []
    manager = make(journal, Feature("a", journal))
    call = FakeCall(journal, slow=True)
    start = asyncio.create_task(manager.start(call, reason="test"))
    await call.entered.wait()
    start.cancel()
    await asyncio.wait([start])
    assert await manager.end()
    assert manager.status().held == ()


async def test_features_are_held_from_the_first_of_several_calls_until_after_the_last() -> None:
    journal: list[str] = []
    manager = make(journal, Feature("a", journal), max_calls=3)
    first = await manager.start(FakeCall(journal), reason="one")
    second = await manager.start(FakeCall(journal), reason="two")
    assert [*manager.calls] == [first, second]
    assert await manager.end(call=first)
    assert [*manager.calls] == [second]
    assert manager.status().held == ("a",), "the second call still goes on"
    assert await manager.end(call=second)
    assert journal.count("hold a") == journal.count("release a") == 1
    assert journal.index("release a") == len(journal) - 2, (
        "it is released after the last call is closed and before its end is reported"
    )
    assert not await manager.end(call=first), "it has ended already"


async def test_a_call_that_begins_while_the_last_one_ends_takes_the_features_over() -> None:
    journal: list[str] = []
    manager = make(journal, Feature("a", journal), max_calls=2)
    first = await manager.start(FakeCall(journal, slow_close=True), reason="one")
    ending = asyncio.create_task(manager.end(call=first))
    await first.closing.wait()
    second = await manager.start(FakeCall(journal), reason="two")
    first.closed.set()
    assert await ending
    assert manager.status().held == ("a",)
    assert journal.count("hold a") == 1, "the second call does not hold the feature anew"
    assert "release a" not in journal
    await manager.end(call=second)
    assert manager.status().held == ()


async def test_a_call_that_begins_during_the_release_waits_and_holds_the_features_anew() -> None:
    journal: list[str] = []
    releasing, may_release = asyncio.Event(), asyncio.Event()

    class Slow(Feature):
        async def release(self) -> None:
            releasing.set()
            await may_release.wait()
            await super().release()

    manager = make(journal, Slow("a", journal), max_calls=2)
    first = await manager.start(FakeCall(journal), reason="one")
    ending = asyncio.create_task(manager.end(call=first))
    await releasing.wait()
    joining = asyncio.create_task(manager.start(FakeCall(journal), reason="two"))
    for _ in range(10):
        await asyncio.sleep(0)
    assert journal.count("hold a") == 1
    may_release.set()
    await joining
    await ending
    held = [step for step in journal if step.endswith(" a")]
    assert held == ["hold a", "release a", "hold a"]
    await manager.close()


async def test_a_failed_start_beside_a_call_takes_nothing_from_the_call() -> None:
    journal: list[str] = []
    manager = make(journal, Feature("a", journal), max_calls=2)
    call = await manager.start(FakeCall(journal), reason="one")
    with pytest.raises(UserError, match="no way in"):
        await manager.start(FakeCall(journal, fault=UserError("no way in")), reason="two")
    assert manager.calls == (call,)
    assert manager.status().held == ("a",)
    assert "release a" not in journal
    await manager.close()
    assert manager.status().held == ()


async def test_there_is_one_call_in_a_place_and_there_are_no_more_calls_than_allowed() -> None:
    journal: list[str] = []
    manager = make(journal, max_calls=2)
    await manager.start(FakeCall(journal), reason="one", place=1)
    with pytest.raises(UserError) as refused:
        await manager.start(FakeCall(journal), reason="one more there", place=1)
    assert str(refused.value) == ALREADY_IN_CALL.format(prefix="!")
    await manager.start(FakeCall(journal), reason="two", place=2)
    with pytest.raises(UserError) as refused:
        await manager.start(FakeCall(journal), reason="three", place=3)
    assert str(refused.value) == ALL_TAKEN.format(count=2)
    await manager.close()
    assert journal.count("ended shutdown") == 2


async def test_a_lost_call_leaves_the_others_alone() -> None:
    journal: list[str] = []
    manager = make(journal, max_calls=2)
    lost = await manager.start(FakeCall(journal), reason="one")
    other = await manager.start(FakeCall(journal), reason="two")
    lost.lost.set_result(EndCause.KICKED)
    async with asyncio.timeout(30):
        while "ended kicked" not in journal:
            await asyncio.sleep(0)
    assert manager.calls == (other,)
    assert not manager.full
    await manager.close()
