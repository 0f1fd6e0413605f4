"""Asking a model server what it tells of its models. Each kind of server tells it at an address of its own."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import aiohttp
from yarl import URL

from bot.llm.failures import read_body
from bot.llm.options import ModelOptions

_MAX_BYTES = 4 << 20


@dataclass(frozen=True, slots=True)
class Place:
    """An address that may know; ``read`` takes what it answers and the model's name, and may raise what it likes."""

    method: str
    url: URL
    read: Callable[[Any, str | None], object]
    body: Mapping[str, Any] | None = None


async def read_place(session: aiohttp.ClientSession, place: Place, options: ModelOptions) -> object:
    """What is told there; ``None`` where that is nothing. Takes up to ``connect_timeout`` seconds, never raises."""
    try:
        async with (
            asyncio.timeout(options.connect_timeout),
            session.request(place.method, place.url, json=place.body, allow_redirects=False) as response,
        ):
            if response.status != HTTPStatus.OK:
                return None
            told = json.loads(await read_body(response, _MAX_BYTES))
        return place.read(told, options.model)
    except (
        TimeoutError,
        aiohttp.ClientError,
        OSError,
        ValueError,
        LookupError,
        AttributeError,
        TypeError,
        RecursionError,
    ):
        # The server is away, has no such address, or answers what nobody expects.
        return None


def entry_of(entries: list[Any], model: str | None, *names: str) -> dict[str, Any]:
    """The entry of our model; without a name, of the only one."""
    known = [entry for entry in entries if isinstance(entry, dict)]
    if model is None:
        return known[0] if len(known) == 1 else {}
    wanted = {model, f"{model}:latest"}
    return next((entry for entry in known if any(entry.get(name) in wanted for name in names)), {})
