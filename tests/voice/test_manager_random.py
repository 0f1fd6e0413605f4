"""The call manager with random requests and failures: there are never too many calls, and nothing stays held."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from enum import Enum

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from bot.lease import Lease
from bot.user_error import UserError
from bot.voice.call_life import CallState
from bot.voice.manager import CallManager
from bot.voice.transport import EndCause


class Fault(Enum):
    """The step at which a start fails."""

    NONE = "none"
    CHECK = "check"
    HOLD = "hold"
    OPEN = "open"


class Feature:
    """A feature that knows whether it is held, and that fails when the test says so."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.held = False
        self.held_twice = False
        self.resists = False
        self.hold_fails = False
        self.release_fails = 0

    async def hold(self, _: str) -> None:
        # A feature that could not be released is held anew by the next call.
        self.held_twice = self.held_twice or (self.held and not self.resists)
        self.held = True
        await asyncio.sleep(0)
        if self.hold_fails:
            raise RuntimeError("no")

    async def release(self) -> None:
        await asyncio.sleep(0)
        self.resists = bool(self.release_fails)
        if self.resists:
            self.release_fails -= 1
            raise RuntimeError("not yet")
        self.held = False


class Call:
    """A call that can be lost and that knows whether it is open."""

    def __init__(self, fault: Fault, opened: set[Call]) -> None:
        self.lost: asyncio.Future[EndCause] = asyncio.get_running_loop().create_future()
        self._fault = fault
        self._opened = opened

    async def check(self) -> None:
        await asyncio.sleep(0)
        if self._fault is Fault.CHECK:
            raise UserError("check")

    async def open(self) -> None:
        self._opened.add(self)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        if self._fault is Fault.OPEN:
            raise UserError("open")

    async def wait_lost(self) -> EndCause:
        return await asyncio.shield(self.lost)

    async def close(self, _: EndCause) -> None:
        await asyncio.sleep(0)
        self._opened.discard(self)


class ManagerMachine(RuleBasedStateMachine):
    """Random joins, leaves, losses and failures. Between two of them the event loop runs a random number of steps."""

    max_calls = 1

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.retries = 0
        self.features = [Feature("a"), Feature("b"), Feature("c")]
        self.opened: set[Call] = set()
        self.asked: list[asyncio.Task[object]] = []
        self.runner.run(self._build())

    async def _build(self) -> None:
        self.may_retry = asyncio.Event()

        async def wait(_: float) -> None:
            await self.may_retry.wait()

        lease = Lease(sleep=wait)
        for feature in self.features:
            lease.register(feature)

        async def ended(_: Call, __: EndCause) -> None:
            await asyncio.sleep(0)

        self.manager: CallManager[Call] = CallManager(lease, ended, max_calls=self.max_calls)

    def _do(self, make: Callable[[], asyncio.Task[object] | None], steps: int) -> None:
        async def go() -> None:
            task = make()
            if task is not None:
                self.asked.append(task)
            for _ in range(steps):
                await asyncio.sleep(0)

        self.runner.run(go())

    @rule(fault=st.sampled_from(Fault), feature=st.integers(0, 2), steps=st.integers(0, 12))
    def join(self, fault: Fault, feature: int, steps: int) -> None:
        for number, one in enumerate(self.features):
            one.hold_fails = fault is Fault.HOLD and number == feature
        self._do(lambda: asyncio.ensure_future(self.manager.start(Call(fault, self.opened), reason="a call")), steps)

    @rule(steps=st.integers(0, 12))
    def leave(self, steps: int) -> None:
        self._do(lambda: asyncio.ensure_future(self.manager.end()), steps)

    @rule(which=st.integers(0, 2), steps=st.integers(0, 12))
    @precondition(lambda self: self.manager.occupants)
    def leave_one(self, which: int, steps: int) -> None:
        occupants = self.manager.occupants
        call = occupants[which % len(occupants)]
        self._do(lambda: asyncio.ensure_future(self.manager.end(call=call)), steps)

    @rule(who=st.integers(0, 20), steps=st.integers(0, 12))
    @precondition(lambda self: self.asked)
    def the_caller_gives_up(self, who: int, steps: int) -> None:
        def give_up() -> None:
            self.asked[who % len(self.asked)].cancel()

        self._do(give_up, steps)

    @rule(which=st.integers(0, 2), steps=st.integers(0, 12))
    @precondition(lambda self: self.manager.calls)
    def lose(self, which: int, steps: int) -> None:
        def lose() -> None:
            calls = self.manager.calls
            if calls and not (lost := calls[which % len(calls)].lost).done():
                lost.set_result(EndCause.KICKED)

        self._do(lose, steps)

    @rule(feature=st.integers(0, 2), times=st.integers(1, 3))
    def a_feature_will_not_be_released(self, feature: int, times: int) -> None:
        self.features[feature].release_fails = times

    @invariant()
    def there_are_never_too_many_calls(self) -> None:
        assert len(self.opened) <= self.max_calls

    @invariant()
    def no_feature_is_held_twice(self) -> None:
        assert not any(feature.held_twice for feature in self.features)

    @invariant()
    def a_live_call_holds_every_feature(self) -> None:
        if self.manager.status().state is CallState.ACTIVE:
            assert all(feature.held for feature in self.features)

    @invariant()
    def without_a_call_only_features_whose_release_has_failed_are_held(self) -> None:
        status = self.manager.status()
        if status.state is CallState.IDLE:
            held = {feature.name for feature in self.features if feature.held}
            assert held <= set(status.stuck)
            assert status.held == ()
            assert not self.opened

    def teardown(self) -> None:
        async def end() -> None:
            await self.manager.end()
            await asyncio.gather(*self.asked, return_exceptions=True)
            self.may_retry.set()
            async with asyncio.timeout(30):
                while self.manager.status().stuck:
                    await asyncio.sleep(0)
            await self.manager.close()

        self.runner.run(end())
        assert self.manager.status().state is CallState.IDLE
        assert not any(feature.held for feature in self.features)
        assert not self.opened
        self.runner.close()


class SeveralCallsMachine(ManagerMachine):
    """The steps of :class:`ManagerMachine`, with up to three calls at once."""

    max_calls = 3


TestManager = ManagerMachine.TestCase
TestManager.settings = settings(max_examples=100, stateful_step_count=15)
TestSeveralCalls = SeveralCallsMachine.TestCase
TestSeveralCalls.settings = settings(max_examples=100, stateful_step_count=20)
