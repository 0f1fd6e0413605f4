"""Tests of the tool that rolls dice."""

from __future__ import annotations

import random

import pytest

from bot.tools.builtin.dice import RollDice
from tests.tools.builtin.asking import ask


class Loaded(random.Random):
    """Dice that always show their greatest number."""

    def randint(self, a: int, b: int) -> int:
        return b


@pytest.mark.parametrize(
    ("dice", "told"),
    [
        ("2d6+1", "show (6 + 6) + 1. The total is 13."),
        ("d20", "show (20). The total is 20."),
        (" 3 D 8 - 2d4 ", "show (8 + 8 + 8) - (4 + 4). The total is 16."),
        ("-1d4", "show - (4). The total is -4."),
        ("2w6", "show (6 + 6). The total is 12."),
        ("d%", "show (100). The total is 100."),
        ("1d2", "show (2). The total is 2."),
    ],
)
async def test_dice_are_rolled(dice: str, told: str) -> None:
    assert (await ask(RollDice(Loaded()), dice=dice)).endswith(told)


@pytest.mark.parametrize(
    "dice",
    [
        *("", "hello", "2d", "d0", "0d6", "101d6", "60d6+60d6", "1d1001", "6", "1+1", "1d6;drop", "²d6", "2d٣"),
        *("1d6 **2", "1d6" * 50, "9" * 9_000, "+".join(["1d6"] * 11)),
    ],
)
async def test_what_is_no_roll_or_too_large_is_reported(dice: str) -> None:
    told = await ask(RollDice(), dice=dice)
    assert "is not a roll of dice" in told or "At most 100 dice can be rolled" in told
    assert len(told) < 300


async def test_dice_are_fair() -> None:
    tool = RollDice(random.Random(4))
    found = [(await ask(tool, dice="1d6")).rstrip(".").rpartition(" ")[2] for _ in range(600)]
    assert {face: 70 <= found.count(face) <= 130 for face in "123456"} == dict.fromkeys("123456", True)
