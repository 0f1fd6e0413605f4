"""Before a call: is the model server there, is it ready, and does it have the model that we would ask for?"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from http import HTTPStatus

import aiohttp

from bot.llm.deltas import error_text
from bot.llm.failures import read_body, read_refusal, refused, unreachable
from bot.llm.options import ModelOptions
from bot.llm.remedies import server_said
from bot.llm.requests import endpoint_url
from config.sections import ModelApi

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
