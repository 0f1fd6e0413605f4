"""Where the model server is and how it is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from yarl import URL

from bot.llm.templates import CHAT_TEMPLATES
from config.settings import ModelApi


@dataclass(frozen=True, slots=True)
class ModelOptions:
    """Everything a ``ModelClient`` needs to know. Times in seconds.

    ``url`` is the whole base: nothing but the endpoint's own path is appended ("http://127.0.0.1:8080/v1" for the two
    OpenAI-style endpoints, "http://127.0.0.1:8080" for llama.cpp's ``/completion``). ``chat_template`` names the
    template by which we write the prompt ourselves, for every API but ``chat``. ``extra`` is merged into each request.
    ``context_tokens`` is the model's context; ``None`` where the server is to tell it. ``loading_notice_after`` is how
    long a server may be loading before whoever waits is told. ``chosen`` names the options that the operator has set,
    and that hold for a small model too (:mod:`bot.llm.small`). ``brief``: replies are kept short (``BriefFilter``).

    Raises:
        ValueError: the chat template has no such name.
    """

    url: str
    api: ModelApi = ModelApi.CHAT
    model: str | None = None
    api_key: str | None = field(default=None, repr=False)
    temperature: float = 0.8
    max_tokens: int = 500
    stop: tuple[str, ...] = ()
    chat_template: str = "chatml"
    extra: Mapping[str, Any] = field(default_factory=dict)
    context_tokens: int | None = None
    connect_timeout: float = 5.0
    first_token_timeout: float = 30.0
    stall_timeout: float = 15.0
    loading_notice_after: float = 3.0
    chosen: frozenset[str] = frozenset()
    brief: bool = False

    def __post_init__(self) -> None:
        if self.chat_template not in CHAT_TEMPLATES:
            known = ", ".join(CHAT_TEMPLATES)
            raise ValueError(f"no chat template is called {self.chat_template!r}; there are: {known}")

    @property
    def server_name(self) -> str:
        """The server as a person may see it: host and port, no user, password or query."""
        return URL(self.url).host_port_subcomponent or "an address without a host"
