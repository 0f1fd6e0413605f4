"""From what went wrong on the wire to a sentence that a person in the channel can act on."""

from __future__ import annotations

import asyncio

import aiohttp

from bot.llm.deltas import error_text
from bot.llm.errors import ModelError, ModelErrorKind
from bot.llm.options import ModelOptions

_ERROR_BODY_BYTES = 16_384


def model_error(options: ModelOptions, kind: ModelErrorKind, what: str, status: int | None = None) -> ModelError:
    """An error that names the server, with the key taken out wherever a server may have echoed it."""
    text = f"The model server at {options.server_name} {what}"
    if options.api_key:
        text = text.replace(options.api_key, "***")
    return ModelError(kind, text, status=status)


def unreachable(options: ModelOptions) -> ModelError:
    """Nobody answers at the address."""
    return model_error(options, ModelErrorKind.UNREACHABLE, "can't be reached.")


def too_late(options: ModelOptions) -> ModelError:
    """The first token never came."""
    waited = f"did not begin to answer within {options.first_token_timeout:g} s."
    return model_error(options, ModelErrorKind.FIRST_TOKEN_TIMEOUT, waited)


def stalled(options: ModelOptions) -> ModelError:
    """Tokens came, and then no more."""
    return model_error(options, ModelErrorKind.STALLED, f"fell silent for {options.stall_timeout:g} s in mid-reply.")


async def refusal(options: ModelOptions, response: aiohttp.ClientResponse, deadline: float) -> ModelError:
    """What an HTTP status other than 200 means, with the server's own words where it sent some."""
    said = await _error_words(response, deadline)
    reason = f": {said}" if said else f" ({response.reason})" if response.reason else ""
    match response.status:
        case 401 | 403:
            kind, what = ModelErrorKind.UNAUTHORIZED, "refused us; is LLM_API_KEY right?"
        case 404:
            model = f"the model {options.model!r} or " if options.model else ""
            kind, what = ModelErrorKind.NOT_FOUND, f"doesn't know {model}the address {response.url.path}."
        case _:
            kind, what = ModelErrorKind.HTTP, "failed."
    return model_error(options, kind, f"{what} It answered {response.status}{reason}", response.status)


async def _error_words(response: aiohttp.ClientResponse, deadline: float) -> str:
    try:
        async with asyncio.timeout_at(deadline):
            body = await read_body(response, _ERROR_BODY_BYTES)
    except (TimeoutError, aiohttp.ClientError, OSError):
        return ""
    return error_text(body.decode("utf-8", "replace"))


async def read_body(response: aiohttp.ClientResponse, limit: int) -> bytes:
    """The body, or the first ``limit`` bytes of a longer one."""
    body = bytearray()
    while len(body) < limit and (chunk := await response.content.read(limit - len(body))):
        body += chunk
    return bytes(body)
