"""The language model as calls use it, whichever server it runs on: a protocol."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import Protocol

from bot.llm.answer import AnswerPart, TextDelta
from bot.llm.answer_progress import NOT_WATCHED, AnswerProgress
from bot.llm.messages import NO_SPEAKERS, ChatMessage, SpeakerNames
from bot.llm.probe import ServerReport
from bot.llm.requests import ModelOptions
from bot.llm.slots import CALL_SLOT
from bot.llm.small_model import ModelSize
from bot.llm.tools import ToolDescription


class AnsweringModel(Protocol):
    """One model server, or several that stand in for each other.

    :class:`~bot.llm.client.ModelClient` and :class:`~bot.llm.model_servers.ModelServers` implement this protocol; the
    former describes its methods.
    """

    @property
    def options(self) -> ModelOptions:
        """The options of the server that answers now."""
        ...

    async def check(self) -> ServerReport:
        """Whether a server is ready. Never raises."""
        ...

    async def learn_context_size(self, *, model: str | None = None) -> bool:
        """Learn the size of the model's context. Returns whether it is known now. Never raises."""
        ...

    async def learn_model_size(self, *, model: str | None = None) -> None:
        """Learn the model's number of parameters. Never raises."""
        ...

    async def learn_slots(self, *, model: str | None = None) -> None:
        """Learn whether the server is a llama.cpp server. Never raises."""
        ...

    def reads_ahead(self, *, model: str | None = None) -> bool:
        """Whether the server may be asked to read a prompt before its answer is wanted (:meth:`warm_up`)."""
        ...

    def context_size(self, *, model: str | None = None) -> int:
        """The model's context, in tokens, as far as it is known."""
        ...

    def size_of(self, *, model: str | None = None) -> ModelSize:
        """The model's size, as far as it is known."""
        ...

    async def warm_up(
        self,
        messages: Sequence[ChatMessage],
        *,
        model: str | None = None,
        unfinished: bool = False,
        tools: Sequence[ToolDescription] = (),
        slot: int = CALL_SLOT,
    ) -> None:
        """Fill the prompt cache. Raises ModelError."""
        ...

    def stream(
        self,
        messages: Sequence[ChatMessage],
        *,
        model: str | None = None,
        speakers: SpeakerNames = NO_SPEAKERS,
        never_retract: bool = False,
        slot: int | None = None,
        progress: AnswerProgress = NOT_WATCHED,
        tools: Sequence[ToolDescription] = (),
    ) -> AsyncGenerator[AnswerPart, None]:
        """Stream a reply with its text and tool calls. Raises ModelError."""
        ...

    def text(
        self,
        messages: Sequence[ChatMessage],
        *,
        model: str | None = None,
        speakers: SpeakerNames = NO_SPEAKERS,
        never_retract: bool = False,
        slot: int | None = None,
        progress: AnswerProgress = NOT_WATCHED,
        max_tokens: int | None = None,
    ) -> AsyncGenerator[TextDelta, None]:
        """Stream only the text of a reply. Raises ModelError."""
        ...
