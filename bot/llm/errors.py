"""Errors of a model server: their kinds, and messages that tell people in the channel what to do."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from http import HTTPStatus

import aiohttp

from bot.llm.deltas import FILTER_REASONS, LENGTH_REASONS, error_text
from bot.llm.requests import ModelOptions, endpoint_url
from config.engine_sections import ModelApi
from web_access.bodies import read_beginning


class ModelErrorKind(StrEnum):
    """Why a reply failed or broke off."""

    UNREACHABLE = "unreachable"
    UNAUTHORIZED = "unauthorized"
    NOT_FOUND = "not_found"
    """The server does not know the address or the model."""
    HTTP = "http"
    """The server answered with another error status."""
    TOO_LONG = "too_long"
    """The conversation does not fit into the model's context."""
    NO_CONTINUATION = "no_continuation"
    """The server does not go on with an answer that has been begun. It can be asked for a new sentence."""
    FIRST_TOKEN_TIMEOUT = "first_token_timeout"  # noqa: S105
    STALLED = "stalled"
    """The server stopped sending in the middle of the reply."""
    BROKEN = "broken"
    """The connection was closed, or the response could not be read."""
    SERVER = "server"
    """The server reported an error inside of its reply."""
    EMPTY = "empty"
    """The reply ended without any text."""
    LIMIT = "limit"
    """The server costs money, and today's limit is reached. It was not asked."""


class ModelError(Exception):
    """A request to the model server failed. The message is for people in the channel, and never contains the API key.

    Attributes:
        status: the HTTP status; ``None`` if the server sent none.
    """

    def __init__(self, kind: ModelErrorKind, text: str, *, status: int | None = None) -> None:
        super().__init__(text)
        self.kind = kind
        self.status = status


# Refusals of a conversation that is too long.


_TOO_LONG = re.compile(
    r"exceed_context_size|context_length_exceeded|context_exceeded|string_above_max_length|model_max_prompt_tokens"
    r"|context (?:size|length|window)s? (?:has been |was |is )?exceeded"
    r"|exceed\w*(?: the| this| model'?s?| available| maximum| max| allowed| limit| of)*"
    r" (?:context|token limit|number of tokens)"
    r"|(?:maximum|max) (?:context|model|sequence|prompt|input) (?:length|size|len)\b"
    r"|(?:reached|overflow\w*|larger than|longer than|greater than|more than|beyond|too large for)\b.{0,60}context"
    r"|context (?:the )?overflows"
    r"|(?:prompt|input|message|request|conversation)s?\b[^.\":]{0,30} (?:is|are) too (?:long|large|big)"
    r"|reduce (?:the length|your (?:prompt|message))"
    r"|too many (?:input )?tokens"
    r"|token count\b.{0,40}exceed"
    r"|`?inputs`? (?:tokens \+|must have less than)"
    r"|sum of prompt tokens"
    r"|input length\b.{0,40}exceed"
    r"|context (?:size|length|window) of (?:only )?\d+ tokens",
    re.IGNORECASE | re.DOTALL,
)
_NUMBER = r"\s*[(:=]?\s*(?P<n>(?<![\d,_])\d[\d,_]{0,11}(?!\d))"
_LIMITS = tuple(
    re.compile(pattern, re.IGNORECASE | re.DOTALL)
    for pattern in (
        rf"\"?n_ctx\"?{_NUMBER}",
        rf"(?:maximum|max|available|model's|model|the) (?:context|sequence|model) (?:length|size|window|len)"
        rf"(?: is| of| was| only|,)*(?: of)?(?: only)?{_NUMBER}",
        rf"context (?:length|size|window) (?:of|is)(?: only)?{_NUMBER}",
        rf"exceed(?:s|ed)?(?: the)? context (?:window|size|length)(?: of)?{_NUMBER}",
        r"with (?P<n>(?<![\d,_])\d[\d,_]{0,11}(?!\d)) maximum context",
        r"tokens > (?P<n>(?<![\d,_])\d[\d,_]{0,11}(?!\d))",
        r"must be (?:<=|at most|less than) (?P<n>(?<![\d,_])\d[\d,_]{0,11}(?!\d))",
        r"must have less than (?P<n>(?<![\d,_])\d[\d,_]{0,11}(?!\d)) tokens",
        r"number of tokens allowed \((?P<n>(?<![\d,_])\d[\d,_]{0,11}(?!\d))\)",
        r"context size \((?P<n>(?<![\d,_])\d[\d,_]{0,11}(?!\d))",
    )
)
_PROMPTS = tuple(
    re.compile(pattern, re.IGNORECASE | re.DOTALL)
    for pattern in (
        rf"\"?n_prompt_tokens\"?{_NUMBER}",
        r"(?P<n>(?<![\d,_])\d[\d,_]{0,11}(?!\d))(?: tokens)? (?:in|from) (?:the |your )?(?:input )?(?:messages|prompt)",
        r"(?P<n>(?<![\d,_])\d[\d,_]{0,11}(?!\d)) of text input",
        r"(?:messages resulted in|prompt contains|prompt is too long:|contains at least|request has|prompt has)"
        r" (?P<n>(?<![\d,_])\d[\d,_]{0,11}(?!\d))",
        r"(?P<n>(?<![\d,_])\d[\d,_]{0,11}(?!\d)) input tokens",
        r"(?:request|input|prompt)(?: tokens)? \((?P<n>(?<![\d,_])\d[\d,_]{0,11}(?!\d))(?: tokens)?\)",
        r"input token count \(?(?P<n>(?<![\d,_])\d[\d,_]{0,11}(?!\d))",
        r"given: (?P<n>(?<![\d,_])\d[\d,_]{0,11}(?!\d))",
        r"requested tokens \((?P<n>(?<![\d,_])\d[\d,_]{0,11}(?!\d))\)",
        r"first (?P<n>(?<![\d,_])\d[\d,_]{0,11}(?!\d)) tokens",
        r"sum of prompt tokens \((?P<n>(?<![\d,_])\d[\d,_]{0,11}(?!\d))\)",
    )
)
_SMALLEST, _LARGEST = 64, 100_000_000
"""Range of believable numbers of tokens in an error message."""


