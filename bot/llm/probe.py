"""Questions to a model server about itself: readiness, models, context size and token counts."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import aiohttp
from yarl import URL

from bot.llm.deltas import error_text
from bot.llm.errors import read_body, read_refusal, refused, server_said, unreachable
from bot.llm.messages import TOKENS_PER_MESSAGE, ChatMessage
from bot.llm.requests import ModelOptions, endpoint_url, root_url
from config.sections import ModelApi

_MAX_FACTS_BYTES = 4 << 20


@dataclass(frozen=True, slots=True)
class FactSource:
    """An address that may know; ``read`` takes what it answers and the model's name, and may raise what it likes."""

    method: str
    url: URL
    read: Callable[[Any, str | None], object]
    body: Mapping[str, Any] | None = None


async def ask_source(session: aiohttp.ClientSession, place: FactSource, options: ModelOptions) -> object:
    """What is told there; ``None`` where that is nothing. Takes up to ``connect_timeout`` seconds, never raises."""
    try:
        async with (
            asyncio.timeout(options.connect_timeout),
            session.request(place.method, place.url, json=place.body, allow_redirects=False) as response,
        ):
            if response.status != HTTPStatus.OK:
                return None
            told = json.loads(await read_body(response, _MAX_FACTS_BYTES))
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


_SMALLEST, _LARGEST = 256, 100_000_000
_OLLAMA_DEFAULT = 4_096

_LISTED = ("max_model_len", "context_length", "context_window", "max_context_length", "max_context_len", "n_ctx")
"""In a list of models: vLLM and SGLang, OpenRouter and Together, Groq, Mistral, others, llama.cpp."""


async def ask_context_size(session: aiohttp.ClientSession, options: ModelOptions) -> int | None:
    """The context of ``options.model`` in tokens, as the server tells it; ``None`` where it tells nothing.

    Never raises. It may take ``connect_timeout`` seconds at each of a few addresses: ask while nobody waits.
    """
    for place in _sources(options):
        size = _sensible(await ask_source(session, place, options))
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
    yield FactSource("GET", root / "info", lambda told, _: told.get("max_total_tokens"))


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


_MAX_COUNT_BYTES = 8 << 20


async def count_tokens(
    session: aiohttp.ClientSession, options: ModelOptions, messages: Sequence[ChatMessage]
) -> int | None:
    """How many tokens the messages are by the server's count; ``None`` where it does not count. Never raises."""
    text = "\n".join(message.content for message in messages)
    # llama.cpp calls it content, the others prompt.
    body = {"content": text, "prompt": text, **({"model": options.model} if options.model else {})}
    try:
        async with (
            asyncio.timeout(options.connect_timeout),
            session.post(root_url(options) / "tokenize", json=body, allow_redirects=False) as response,
        ):
            if response.status != HTTPStatus.OK:
                return None
            told = json.loads(await read_body(response, _MAX_COUNT_BYTES))
    except (TimeoutError, aiohttp.ClientError, OSError, ValueError, RecursionError, RuntimeError):
        # It counts nothing, or the client was closed meanwhile.
        return None
    count = _count(told)
    return None if count is None else count + TOKENS_PER_MESSAGE * len(messages)


def _count(told: object) -> int | None:
    if not isinstance(told, dict):
        return None
    count, tokens = told.get("count"), told.get("tokens")
    if isinstance(count, int) and not isinstance(count, bool) and count > 0:
        return count
    return len(tokens) if isinstance(tokens, list) and tokens else None


_MAX_LIST_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class ServerReport:
    """What a look at the server found.

    ``problem`` is a sentence for people, or None when a reply may be asked for. ``models`` are the names the server
    lists; empty where it lists none (llama.cpp's own endpoint).
    """

    reachable: bool
    models: tuple[str, ...] = ()
    problem: str | None = None


async def check_server(session: aiohttp.ClientSession, options: ModelOptions) -> ServerReport:
    """Look at ``/models`` (OpenAI-style servers) or ``/health`` (llama.cpp), within ``connect_timeout`` seconds."""
    path = "/health" if options.api is ModelApi.COMPLETION else "/models"
    deadline = asyncio.get_running_loop().time() + options.connect_timeout
    try:
        async with (
            asyncio.timeout_at(deadline),
            session.get(endpoint_url(options, path), allow_redirects=False) as response,
        ):
            if response.status != HTTPStatus.OK:
                refusal = await read_refusal(response, deadline)
                return ServerReport(True, problem=str(refused(options, refusal)))
            body = await read_body(response, _MAX_LIST_BYTES)
    except (TimeoutError, aiohttp.ClientError, OSError) as error:
        return ServerReport(False, problem=str(unreachable(options, error)))
    if words := _error_in(body):
        return ServerReport(True, problem=str(server_said(options, words)))
    models = _model_names(body)
    return ServerReport(True, models, _missing_model(options, models))


def _error_in(body: bytes) -> str:
    """What a server complains of although it answers with status 200, as LM Studio does of unknown addresses."""
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    if not isinstance(told, dict) or "data" in told or not told.get("error"):
        return ""
    return error_text(body.decode("utf-8", "replace")) or "no words for it"


def _missing_model(options: ModelOptions, models: tuple[str, ...]) -> str | None:
    if not options.model or not models or any(_same_model(options.model, name) for name in models):
        return None
    shown = ", ".join(models[:10]) + (f" and {len(models) - 10} more" if len(models) > 10 else "")
    return f"The model server at {options.server_name} does not have {options.model!r}; it has: {shown}."


def _same_model(asked: str, listed: str) -> bool:
    """Whether the server means the same: a name without a tag is the one tagged ``latest`` (Ollama)."""
    return asked == listed or (":" not in asked and listed == f"{asked}:latest")


def _model_names(body: bytes) -> tuple[str, ...]:
    try:
        listed = json.loads(body)
    except (ValueError, RecursionError):
        return ()
    entries = listed.get("data") if isinstance(listed, dict) else None
    if not isinstance(entries, list):
        return ()
    return tuple(entry["id"] for entry in entries if isinstance(entry, dict) and isinstance(entry.get("id"), str))
