"""Damages valid messages: bytes, texts and JSON. The same seed always gives the same cases."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from copy import deepcopy
from typing import Any

from tests.fuzzing.values import BAD_JSON, VALUES

MAX_CASE = 16 * 1024
"""Largest number of bytes of a case, but for a few that are long on purpose."""
_BYTES = (
    b"",
    b"\0",
    b"\xff",
    b"\r\n",
    b"\n\n",
    b"\x80\x00\x00\x00",
    b"\x7f\xff\xff\xff",
    b"\xed\xa0\x80",
    b"9" * 40,
    b"[" * 3000,
)
_NUMBERS = (0, -1, 2**31, 2**63, 10**30, 10**400, 1e308, float("inf"), float("nan"))


def damaged(seeds: Sequence[bytes], rng: random.Random) -> bytes:
    """One of the seeds with some bytes changed, left out, put in, repeated, or from another seed."""
    data = bytearray(rng.choice(seeds))
    for _ in range(rng.choice((0, 1, 1, 1, 2, 2, 3, 8))):
        place = rng.randrange(len(data) + 1)
        match rng.randrange(8):
            case 0 | 1 if place < len(data):
                data[place] ^= 1 << rng.randrange(8)
            case 2:
                del data[place:]
            case 3:
                del data[place : place + rng.randrange(1, 9)]
            case 4:
                data[place:place] = rng.choice(_BYTES)
            case 5:
                data[place:place] = rng.randbytes(rng.randrange(1, 9))
            case 6:
                data[place:place] = data[place : place + rng.randrange(1, 200)]
            case 7:
                other = rng.choice(seeds)
                data[place:] = other[rng.randrange(len(other) + 1) :]
    return bytes(data[:MAX_CASE])


def damaged_json(seeds: Sequence[bytes], rng: random.Random) -> bytes:
    """One of the seeds with other values, other names, or without some; sometimes no JSON at all."""
    chance = rng.random()
    if chance < 0.02:
        return rng.choice(BAD_JSON)
    if chance < 0.25:
        return damaged(seeds, rng)
    value = json.loads(rng.choice(seeds))
    for _ in range(rng.choice((1, 1, 2, 3))):
        value = _changed(value, rng)
    return json.dumps(value, ensure_ascii=rng.random() < 0.9).encode("utf-8", "surrogatepass")


def text_of(data: bytes) -> str:
    """The bytes as a text that a socket may bring: with lone surrogates if only these keep it from being UTF-8,
    otherwise with replacement characters.
    """
    return data.decode("utf-8", "surrogatepass" if b"\xed" in data and _is_wide(data) else "replace")


def _is_wide(data: bytes) -> bool:
    try:
        data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return False
    return True


def _changed(value: Any, rng: random.Random) -> Any:
    if not isinstance(value, dict | list) or not value or rng.random() < 0.15:
        return rng.choice(_NUMBERS) if rng.random() < 0.2 else deepcopy(rng.choice(VALUES))
    names = list(value) if isinstance(value, dict) else range(len(value))
    name = rng.choice(names)
    match rng.randrange(8):
        case 0:
            del value[name]
        case 1 if isinstance(value, dict):
            value[str(rng.choice(VALUES))[:40]] = value[name]
        case 2 if isinstance(value, list):
            value *= rng.randrange(2, 30)
        case 3:
            value[name] = {str(name): value[name]}
        case 4:
            value[name] = [value[name]]
        case _:
            value[name] = _changed(value[name], rng)
    return value
