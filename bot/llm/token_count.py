"""Having the server count tokens, as llama.cpp's, vLLM and SGLang do."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from http import HTTPStatus

import aiohttp

from bot.llm.failures import read_body
from bot.llm.messages import ChatMessage
from bot.llm.options import ModelOptions
from bot.llm.requests import root_url
from bot.llm.tokens import TOKENS_PER_MESSAGE

_MAX_BYTES = 8 << 20


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
            told = json.loads(await read_body(response, _MAX_BYTES))
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
