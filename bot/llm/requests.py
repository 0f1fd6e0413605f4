"""Requests to a model server: options, addresses and JSON bodies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import Any, Self

from pydantic import SecretStr
from yarl import URL

from bot.llm.dialect import LIMIT_FIELDS
from bot.llm.messages import ChatMessage
from bot.llm.templates import CHAT_TEMPLATES
from bot.llm.tools import ToolDescription
from config.engine_sections import ModelApi, ModelSettings
from config.hosts import costs_money
from config.server_lists import ListedServer


@dataclass(frozen=True, slots=True)
class ModelOptions(ModelSettings):
    """The operator's settings for one model server, with its address.

    Attributes:
        url: the base address, for example ``http://127.0.0.1:8080/v1``.
        loading_notice_after: seconds that a server may be loading its model before the people who wait are told.
        brief: whether replies are kept short (:class:`~bot.llm.filters.brief.BriefFilter`).
        quotes_people: whether a reply may begin with lines of other people
            (:class:`~bot.llm.filters.names.NameFilter`).

    Raises:
        ValueError: ``chat_template`` is not the name of a chat template.
    """

    url: str
    loading_notice_after: float = 3.0
    brief: bool = False
    quotes_people: bool = True

    def __post_init__(self) -> None:
        if self.chat_template not in CHAT_TEMPLATES:
            known = ", ".join(CHAT_TEMPLATES)
            raise ValueError(f"no chat template is called {self.chat_template!r}; there are: {known}")

    @classmethod
    def of(cls, settings: ModelSettings, url: str) -> Self:
        """Build the options for the server at ``url`` from the settings."""
        listed = next((server for server in settings.listed if server.url == url), None)
        return cls._of_listed(settings, listed or ListedServer(url, settings.model, _text_of(settings.api_key)))

    @classmethod
    def all(cls, settings: ModelSettings) -> list[Self]:
        """Build the options for all servers of ``LLM_URL``, in their order there."""
        return [cls._of_listed(settings, server) for server in settings.listed]

    @classmethod
    def _of_listed(cls, settings: ModelSettings, server: ListedServer) -> Self:
        own = {
            "url": server.url,
            "model": server.model,
            "api_key": None if server.key is None else SecretStr(server.key),
        }
        return cls(**{each.name: getattr(settings, each.name) for each in fields(settings)} | own)

    @property
    def paid(self) -> bool:
        """Whether the server costs money."""
        return costs_money(self.url, self.api_key)

    @property
    def server_name(self) -> str:
        """The server's name in messages: host and port, without user, password and query."""
        return URL(self.url).host_port_subcomponent or "an address without a host"


def _text_of(key: SecretStr | None) -> str | None:
    return None if key is None else key.get_secret_value()


_PATHS = {
    ModelApi.CHAT: "/chat/completions",
    ModelApi.COMPLETIONS: "/completions",
    ModelApi.COMPLETION: "/completion",
}


def reply_url(options: ModelOptions) -> URL:
    """The address for reply requests."""
    return endpoint_url(options, _PATHS[options.api])


def endpoint_url(options: ModelOptions, path: str) -> URL:
    """Append ``path`` to the base address. A query in the base stays, because some servers need a version in it."""
    base = URL(options.url)
    return base.with_path(base.raw_path.rstrip("/") + path, encoded=True, keep_query=True)


def root_url(options: ModelOptions) -> URL:
    """The base address without ``/v1``: servers have their own endpoints there, outside of OpenAI's API."""
    base = endpoint_url(options, "")
    return base.parent if base.name == "v1" else base


def longest_answer(options: ModelOptions) -> int:
    """The operator's limit for an answer, in tokens: from ``LLM_EXTRA``, otherwise from ``LLM_MAX_TOKENS``."""
    own = (options.extra.get(name) for name in LIMIT_FIELDS)
    return next((limit for limit in own if isinstance(limit, int) and limit > 0), options.max_tokens)


def reply_body(
    options: ModelOptions,
    messages: Sequence[ChatMessage],
    max_tokens: int,
    more: Mapping[str, Any] = MappingProxyType({}),
    tools: Sequence[ToolDescription] = (),
    *,
    continues: bool = False,
) -> dict[str, Any]:
    """Build the JSON body that asks for a streamed reply to ``messages``. Options that are not set are left out.

    The operator's own fields (``LLM_EXTRA``) are merged in, and override the others.

    Args:
        max_tokens: the limit for the answer, in tokens: :func:`longest_answer`, or less if there is no room for it.
        more: further fields.
        tools: the tools that the model may call. Only the chat API has a field for them.
        continues: whether the reply goes on with the last message, which is the assistant's.
    """
    body: dict[str, Any] = {"stream": True, "temperature": options.temperature}
    if options.model:
        body["model"] = options.model
    if options.api is ModelApi.CHAT:
        body |= {
            "messages": [_as_json(message) for message in messages],
            "max_tokens": max_tokens,
        }
        if tools:
            body["tools"] = [tool.as_json for tool in tools]
        stop = options.stop
    else:
        template = CHAT_TEMPLATES[options.chat_template]
        limit = "n_predict" if options.api is ModelApi.COMPLETION else "max_tokens"
        body |= {"prompt": template.render(messages, continues=continues), limit: max_tokens}
        stop = tuple(dict.fromkeys((*template.stop, *options.stop)))
    if stop:
        body["stop"] = list(stop)
    if options.api is ModelApi.COMPLETION:
        body["cache_prompt"] = True
    return _with_limit(_with_extra({**body, **more}, options.extra), max_tokens)


def _as_json(message: ChatMessage) -> dict[str, Any]:
    fields: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.calls:
        fields["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in message.calls
        ]
    if message.role == "tool":
        fields["tool_call_id"] = message.answers
    return fields


def one_token(body: Mapping[str, Any]) -> dict[str, Any]:
    """Copy a request body, and set the limit of the answer to one token, in the field that the body uses for it."""
    return _with_limit(body, 1)


def _with_limit(body: Mapping[str, Any], max_tokens: int) -> dict[str, Any]:
    return {key: max_tokens if key in LIMIT_FIELDS else value for key, value in body.items()}


def _with_extra(body: Mapping[str, Any], extra: Mapping[str, Any]) -> dict[str, Any]:
    own = dict(body)
    if any(name in extra for name in LIMIT_FIELDS):
        # Servers refuse a request that has the limit twice, in two fields.
        own = {key: value for key, value in own.items() if key not in LIMIT_FIELDS}
    return _merged(own, extra)


def _merged(fields: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Merge JSON objects recursively. Values of ``over`` replace those of ``fields``; ``None`` removes the field."""
    merged = dict(fields)
    for key, value in over.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, Mapping):
            mine = merged.get(key)
            merged[key] = _merged(mine if isinstance(mine, Mapping) else {}, value)
        else:
            merged[key] = value
    return merged
