"""Tests of the rate limits of a transcription server: how long clients must wait, and the pauses of speculation."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bot.voice.transcribe.openai_responses import MAX_SPECULATION_PAUSE, SHORTEST_SPECULATION_PAUSE, RateLimits
from tests.timing import Clock


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "2"}, 2.0),
        ({"Retry-After": "0.25"}, 0.25),
        ({"Retry-After": "1m30s"}, 90.0),
        ({"Retry-After": "250ms"}, 0.25),
        ({"Retry-After-Ms": "1500", "Retry-After": "2"}, 1.5),
        ({"Retry-After": "Thu, 01 Jan 2026 00:00:07 GMT"}, 7.0),
        ({"Retry-After": "Wed, 31 Dec 2025 00:00:00 GMT"}, 0.0),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "-3"}, None),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": "1..2s"}, None),
        ({"Retry-After": "1.2.3ms"}, None),
        ({"Retry-After": f"{'9' * 400}h"}, 86_400.0),
        ({"Retry-After": f"Thu, 01 Jan {'9' * 20} 00:00:07 GMT"}, None),
        ({"Retry-After": "Thu, 01 Jan 2026 00:00:07 +9999"}, None),
        ({"Retry-After-Ms": "1..5", "Retry-After": "2"}, 2.0),
        ({"Retry-After": ""}, None),
        ({}, None),
    ],
)
def test_every_format_of_retry_after_is_understood(headers: dict[str, str], seconds: float | None) -> None:
    limits = RateLimits(Clock(), lambda: datetime(2026, 1, 1, tzinfo=UTC))
    assert limits.asked_to_wait(headers) == seconds


def test_speculation_pauses_for_longer_than_the_server_asks_for() -> None:
    clock = Clock()
    limits = RateLimits(clock)
    assert limits.may_speculate
    limits.record_refusal(2.0)
    assert (limits.wait, limits.may_speculate) == (2.0, False)
    clock.now += 2.0
    assert (limits.wait, limits.may_speculate) == (0.0, False)
    clock.now += SHORTEST_SPECULATION_PAUSE
    assert limits.may_speculate


def test_final_requests_do_not_wait_if_the_server_asks_for_too_long_a_wait() -> None:
    limits = RateLimits(Clock())
    limits.record_refusal(3600.0)
    assert (limits.wait, limits.may_speculate) == (0.0, False)


def test_the_pauses_of_speculation_grow_with_repeated_refusals() -> None:
    clock = Clock()
    limits = RateLimits(clock)
    waits = []
    for _ in range(6):
        limits.record_refusal(0.0)
        began = clock.now
        while not limits.may_speculate:
            clock.now += 1.0
        waits.append(clock.now - began)
    assert waits == [15.0, 30.0, 60.0, 120.0, MAX_SPECULATION_PAUSE, MAX_SPECULATION_PAUSE]
    clock.now += 1000.0
    limits.record_refusal(0.0)
    clock.now += SHORTEST_SPECULATION_PAUSE
    assert limits.may_speculate
