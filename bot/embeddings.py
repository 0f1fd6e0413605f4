"""Client of a server for embeddings (``POST …/embeddings``, as OpenAI's): vectors for the meaning of texts."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import numpy as np
import numpy.typing as npt

from bot.llm.messages import estimated_tokens
from bot.llm.plausible_usage import MESSAGE_TOKENS, UsageCheck, byte_count
from bot.llm.usage import TokenUsage, token_usage
from bot.metering import NOBODY, UNMETERED, Meter, Paid
from bot.network_errors import network_error_text
from bot.redirects import is_redirect
from config.engine_sections import EmbeddingsSettings
from config.hosts import costs_money
from config.plain_json import read_json
from web_access.bodies import BodyTooLargeError, read_body

Vectors = npt.NDArray[np.float32]
"""One vector of length 1 in each row."""

BATCH = 32
"""Maximum number of texts in a request."""
MAX_CHARS = 2_000
"""Maximum number of characters. Of a longer text, only the beginning is embedded."""
MAX_DIMENSIONS = 8_192
LIMIT_REACHED = "{url} is not asked: it costs money, and today's limit (DAILY_TOKENS) is reached"
_MAX_ANSWER = 32 * 1024 * 1024
_E5 = ("query: ", "passage: ")
_PREFIXES = (
    ("nomic-embed", ("search_query: ", "search_document: ")),
    ("e5-mistral", ("", "")),
    ("e5-small", _E5),
    ("e5-base", _E5),
    ("e5-large", _E5),
    ("bge-m3", ("", "")),
    ("-zh", ("为这个句子生成表示以用于检索相关文章：", "")),
    ("bge-", ("Represent this sentence for searching relevant passages: ", "")),
)
"""The words that a model expects before a question and before a passage, by a part of the model's name. Servers do not
add these words themselves.
"""


class EmbeddingsError(Exception):
    """The server gave no embeddings. The text says why, for people."""


class EmbeddingsClient:
    """Asks one server for embeddings. Use it on one event loop.

    Args:
        options: the server's settings. Their ``url`` must be set.
        meter: counts the tokens of all texts.
    """

    def __init__(self, session: aiohttp.ClientSession, options: EmbeddingsSettings, meter: Meter = UNMETERED) -> None:
        self._session = session
        self._options = options
        self._meter = meter
        self._paid = costs_money(options.url, options.api_key)
        self._known_as = urlsplit(options.url or "").netloc.rpartition("@")[2]
        self._usage_check = UsageCheck(self._known_as)
        name = (options.model or "").lower()
        self._prefixes = next((prefixes for part, prefixes in _PREFIXES if part in name), ("", ""))

    @property
    def model(self) -> str:
        """Names the model and its server. Vectors of two models can't be compared."""
        return f"{self._options.model or 'default'} at {self._options.url}"

    async def question(self, text: str, seconds: float = 10.0) -> Vectors:
        """The vector of a question, in one row; raises :class:`EmbeddingsError`."""
        return await self._embed([self._prefixes[0] + text[:MAX_CHARS]], seconds)

    async def passages(self, texts: Sequence[str], seconds: float = 120.0) -> Vectors:
        """The vectors of at most :data:`BATCH` passages; raises :class:`EmbeddingsError`."""
        return await self._embed([self._prefixes[1] + text[:MAX_CHARS] for text in texts], seconds)

    async def _embed(self, texts: list[str], seconds: float) -> Vectors:
        if self._paid and self._meter.refusal(Paid.TOKENS) is not None:
            raise EmbeddingsError(LIMIT_REACHED.format(url=self._options.url))
        key = self._options.api_key
        headers = {"Authorization": f"Bearer {key.get_secret_value()}"} if key is not None else {}
        fields = {"input": texts} | ({"model": self._options.model} if self._options.model else {})
        try:
            async with self._session.post(
                f"{self._options.url}/embeddings",
                json=fields,
                headers=headers,
                timeout=aiohttp.ClientTimeout(total=seconds),
                allow_redirects=False,
            ) as response:
                if is_redirect(response.status):
                    raise EmbeddingsError(f"{self._options.url} redirects us elsewhere")
                if response.status != HTTPStatus.OK:
                    raise EmbeddingsError(f"{self._options.url} answers with status {response.status}")
                body = await read_body(response.content, _MAX_ANSWER)
        except BodyTooLargeError as error:
            raise EmbeddingsError(f"{self._options.url} answers with too much") from error
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            raise EmbeddingsError(f"{self._options.url}: {network_error_text(error)}") from error
        try:
            answer = read_json(body.decode("utf-8"))
        except (ValueError, RecursionError):
            answer = None
        self._count(answer, texts)
        return self._read(answer, len(texts))

    def _count(self, answer: object, texts: list[str]) -> None:
        """Count the tokens. If the server does not report them, they are estimated."""
        told = (token_usage(answer) if isinstance(answer, dict) else None) or TokenUsage()
        most = byte_count(texts) + MESSAGE_TOKENS * len(texts)
        tokens = self._usage_check.believed(told, most, 0, 0).prompt_tokens
        if tokens is None:
            tokens = sum(map(estimated_tokens, texts))
        self._meter.tokens(NOBODY, self._known_as, tokens, 0, paid=self._paid)

    def _read(self, answer: Any, count: int) -> Vectors:
        try:
            entries = answer["data"]
            rows = {int(entry.get("index", at)): entry["embedding"] for at, entry in enumerate(entries)}
            found = np.array([rows[at] for at in range(count)], dtype=np.float32)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError) as error:
            raise EmbeddingsError(f"{self._options.url} answers with something else than embeddings") from error
        if found.ndim != 2 or not 1 < found.shape[1] <= MAX_DIMENSIONS or not np.isfinite(found).all():
            raise EmbeddingsError(f"{self._options.url} answers with something else than embeddings")
        lengths = np.linalg.norm(found, axis=1, keepdims=True)
        if not (lengths > 0).all():
            raise EmbeddingsError(f"{self._options.url} answers with vectors of zeros")
        normalised: Vectors = (found / lengths).astype(np.float32)
        return normalised