@dataclass(frozen=True, slots=True)
class LengthRefusal:
    """A server's refusal of a conversation that is too long, with the numbers of tokens that it names.

    Attributes:
        limit: number of tokens that fit into the context; ``None`` if the server doesn't say it.
        prompt: number of tokens in the refused conversation; ``None`` if the server doesn't say it.
    """

    limit: int | None = None
    prompt: int | None = None


def length_refusal(said: str) -> LengthRefusal | None:
    """Read an error body; ``None`` if it does not say that the conversation is too long."""
    if not _TOO_LONG.search(said):
        return None
    return LengthRefusal(_first(_LIMITS, said), _first(_PROMPTS, said))


def _first(patterns: tuple[re.Pattern[str], ...], said: str) -> int | None:
    for pattern in patterns:
        for match in pattern.finditer(said):
            number = int(re.sub(r"\D", "", match["n"]))
            if _SMALLEST <= number <= _LARGEST:
                return number
    return None


# Failed requests.


_ERROR_BODY_BYTES = 16_384
_ENDPOINTS = ("/chat/completions", "/completions", "/completion")
_OPENAI_STYLE = (ModelApi.CHAT, ModelApi.COMPLETIONS)
_NAMELESS = re.compile(
    r"\bmodel\b.{0,20}\b(?:required|missing|empty)\b|\b(?:missing|provide|specify)\b.{0,30}\bmodel\b", re.IGNORECASE
)
"""Matches the errors of servers that need a model's name in each request."""
_USED_UP = ("insufficient_quota", "exceeded your current quota", "billing", "credit balance")
WHICH_MODEL = "wants to be told which model. Set LLM_MODEL to one that it has."
PAYMENT_REQUIRED_WORDS = "says that its account has no credit left."


@dataclass(frozen=True, slots=True)
class Refusal:
    """A server's response with a status other than 200.

    Attributes:
        reason: the reason phrase of the HTTP status.
        path: the path of the request.
    """

    status: int
    reason: str
    body: str
    path: str
    headers: Mapping[str, str]

    @property
    def quota_used_up(self) -> bool:
        """Whether the account's credit is used up, so that waiting does not help."""
        lowered = self.body.lower()
        return any(words in lowered for words in _USED_UP)


def model_error(options: ModelOptions, kind: ModelErrorKind, what: str, status: int | None = None) -> ModelError:
    """Build an error whose message begins with the server's name. An API key in ``what`` is removed."""
    text = f"The model server at {options.server_name} {what}"
    if options.api_key:
        text = text.replace(options.api_key.get_secret_value(), "***")
    return ModelError(kind, text, status=status)


def unreachable(options: ModelOptions, error: BaseException | None = None) -> ModelError:
    """Error for a server that can't be reached. ``error`` is the cause, if it is known."""
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
    """Error for a server whose first token did not come in time."""
    waited = f"did not begin to answer within {options.first_token_timeout:g} s."
    return model_error(options, ModelErrorKind.FIRST_TOKEN_TIMEOUT, waited)


def too_slow(options: ModelOptions, *, begun: bool) -> ModelError:
    """Error for a server that was silent for so long, before or in its reply, that another server is asked."""
    if begun:
        return stalled(replace(options, stall_timeout=options.slow_after))
    return too_late(replace(options, first_token_timeout=options.slow_after))


