"""Facts about a model that its server may tell. Different kinds of servers tell them at different endpoints."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import aiohttp
from yarl import URL

from bot.llm.requests import ModelOptions
from web_access.bodies import read_body

_MAX_FACTS_BYTES = 4 << 20


@dataclass(frozen=True, slots=True)
class FactSource:
    """An endpoint of some kinds of servers that may tell a fact about a model.

    Attributes:
        read: finds the fact in the response's JSON. It also gets the model's name. It may raise LookupError,
            AttributeError, TypeError or ValueError if the response has another format.
        body: the JSON body of the request; ``None`` for a request without one.
    """

    method: str
    url: URL
    read: Callable[[Any, str | None], object]
    body: Mapping[str, Any] | None = None


async def ask_source(session: aiohttp.ClientSession, source: FactSource, options: ModelOptions) -> object:
    """Ask one endpoint for its fact; ``None`` if the endpoint does not tell the fact.

    Never raises. Takes up to ``connect_timeout`` seconds.
    """
    try:
        async with (
            asyncio.timeout(options.connect_timeout),
            session.request(source.method, source.url, json=source.body, allow_redirects=False) as response,
        ):
            if response.status != HTTPStatus.OK:
                return None
            answer = json.loads(await read_body(response.content, _MAX_FACTS_BYTES))
        return source.read(answer, options.model)
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
        # The server can't be reached, does not have this endpoint, or answers in an unknown format.
        return None


def entry_of(entries: list[Any], model: str | None, *names: str) -> dict[str, Any]:
    """The entry of ``model`` in a list of models; {} if there is none.

    If ``model`` is ``None``, the list's only entry is returned; {} if there are several.

    Args:
        names: the fields of an entry that may have the model's name.
    """
    known = [entry for entry in entries if isinstance(entry, dict)]
    if model is None:
        return known[0] if len(known) == 1 else {}
    wanted = {model, f"{model}:latest"}
    return next((entry for entry in known if any(entry.get(name) in wanted for name in names)), {})
