"""From what went wrong on the wire to a sentence that a person in the channel can act on."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

import aiohttp

from bot.llm.deltas import error_text
from bot.llm.errors import ModelError, ModelErrorKind
from bot.llm.length_refusal import length_refusal
from bot.llm.options import ModelOptions
from bot.llm.requests import endpoint_url
from config.sections import ModelApi

_ERROR_BODY_BYTES = 16_384
_ENDPOINTS = ("/chat/completions", "/completions", "/completion")
_OPENAI_STYLE = (ModelApi.CHAT, ModelApi.COMPLETIONS)
_NAMELESS = re.compile(
    r"\bmodel\b.{0,20}\b(?:required|missing|empty)\b|\b(?:missing|provide|specify)\b.{0,30}\bmodel\b", re.IGNORECASE
)
"""What servers say that want a model's name in each request."""
_USED_UP = ("insufficient_quota", "exceeded your current quota", "billing", "credit balance")
WHICH_MODEL = "wants to be told which model. Set LLM_MODEL to one that it has."
PAYMENT_REQUIRED_WORDS = "says that its account has no credit left."


@dataclass(frozen=True, slots=True)
class Refusal:
    """A server's answer with a status other than 200: its words, and where it was asked."""

    status: int
    reason: str
    body: str
    path: str
    headers: Mapping[str, str]

    @property
    def quota_used_up(self) -> bool:
        """Whether waiting does not help, because somebody has to pay first."""
        lowered = self.body.lower()
        return any(words in lowered for words in _USED_UP)


def model_error(options: ModelOptions, kind: ModelErrorKind, what: str, status: int | None = None) -> ModelError:
    """An error that names the server, with the key taken out wherever a server may have echoed it."""
    text = f"The model server at {options.server_name} {what}"
    if options.api_key:
        text = text.replace(options.api_key.get_secret_value(), "***")
    return ModelError(kind, text, status=status)


def unreachable(options: ModelOptions, error: BaseException | None = None) -> ModelError:
    """Nobody answers at the address; ``error`` tells why, where it is known."""
    match error:
        case aiohttp.ClientConnectorDNSError():
            why = "can't be reached: there is no such host. Is the name in LLM_URL right?"
        case aiohttp.ClientConnectorCertificateError():
            why = "can't be reached: its certificate is not valid."
        case aiohttp.ClientSSLError():
            why = "can't be reached by https. If it speaks plain http, begin LLM_URL with http://."
        case aiohttp.ClientConnectorError():
            why = "can't be reached. Is it running?"
        case _:
            why = "can't be reached."
    return model_error(options, ModelErrorKind.UNREACHABLE, why)


def too_late(options: ModelOptions) -> ModelError:
    """The first token never came."""
    waited = f"did not begin to answer within {options.first_token_timeout:g} s."
    return model_error(options, ModelErrorKind.FIRST_TOKEN_TIMEOUT, waited)


def stalled(options: ModelOptions) -> ModelError:
    """Tokens came, and then no more."""
    return model_error(options, ModelErrorKind.STALLED, f"fell silent for {options.stall_timeout:g} s in mid-reply.")


async def read_refusal(response: aiohttp.ClientResponse, deadline: float) -> Refusal:
    """The answer of a server that refuses, with as much of its body as comes by ``deadline`` (loop time)."""
    try:
        async with asyncio.timeout_at(deadline):
            body = (await read_body(response, _ERROR_BODY_BYTES)).decode("utf-8", "replace")
    except (TimeoutError, aiohttp.ClientError, OSError):
        body = ""
    return Refusal(response.status, response.reason or "", body, response.url.path, response.headers)


def refused(options: ModelOptions, refusal: Refusal) -> ModelError:
    """What a status other than 200 means and what to do about it, with the server's own words where it sent some."""
    said = _without_status(error_text(refusal.body), refusal.status)
    reason = f": {said}" if said else f" ({refusal.reason})" if refusal.reason else ""
    kind, what = _meaning(options, refusal)
    return model_error(options, kind, f"{what} It answered {refusal.status}{reason}", refusal.status)


