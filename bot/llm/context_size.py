"""Asking a model server how many tokens it takes in at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import aiohttp

from bot.llm.options import ModelOptions
from bot.llm.requests import endpoint_url, root_url
from bot.llm.server_facts import Place, entry_of, read_place

_SMALLEST, _LARGEST = 256, 100_000_000
_OLLAMA_DEFAULT = 4_096

_LISTED = ("max_model_len", "context_length", "context_window", "max_context_length", "max_context_len", "n_ctx")
"""In a list of models: vLLM and SGLang, OpenRouter and Together, Groq, Mistral, others, llama.cpp."""


async def ask_context_size(session: aiohttp.ClientSession, options: ModelOptions) -> int | None:
    """The context of ``options.model`` in tokens, as the server tells it; ``None`` where it tells nothing.

    Never raises. It may take ``connect_timeout`` seconds at each of a few addresses: ask while nobody waits.
    """
    for place in _places(options):
        size = _sensible(await read_place(session, place, options))
        if size is not None:
            return size
    return None


def _places(options: ModelOptions) -> Iterator[Place]:
    root = root_url(options)
    yield Place("GET", endpoint_url(options, "/models"), _from_list)
    yield Place("GET", root / "props", _from_props)
    if options.model:
        yield Place("GET", root / "api/ps", _from_ollamas_loaded)
        yield Place("POST", root / "api/show", _from_ollamas_model, {"model": options.model})
    yield Place("GET", root / "api/v0/models", _from_lm_studio)
    yield Place("GET", root / "info", lambda told, _: told.get("max_total_tokens"))


def _sensible(size: object) -> int | None:
    return size if isinstance(size, int) and not isinstance(size, bool) and _SMALLEST <= size <= _LARGEST else None


def _from_list(told: Any, model: str | None) -> object:
    entry = entry_of(told["data"] if isinstance(told.get("data"), list) else [], model, "id", "root")
    inner = [fields for fields in (entry.get("top_provider"), entry, entry.get("meta")) if isinstance(fields, dict)]
    sizes = (fields.get(name) for fields in inner for name in _LISTED)
    return next((size for size in sizes if _sensible(size) is not None), None)


def _from_props(told: Any, _: str | None) -> object:
    settings = told.get("default_generation_settings")
    return settings.get("n_ctx") if isinstance(settings, dict) else None


def _from_ollamas_loaded(told: Any, model: str | None) -> object:
    return entry_of(told["models"], model, "name", "model").get("context_length")


def _from_ollamas_model(told: Any, _: str | None) -> object:
    """What Ollama loads the model with: ``num_ctx``, or its default, however much the model was trained for."""
    for line in str(told.get("parameters") or "").splitlines():
        words = line.split()
        if len(words) == 2 and words[0] == "num_ctx" and words[1].isdecimal():
            return int(words[1])
    trained = [size for name, size in told["model_info"].items() if name.endswith(".context_length")]
    return min([*filter(_sensible, trained), _OLLAMA_DEFAULT])


def _from_lm_studio(told: Any, model: str | None) -> object:
    entry = entry_of(told["data"], model, "id")
    return entry.get("loaded_context_length") or entry.get("max_context_length")
