"""How many parameters a model has: small ones are asked in another way (:mod:`bot.llm.small`)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import aiohttp

from bot.llm.options import ModelOptions
from bot.llm.requests import endpoint_url, root_url
from bot.llm.server_facts import Place, entry_of, read_place

SMALL = 2_000_000_000
"""Models of fewer parameters are small."""
TINY = 400_000_000
"""Models of fewer parameters are tiny: they lose themselves in a dialogue."""
_SMALLEST, _LARGEST = 10_000_000, 100_000_000_000_000
"""What is smaller is a toy, which knows its sentences and is to say them whole."""

_IN_NAME = re.compile(r"(?<![\w.])(?:(\d{1,3})x)?(\d{1,4}(?:\.\d{1,3})?)\s?([bm])(?![a-z0-9])", re.IGNORECASE)
_UNITS = {"b": 1_000_000_000, "m": 1_000_000}


class ModelSize:
    """The size of one model of one server, as far as it is known.

    Args:
        name: what the model is called. It may tell the size; what the server tells wins.
    """

    def __init__(self, name: str | None) -> None:
        self._parameters = size_in_name(name) if name else None

    def told(self, parameters: int) -> None:
        """The server says this."""
        self._parameters = parameters

    @property
    def small(self) -> bool:
        """Whether it is known to be small; a model of which nothing is known is not."""
        return self._parameters is not None and self._parameters < SMALL

    @property
    def tiny(self) -> bool:
        """Whether it is known to be smaller still."""
        return self._parameters is not None and self._parameters < TINY


def size_in_name(name: str) -> int | None:
    """The parameters that a model's name tells of ("qwen2.5-0.5b", "SmolLM2-135M-Instruct", "mixtral-8x7b").

    Of several numbers the largest counts: a mixture's active part is named beside the whole.
    """
    found = [
        round(int(times or 1) * float(number) * _UNITS[unit.lower()]) for times, number, unit in _IN_NAME.findall(name)
    ]
    return max(filter(_sensible, found), default=None)


async def ask_model_size(session: aiohttp.ClientSession, options: ModelOptions) -> int | None:
    """The parameters of ``options.model`` as the server counts them; ``None`` where it tells nothing. Never raises."""
    for place in _places(options):
        told = await read_place(session, place, options)
        if isinstance(told, int) and _sensible(told):
            return told
    return None


def _places(options: ModelOptions) -> Iterator[Place]:
    yield Place("GET", endpoint_url(options, "/models"), _from_llama_cpp)
    if options.model:
        yield Place("POST", root_url(options) / "api/show", _from_ollama, {"model": options.model})


def _from_llama_cpp(told: Any, model: str | None) -> object:
    return entry_of(told["data"], model, "id")["meta"]["n_params"]


def _from_ollama(told: Any, _: str | None) -> object:
    return told["model_info"].get("general.parameter_count") or size_in_name(told["details"]["parameter_size"])


def _sensible(parameters: int) -> bool:
    return _SMALLEST <= parameters <= _LARGEST