def _without_status(said: str, status: int) -> str:
    """A server's words without the status in front of them, which is told already: "404: Not Found", "404 page …"."""
    return re.sub(rf"^(?:HTTP(?:/[\d.]+)? |error:? )?{status}\b[\s:.,–-]*", "", said, flags=re.IGNORECASE)


def _meaning(options: ModelOptions, refusal: Refusal) -> tuple[ModelErrorKind, str]:
    match refusal.status:
        case HTTPStatus.UNAUTHORIZED | HTTPStatus.FORBIDDEN:
            advice = "is LLM_API_KEY right?" if options.api_key else "does it need a key? Then set LLM_API_KEY."
            return ModelErrorKind.UNAUTHORIZED, f"refused us; {advice}"
        case HTTPStatus.PAYMENT_REQUIRED:
            return ModelErrorKind.HTTP, PAYMENT_REQUIRED_WORDS
        case HTTPStatus.NOT_FOUND | HTTPStatus.METHOD_NOT_ALLOWED:
            return ModelErrorKind.NOT_FOUND, _not_found(options, refusal)
        case HTTPStatus.TOO_MANY_REQUESTS if refusal.quota_used_up:
            return ModelErrorKind.HTTP, PAYMENT_REQUIRED_WORDS
        case HTTPStatus.TOO_MANY_REQUESTS:
            return ModelErrorKind.HTTP, "gets too many requests. Try again in a moment."
        case HTTPStatus.SERVICE_UNAVAILABLE:
            return ModelErrorKind.HTTP, "is not ready: it loads its model, or it is too busy. Try again in a moment."
    if 300 <= refusal.status < 400:
        place = refusal.headers.get("Location", "")[:200]
        return ModelErrorKind.HTTP, f"redirects us elsewhere{f', to {place}' if place else ''}. Is LLM_URL right?"
    if not options.model and _NAMELESS.search(refusal.body):
        return ModelErrorKind.HTTP, WHICH_MODEL
    if length_refusal(refusal.body) is not None:
        return ModelErrorKind.TOO_LONG, "can't take that much text at once, even after shortening it."
    return ModelErrorKind.HTTP, "failed."


def _not_found(options: ModelOptions, refusal: Refusal) -> str:
    said = refusal.body.lower().replace(refusal.path.lower(), "")
    if not options.model and re.search(r"\bmodel\b", said):
        return WHICH_MODEL
    if options.model and (options.model.lower() in said or re.search(r"\bmodel\b", said)):
        return f"doesn't know the model {options.model!r}. Is LLM_MODEL, or the persona's model, one that it has?"
    if missing_v1(options):
        return f"doesn't know the address {refusal.path}. Is `/v1` missing at the end of LLM_URL?"
    base = endpoint_url(options, "").path
    endpoint = next((path for path in _ENDPOINTS if base.endswith(path)), None)
    if endpoint is not None:
        return f"doesn't know the address {refusal.path}. LLM_URL must end before `{endpoint}`."
    if options.api is ModelApi.COMPLETION and base.endswith("/v1"):
        return f"doesn't know the address {refusal.path}. LLM_API=completion needs LLM_URL without `/v1`."
    return f"doesn't know the address {refusal.path}. Is LLM_URL right?"


def missing_v1(options: ModelOptions) -> bool:
    """Whether LLM_URL ends without the ``/v1`` that OpenAI-style servers want."""
    return options.api in _OPENAI_STYLE and endpoint_url(options, "").path.strip("/") == ""


async def read_body(response: aiohttp.ClientResponse, limit: int) -> bytes:
    """The body, or the first ``limit`` bytes of a longer one."""
    body = bytearray()
    while len(body) < limit and (chunk := await response.content.read(limit - len(body))):
        body += chunk
    return bytes(body)
