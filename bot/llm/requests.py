"""The request for one reply: the endpoint's path and the JSON body, for each of the three APIs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from yarl import URL

from bot.llm.messages import ChatMessage
from bot.llm.options import ModelOptions
from bot.llm.templates import CHAT_TEMPLATES
from config.settings import ModelApi

_PATHS = {
    ModelApi.CHAT: "/chat/completions",
    ModelApi.COMPLETIONS: "/completions",
    ModelApi.COMPLETION: "/completion",
}


def reply_url(options: ModelOptions) -> URL:
    """The whole address that a reply is asked from."""
    return endpoint_url(options, _PATHS[options.api])


def endpoint_url(options: ModelOptions, path: str) -> URL:
    """The base with ``path`` at its end; a query in the base stays (some hosts want a version there)."""
    base = URL(options.url)
    return base.with_path(base.raw_path.rstrip("/") + path, encoded=True, keep_query=True)


def reply_body(options: ModelOptions, messages: Sequence[ChatMessage]) -> dict[str, Any]:
    """The JSON body that asks for a streamed reply to ``messages``. What is not set is left to the server."""
    body: dict[str, Any] = {"stream": True, "temperature": options.temperature}
    if options.model:
        body["model"] = options.model
    if options.api is ModelApi.CHAT:
        body |= {
            "messages": [{"role": message.role, "content": message.content} for message in messages],
            "max_tokens": options.max_tokens,
        }
        stop = options.stop
    else:
        template = CHAT_TEMPLATES[options.chat_template]
        limit = "n_predict" if options.api is ModelApi.COMPLETION else "max_tokens"
        body |= {"prompt": template.render(messages), limit: options.max_tokens}
        stop = tuple(dict.fromkeys((*template.stop, *options.stop)))
    if stop:
        body["stop"] = list(stop)
    if options.api is ModelApi.COMPLETION:
        body["cache_prompt"] = True
    return body
