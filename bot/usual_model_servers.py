"""Finds the model servers that run on this machine at their usual ports, to offer them to the operator."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp

from bot.identity import HEADERS
from bot.llm.requests import ModelOptions, endpoint_url
from bot.llm.server_facts import FactSource, ask_source

ANOTHER = "a model server"
"""The name of a server that lists models, but is not the server that usually has this port."""
_TIMEOUT = 0.5


@dataclass(frozen=True, slots=True)
class UsualModelServer:
    """A model server and its usual port.

    Attributes:
        owner: who owns the models in the list of this server (``owned_by``). ``None`` if a list of models at this port
            is enough to recognise the server.
    """

    name: str
    port: int
    owner: str | None = None

    @property
    def url(self) -> str:
        """The address for ``LLM_URL``."""
        return f"http://127.0.0.1:{self.port}/v1"

    def name_by_answer(self, answer: Any) -> str | None:
        """Name the server that answers with this list of models (JSON). ``None`` if the answer is not a list of models.

        Raises:
            LookupError, AttributeError, TypeError: the answer has another format.
        """
        # Ollama answers ``null`` if it has no models yet.
        models = answer["data"] or []
        if answer["object"] != "list" or not isinstance(models, list):
            return None
        owners = {model["owned_by"] for model in models}
        return self.name if self.owner is None or self.owner in owners else ANOTHER


USUAL_MODEL_SERVERS = (UsualModelServer("Ollama", 11434), UsualModelServer("llama-server", 8080, "llamacpp"))
"""Other programs often use port 8080 too, LocalAI's model server among them."""


async def find_model_servers(usual: Sequence[UsualModelServer] = USUAL_MODEL_SERVERS) -> list[str]:
    """Ask the usual ports for their models. Returns the name and the setting of each server that lists models.

    Never raises. Takes up to half a second.
    """
    async with aiohttp.ClientSession(headers=HEADERS, cookie_jar=aiohttp.DummyCookieJar()) as session:
        names = await asyncio.gather(*(_ask_name(session, server) for server in usual))
    return [f"{name} (`LLM_URL={server.url}`)" for name, server in zip(names, usual, strict=True) if name]


async def _ask_name(session: aiohttp.ClientSession, server: UsualModelServer) -> str | None:
    options = ModelOptions(url=server.url, connect_timeout=_TIMEOUT)
    source = FactSource("GET", endpoint_url(options, "/models"), lambda answer, _: server.name_by_answer(answer))
    name = await ask_source(session, source, options)
    return name if isinstance(name, str) else None