def stalled(options: ModelOptions) -> ModelError:
    """Error for a server that stopped sending in the middle of a reply."""
    return model_error(options, ModelErrorKind.STALLED, f"fell silent for {options.stall_timeout:g} s in mid-reply.")


async def read_refusal(response: aiohttp.ClientResponse, deadline: float) -> Refusal:
    """Read a refusal. Its body is left empty if it does not arrive by ``deadline`` (event loop time)."""
    try:
        async with asyncio.timeout_at(deadline):
            body = (await read_beginning(response.content, _ERROR_BODY_BYTES)).decode("utf-8", "replace")
    except (TimeoutError, aiohttp.ClientError, OSError):
        body = ""
    return Refusal(response.status, response.reason or "", body, response.url.path, response.headers)


def refused(options: ModelOptions, refusal: Refusal) -> ModelError:
    """Error for a refusal: what its status means, what to do about it, and the server's own message."""
    said = _without_status(error_text(refusal.body), refusal.status)
    reason = f": {said}" if said else f" ({refusal.reason})" if refusal.reason else ""
    kind, what = _kind_and_advice(options, refusal)
    return model_error(options, kind, f"{what} It answered {refusal.status}{reason}", refusal.status)


def _without_status(said: str, status: int) -> str:
    """Remove the status from the beginning of a message ("404: Not Found"), so that it is not shown twice."""
    return re.sub(rf"^(?:HTTP(?:/[\d.]+)? |error:? )?{status}\b[\s:.,–-]*", "", said, flags=re.IGNORECASE)


def _kind_and_advice(options: ModelOptions, refusal: Refusal) -> tuple[ModelErrorKind, str]:
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
    """Whether LLM_URL lacks the ``/v1`` at its end that OpenAI-style servers need."""
    return options.api in _OPENAI_STYLE and endpoint_url(options, "").path.strip("/") == ""


# Errors in the middle of a reply.


_REMEDIES = (
    (r"unexpected endpoint", "Is `/v1` missing at the end of LLM_URL?"),
    (
        r"context|n_ctx|prompt is too long|too many tokens|maximum.{0,20}length|token limit",
        "Start the server with a larger context, or set LLM_CONTEXT_MESSAGES lower.",
    ),
    (
        r"out of memory|\boom\b|alloc|not enough memory|insufficient memory|requires more.{0,20}memory",
        "Use a smaller model, or a smaller context, or free memory on the graphics card.",
    ),
    (r"loading|warming up|not ready|starting", "It is still loading: ask again in a moment."),
    (
        r"rate.?limit|too many requests|overloaded|capacity|temporarily|unavailable|busy|try again",
        "Ask again in a moment.",
    ),
    (r"quota|credit|billing|payment|balance", "Look at your account with the provider."),
    (r"api.?key|unauthori[sz]ed|authenticat|forbidden|permission", "Is LLM_API_KEY right?"),
    (r"model.{0,60}(?:not found|does not exist|not exist|unknown)|no such model", "Is LLM_MODEL right?"),
    (r"template|jinja|roles must alternate", "The server can't use the model's chat template: see its log."),
)
_OTHERWISE = "Ask again. If that fails too, the server's log says more."


def server_said(options: ModelOptions, words: str) -> ModelError:
    """Error for a message that the server sent inside of its reply: the message, and what to do about it."""
    told = f"reported an error: {words}" if words else "reported an error."
    return model_error(options, ModelErrorKind.SERVER, f"{_sentence(told)} {remedy(words)}")


def nothing_said(options: ModelOptions, reason: str, *, thought: bool) -> ModelError:
    """Error for a reply that ended without any text for people.

    Args:
        reason: the server's finish reason.
        thought: whether the reply contained a thought.
    """
    if reason in FILTER_REASONS:
        what = "gave no answer: its content filter blocked it. Say it in other words, or use another model."
    elif reason in LENGTH_REASONS:
        spent = "on thinking" if thought else "without saying anything"
        what = (
            f"spent its whole budget of {options.max_tokens} tokens {spent}. "
            "Raise LLM_MAX_TOKENS, or switch thinking off with LLM_EXTRA."
        )
    elif thought:
        what = "thought about it, but gave no answer. Ask again, or switch thinking off with LLM_EXTRA."
    else:
        what = "answered without saying anything."
    return model_error(options, ModelErrorKind.EMPTY, what)


def remedy(words: str) -> str:
    """Advice for an error, chosen by the words in the server's message."""
    return next((what for signs, what in _REMEDIES if re.search(signs, words, re.IGNORECASE)), _OTHERWISE)


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."
