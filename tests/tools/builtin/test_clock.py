"""Tests of the tool that tells the time, here and elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from bot.tools.builtin.clock import TellTime
from bot.tools.builtin.time_zones import load_time_zones
from tests.tools.builtin.asking import ask

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 28, 18, 5, tzinfo=BERLIN)


@pytest.fixture(scope="module")
def time_zones() -> Mapping[str, str]:
    return load_time_zones()


@pytest.fixture
def clock(time_zones: Mapping[str, str]) -> TellTime:
    return TellTime(lambda: NOW, time_zones)


async def test_without_a_place_the_time_where_the_people_are_is_told(clock: TellTime) -> None:
    assert await ask(clock) == "It is Saturday, 28 November 2026, 18:05 (Europe/Berlin)."
    assert await ask(clock, place=" ") == "It is Saturday, 28 November 2026, 18:05 (Europe/Berlin)."


@pytest.mark.parametrize(
    ("place", "time"),
    [
        ("Tokyo", "Sunday, 29 November 2026, 02:05 (Asia/Tokyo)"),
        ("osaka", "Sunday, 29 November 2026, 02:05 (Asia/Tokyo)"),
        ("New York", "Saturday, 28 November 2026, 12:05 (America/New_York)"),
        ("San Francisco, USA", "Saturday, 28 November 2026, 09:05 (America/Los_Angeles)"),
        ("America/New_York", "Saturday, 28 November 2026, 12:05 (America/New_York)"),
        ("São Paulo", "Saturday, 28 November 2026, 14:05 (America/Sao_Paulo)"),
        ("Zürich", "Saturday, 28 November 2026, 18:05 (Europe/Zurich)"),
        ("Iceland", "Saturday, 28 November 2026, 17:05 (Iceland)"),
        ("Norway", "Saturday, 28 November 2026, 18:05 (Europe/Oslo)"),
        ("India", "Saturday, 28 November 2026, 22:35 (Asia/Kolkata)"),
        ("UTC", "Saturday, 28 November 2026, 17:05 (UTC)"),
        ("utc+2", "Saturday, 28 November 2026, 19:05 (UTC+02:00)"),
        ("GMT -3:30", "Saturday, 28 November 2026, 13:35 (UTC-03:30)"),
    ],
)
async def test_the_time_elsewhere_is_told(clock: TellTime, place: str, time: str) -> None:
    told = await ask(clock, place=place)
    assert told.startswith(f"In {place} it is {time}. ")
    assert told.endswith("Where the people are it is Saturday, 28 November 2026, 18:05 (Europe/Berlin).")


@pytest.mark.parametrize("place", ["Atlantis", "../../etc/passwd", "UTC+99", "x" * 5_000, "United States", "/", "\0"])
async def test_an_unknown_place_is_reported(clock: TellTime, place: str) -> None:
    told = await ask(clock, place=place)
    assert told.startswith("I know no time zone for ")
    assert len(told) < 300
