"""Where a model server is and how it is asked."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Self

from yarl import URL

from bot.llm.templates import CHAT_TEMPLATES
from config.sections import ModelSettings


@dataclass(frozen=True, slots=True)
class ModelOptions(ModelSettings):
    """What the operator decides, for the one server that a ``ModelClient`` asks. Times in seconds.

    Attributes:
        loading_notice_after: how long a server may be loading before whoever waits is told.
        brief: replies are kept short (``BriefFilter``).

    Raises:
        ValueError: the chat template has no such name.
    """

    url: str
    loading_notice_after: float = 3.0
    brief: bool = False

    def __post_init__(self) -> None:
        if self.chat_template not in CHAT_TEMPLATES:
            known = ", ".join(CHAT_TEMPLATES)
            raise ValueError(f"no chat template is called {self.chat_template!r}; there are: {known}")

    @classmethod
    def of(cls, settings: ModelSettings, url: str) -> Self:
        """The options for the server at ``url``."""
        return cls(**{each.name: getattr(settings, each.name) for each in fields(settings)} | {"url": url})

    @property
    def server_name(self) -> str:
        """The server as a person may see it: host and port, no user, password or query."""
        return URL(self.url).host_port_subcomponent or "an address without a host"
