"""Tests of the lease with features that hang, and of releasing stuck features."""

from __future__ import annotations

import asyncio

import pytest

from bot.lease import HoldError, Lease


class Feature:
    """A feature that hangs in its hold or release if the test says so."""

    def __init__(self, name: str = "feature") -> None:
        self.name = name
        self.held = False
        self.hangs = False

    async def hold(self, _: str) -> None:
        self.held = True
        if self.hangs:
            await asyncio.Event().wait()

    async def release(self) -> None:
        if self.hangs:
            await asyncio.Event().wait()
        self.held = False


def make(*features: Feature) -> Lease:
    lease = Lease(hold_limit=0.01, release_limit=0.01)
    for feature in features:
        lease.register(feature)
    return lease


async def test_a_feature_that_hangs_raises_an_error_and_the_other_features_are_released() -> None:
    other, hanging = Feature("other"), Feature("hanging")
    lease = make(other, hanging)
    hanging.hangs = True
    with pytest.raises(HoldError, match="hanging could not be paused"):
        await lease.acquire("a call")
    assert not other.held
    assert lease.held == ()
    assert lease.stuck == ("hanging",)
    await lease.close()


async def test_an_operator_releases_a_stuck_feature() -> None:
    feature = Feature()
    lease = make(feature)
    await lease.acquire("a call")
    feature.hangs = True
    await lease.release()
    assert "feature" in lease.stuck
    assert not await lease.free("feature")
    assert "feature" in lease.stuck
    feature.hangs = False
    assert await lease.free("feature")
    assert not feature.held
    assert "feature" not in lease.stuck
    with pytest.raises(KeyError):
        await lease.free("feature")


async def test_a_stuck_feature_is_held_again_by_the_next_call_and_released_after_it() -> None:
    feature = Feature()
    lease = make(feature)
    await lease.acquire("a call")
    feature.hangs = True
    await lease.release()
    feature.hangs = False
    await lease.acquire("another call")
    assert (lease.held, lease.stuck) == (("feature",), ())
    await lease.release()
    assert not feature.held
