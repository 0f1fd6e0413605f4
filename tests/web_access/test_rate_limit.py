"""Tests of the rate limit per client."""

from __future__ import annotations

import pytest

from tests.timing import Clock
from web_access.rate_limit import MAX_CLIENTS, ClientRateLimit


def test_after_a_burst_of_six_requests_one_more_is_allowed_every_ten_seconds() -> None:
    clock = Clock()
    limit = ClientRateLimit(6, clock)
    assert [limit.take("a") for _ in range(6)] == [0.0] * 6
    assert limit.take("a") == pytest.approx(10)
    clock.now += 9.9
    assert limit.take("a") == pytest.approx(0.1)
    clock.now += 0.2
    assert limit.take("a") == 0
    assert limit.take("a") > 9


def test_unused_requests_do_not_accumulate_beyond_a_burst() -> None:
    clock = Clock()
    limit = ClientRateLimit(2, clock)
    clock.now += 3600
    assert [limit.take("a") == 0 for _ in range(4)] == [True, True, False, False]


def test_clients_are_counted_apart_and_forgotten() -> None:
    limit = ClientRateLimit(1, Clock())
    assert limit.take("a") == 0
    assert limit.take("b") == 0
    assert limit.take("a") > 0
    for number in range(MAX_CLIENTS):
        limit.take(str(number))
    assert limit.take("a") == 0
