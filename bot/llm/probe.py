"""Readiness probe of a model server: whether it is ready, and which models it has."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from http import HTTPStatus

import aiohttp

from bot.llm.deltas import error_text
from bot.llm.errors import read_refusal, refused, server_said, unreachable
from bot.llm.requests import ModelOptions, endpoint_url
from config.engine_sections import ModelApi
from web_access.bodies import read_beginning

_MAX_LIST_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class ServerReport:
    """Result of a readiness check of the server.

    Attributes:
        reachable: whether the server answered.
        models: names of the models that the server lists. llama.cpp's own API lists none.
        problem: a sentence for people; ``None`` if the server is ready.
        owners: the owners that the server states for its models. Some kinds of servers are known by them: ``llamacpp``,
            ``vllm``.
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
            body = await read_beginning(response.content, _MAX_LIST_BYTES)
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
