"""Reads strict JSON. Python's own parser also accepts NaN, and turns a number that is too large into infinity."""

from __future__ import annotations

import json
import math
from typing import Any, Never


def read_json(text: str) -> Any:
    """Parse JSON, and return plain Python values.

    Raises:
        ValueError, RecursionError: the text is not JSON, or has a number that can't be written as JSON again.
    """
    return json.loads(text, parse_constant=_refuse, parse_float=_finite)


def _finite(digits: str) -> float:
    number = float(digits)
    return number if math.isfinite(number) else _refuse(digits)


def _refuse(number: str) -> Never:
    raise ValueError(f"{number} is not a JSON number")
