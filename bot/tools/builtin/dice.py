"""The tool ``roll_dice``: rolls such as 2d6+1."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from typing import Any

from bot.llm.tools import ToolDescription
from bot.text import shorten
from bot.tools.tool import Asker, ReadOnlyTool, ToolError, ToolResult

MAX_DICE = 100
"""Maximum number of dice of one roll."""
MAX_SIDES = 1_000
MAX_NUMBER = 1_000_000
"""Greatest number that can be added."""
MAX_TERMS = 10
_MAX_CHARS = 100
_TERM = re.compile(r"([+-])(?:(\d{0,3})[dw](\d{1,4}|%)|(\d{1,7}))", re.IGNORECASE | re.ASCII)
"""A sign, then either dice or a number. In German, dice have a W instead of a D."""
_SPACE = re.compile(r"\s+")
WRONG = "{written!r} is not a roll of dice. A roll looks like 2d6+1: two dice with six sides, plus one."
DESCRIPTION = ToolDescription(
    "roll_dice",
    "Rolls dice, fairly. Use it whenever dice or a random number are wanted. A coin is 1d2: 1 is heads, 2 is tails.",
    {
        "type": "object",
        "properties": {"dice": {"type": "string", "description": "The roll, such as d20, 2d6+1 or 3d8-2d4."}},
        "required": ["dice"],
        "additionalProperties": False,
    },
)


class RollDice(ReadOnlyTool):
    """Rolls dice.

    Args:
        rng: the source of chance; the system's if it is ``None``.
    """

    description = DESCRIPTION

    def __init__(self, rng: random.Random | None = None) -> None:
        self._rng = rng or random.SystemRandom()

    async def run(self, arguments: Mapping[str, Any], asker: Asker) -> ToolResult:
        """Roll ``dice``.

        Raises:
            ToolError: this is not a roll, or a larger one than allowed.
        """
        written = shorten(str(arguments.get("dice", "")), _MAX_CHARS)
        terms = _terms(written)
        total, count, shown = 0, 0, []
        for sign, number, sides in terms:
            if sides is None:
                total += sign * number
                shown.append(f"{'+' if sign > 0 else '-'} {number}")
                continue
            count += number
            if not 1 <= sides <= MAX_SIDES or count > MAX_DICE:
                raise ToolError(f"At most {MAX_DICE} dice can be rolled, with at most {MAX_SIDES} sides.")
            rolled = [self._rng.randint(1, sides) for _ in range(number)]
            total += sign * sum(rolled)
            shown.append(f"{'+' if sign > 0 else '-'} ({' + '.join(map(str, rolled))})")
        steps = " ".join(shown).removeprefix("+ ")
        return ToolResult(f"The dice {written} show {steps}. The total is {total}.")


def _terms(written: str) -> list[tuple[int, int, int | None]]:
    """The terms of a roll: the sign, the number of dice, and their sides; for a plain number, ``None`` as the sides.

    Raises:
        ToolError: this is not a roll.
    """
    text = _SPACE.sub("", written).replace("−", "-")
    text = text if text.startswith(("+", "-")) else f"+{text}"
    terms: list[tuple[int, int, int | None]] = []
    end = 0
    while end < len(text) and (found := _TERM.match(text, end)) is not None and len(terms) < MAX_TERMS:
        sign = 1 if found[1] == "+" else -1
        if found[4] is None:
            terms.append((sign, int(found[2] or 1), 100 if found[3] == "%" else int(found[3])))
        else:
            terms.append((sign, min(int(found[4]), MAX_NUMBER), None))
        end = found.end()
    if end < len(text) or all(sides is None or number == 0 for _, number, sides in terms):
        raise ToolError(WRONG.format(written=written))
    return terms
