"""Asks a model server to count the tokens of messages."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from http import HTTPStatus

import aiohttp

from bot.llm.messages import TOKENS_PER_MESSAGE, ChatMessage
from bot.llm.requests import ModelOptions, root_url
from web_access.bodies import read_body

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
            answer = json.loads(await read_body(response.content, _MAX_COUNT_BYTES))
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
