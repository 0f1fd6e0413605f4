"""Asks a model server for the size of a model's context."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import aiohttp

from bot.llm.requests import ModelOptions, endpoint_url, root_url
from bot.llm.server_facts import FactSource, ask_source, entry_of

_SMALLEST, _LARGEST = 256, 100_000_000
"""Context sizes in tokens outside of these bounds are not believed."""
_OLLAMA_DEFAULT = 4_096
"""Context size that Ollama uses by default, in tokens."""

_LISTED = ("max_model_len", "context_length", "context_window", "max_context_length", "max_context_len", "n_ctx")
"""Fields with the context size in a list of models. They belong, in this order, to vLLM and SGLang, OpenRouter and
Together, Groq, Mistral, some other servers, and llama.cpp."""


async def ask_context_size(session: aiohttp.ClientSession, options: ModelOptions) -> int | None:
    """Ask the server for the context size of ``options.model``, in tokens; ``None`` if the server does not tell it.

    Never raises. Several endpoints are tried, each for up to ``connect_timeout`` seconds, so no reply should wait for
    this.
    """
    for source in _sources(options):
        size = _sensible(await ask_source(session, source, options))
        if size is not None:
            return size
    return None


def _sources(options: ModelOptions) -> Iterator[FactSource]:
    root = root_url(options)
    yield FactSource("GET", endpoint_url(options, "/models"), _from_list)
    yield FactSource("GET", root / "props", _from_props)
    if options.model:
        yield FactSource("GET", root / "api/ps", _from_ollamas_loaded)
        yield FactSource("POST", root / "api/show", _from_ollamas_model, {"model": options.model})
    yield FactSource("GET", root / "api/v0/models", _from_lm_studio)
    yield FactSource("GET", root / "info", lambda answer, _: answer.get("max_total_tokens"))


def _sensible(size: object) -> int | None:
    return size if isinstance(size, int) and not isinstance(size, bool) and _SMALLEST <= size <= _LARGEST else None


def _from_list(answer: Any, model: str | None) -> object:
    entry = entry_of(answer["data"] if isinstance(answer.get("data"), list) else [], model, "id", "root")
    inner = [fields for fields in (entry.get("top_provider"), entry, entry.get("meta")) if isinstance(fields, dict)]
    sizes = (fields.get(name) for fields in inner for name in _LISTED)
    return next((size for size in sizes if _sensible(size) is not None), None)


def _from_props(answer: Any, _: str | None) -> object:
    settings = answer.get("default_generation_settings")
    return settings.get("n_ctx") if isinstance(settings, dict) else None


def _from_ollamas_loaded(answer: Any, model: str | None) -> object:
    return entry_of(answer["models"], model, "name", "model").get("context_length")


def _from_ollamas_model(answer: Any, _: str | None) -> object:
    """The context that Ollama gives the model: ``num_ctx`` if it is set, otherwise Ollama's default.

    If the model was trained for less than the default, the context is what the model was trained for.
    """
    for line in str(answer.get("parameters") or "").splitlines():
        words = line.split()
        if len(words) == 2 and words[0] == "num_ctx" and words[1].isdecimal():
            return int(words[1])
    trained = [size for name, size in answer["model_info"].items() if name.endswith(".context_length")]
    return min([*filter(_sensible, trained), _OLLAMA_DEFAULT])


def _from_lm_studio(answer: Any, model: str | None) -> object:
    entry = entry_of(answer["data"], model, "id")
    return entry.get("loaded_context_length") or entry.get("max_context_length")
