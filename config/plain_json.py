"""JSON as everybody reads it: Python alone takes NaN, and makes of a number that is too large an infinity."""

from __future__ import annotations

import json
import math
from typing import Any, Never


def read_json(text: str) -> Any:
    """What the text says.

    Raises:
        ValueError, RecursionError: it is no JSON, or holds a number that can't be written as JSON again.
    """
    return json.loads(text, parse_constant=_refuse, parse_float=_finite)


def _finite(digits: str) -> float:
    number = float(digits)
    return number if math.isfinite(number) else _refuse(digits)


def _refuse(number: str) -> Never:
    raise ValueError(f"{number} is not a JSON number")
