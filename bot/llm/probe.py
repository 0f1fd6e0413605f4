"""Probes of a model server: whether it is ready, its models, the size of their context, and the tokens of a text."""

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
from config.engine_sections import ModelApi

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
            answer = json.loads(await read_body(response, _MAX_FACTS_BYTES))
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


_MAX_COUNT_BYTES = 8 << 20


async def count_tokens(
    session: aiohttp.ClientSession, options: ModelOptions, messages: Sequence[ChatMessage]
) -> int | None:
    """Have the server count the tokens in ``messages``; ``None`` if it can't. Never raises.

    llama.cpp's server, vLLM and SGLang can count tokens. Takes up to ``connect_timeout`` seconds.
    """
    text = "\n".join(message.content for message in messages)
    # llama.cpp reads the text from the field "content", the other servers from the field "prompt".
    body = {"content": text, "prompt": text, **({"model": options.model} if options.model else {})}
    try:
        async with (
            asyncio.timeout(options.connect_timeout),
            session.post(root_url(options) / "tokenize", json=body, allow_redirects=False) as response,
        ):
            if response.status != HTTPStatus.OK:
                return None
            answer = json.loads(await read_body(response, _MAX_COUNT_BYTES))
    except (TimeoutError, aiohttp.ClientError, OSError, ValueError, RecursionError, RuntimeError):
        # The server can't count, or the client was closed during the request.
        return None
    count = _count(answer)
    return None if count is None else count + TOKENS_PER_MESSAGE * len(messages)


def _count(answer: object) -> int | None:
    if not isinstance(answer, dict):
        return None
    count, tokens = answer.get("count"), answer.get("tokens")
    if isinstance(count, int) and not isinstance(count, bool) and count > 0:
        return count
    return len(tokens) if isinstance(tokens, list) and tokens else None


_MAX_LIST_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class ServerReport:
    """Result of a readiness check of the server.

    Attributes:
        reachable: whether the server answered.
        models: names of the models that the server lists. llama.cpp's own API lists none.
        problem: a sentence for people; ``None`` if the server is ready.
        owners: who owns the listed models, which tells the kinds of some servers: ``llamacpp``, ``vllm``.
    """

    reachable: bool
    models: tuple[str, ...] = ()
    problem: str | None = None
    owners: frozenset[str] = frozenset()


async def check_server(session: aiohttp.ClientSession, options: ModelOptions) -> ServerReport:
    """Check whether the server is ready and has the configured model. Takes up to ``connect_timeout`` seconds.

    Asks ``/models`` of an OpenAI-style server, or ``/health`` of llama.cpp. Never raises because of the server.
    """
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
    models = _listed(body, "id")
    return ServerReport(True, models, _missing_model(options, models), frozenset(_listed(body, "owned_by")))


def _error_in(body: bytes) -> str:
    """The error in a response with status 200; "" if there is none. LM Studio answers unknown addresses like this."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    if not isinstance(answer, dict) or "data" in answer or not answer.get("error"):
        return ""
    return error_text(body.decode("utf-8", "replace")) or "it gave no reason"


def _missing_model(options: ModelOptions, models: tuple[str, ...]) -> str | None:
    if not options.model or not models or any(_same_model(options.model, name) for name in models):
        return None
    shown = ", ".join(models[:10]) + (f" and {len(models) - 10} more" if len(models) > 10 else "")
    return f"The model server at {options.server_name} does not have {options.model!r}; it has: {shown}."


def _same_model(asked: str, listed: str) -> bool:
    """Whether both names mean the same model: in Ollama, a name without a tag means the tag ``latest``."""
    return asked == listed or (":" not in asked and listed == f"{asked}:latest")


def _listed(body: bytes, field: str) -> tuple[str, ...]:
    """The texts of one field of the listed models."""
    try:
        listed = json.loads(body)
    except (ValueError, RecursionError):
        return ()
    entries = listed.get("data") if isinstance(listed, dict) else None
    if not isinstance(entries, list):
        return ()
    return tuple(entry[field] for entry in entries if isinstance(entry, dict) and isinstance(entry.get(field), str))
