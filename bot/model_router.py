"""Model router: chooses one of two model servers, each of which runs on its own graphics card.

During a call, everything uses the model server on the graphics card that is set for calls.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Mapping, Sequence
from typing import Self

from bot.database import Database
from bot.llm.answer import AnswerPart, TextDelta
from bot.llm.answer_progress import NOT_WATCHED, AnswerProgress
from bot.llm.answering_model import AnsweringModel
from bot.llm.messages import NO_SPEAKERS, ChatMessage, SpeakerNames
from bot.llm.model_servers import ModelServers
from bot.llm.small_model import ModelSize
from bot.llm.tools import ToolDescription
from config.types import GpuVendor

_log = logging.getLogger(__name__)

CONTEXT_PAUSES = (10.0, 30.0, 60.0, 300.0, 600.0, 0.0)
"""Seconds to wait after each attempt to learn the context sizes of the model servers. One attempt per number."""


class NoSuchServerError(Exception):
    """There is no model server on the chosen graphics card."""


class ModelRouter:
    """Passes requests on to the chosen model server. Created by :meth:`load`.

    Implements :class:`~bot.llm.text_model.ToolModel`, and ``Lockable``: the lease holds it during a call, and all
    requests then go to the call's card. Requests that run on the other card at that moment are not ended here. They
    belong to features that the lease holds too, and those features end them.

    Args:
        clients: the clients of the model servers, by card. ``for_calls`` must have one; the other card may have one.
        for_calls: the card whose model server is used by calls.
        preferred: the card that was chosen for use outside of calls; ``None`` if none was chosen.
    """

    name = "model routing"

    def __init__(
        self,
        database: Database,
        clients: Mapping[GpuVendor, AnsweringModel],
        for_calls: GpuVendor,
        preferred: GpuVendor | None,
    ) -> None:
        if for_calls not in clients:
            raise ValueError(f"there is no model server on the {for_calls} card, which calls are to use")
        self.for_calls = for_calls
        self._database = database
        self._clients = dict(clients)
        self._preferred = preferred if preferred in clients else None
        # This is kept only in memory, so a process that is killed during a call leaves no override behind.
        self._override: GpuVendor | None = None

    @classmethod
    async def load(cls, database: Database, clients: Mapping[GpuVendor, AnsweringModel], for_calls: GpuVendor) -> Self:
        """Create a router with the card that was chosen earlier, read from the database.

        Raises:
            aiosqlite.Error: the database can't be read.
        """
        row = await database.row("SELECT card FROM model_preference")
        chosen = next((card for card in GpuVendor if row is not None and card == row[0]), None)
        return cls(database, clients, for_calls, chosen)

    @property
    def cards(self) -> tuple[GpuVendor, ...]:
        """The cards that have a model server."""
        return tuple(self._clients)

    @property
    def preferred(self) -> GpuVendor:
        """The card that is used outside of calls."""
        return self._preferred or self.for_calls

    @property
    def card(self) -> GpuVendor:
        """The card that is used now."""
        return self._override or self.preferred

    @property
    def client(self) -> AnsweringModel:
        """The client of the model server that is used now."""
        return self._clients[self.card]

    @property
    def for_calls_client(self) -> AnsweringModel:
        """The client of the model server that calls use."""
        return self._clients[self.for_calls]

    def text(
        self,
        messages: Sequence[ChatMessage],
        *,
        model: str | None = None,
        speakers: SpeakerNames = NO_SPEAKERS,
        never_retract: bool = False,
        progress: AnswerProgress = NOT_WATCHED,
        max_tokens: int | None = None,
    ) -> AsyncGenerator[TextDelta, None]:
        """Stream a reply from the model server that is used now; see :meth:`bot.llm.client.ModelClient.text`."""
        return self.client.text(
            messages,
            model=model,
            speakers=speakers,
            never_retract=never_retract,
            progress=progress,
            max_tokens=max_tokens,
        )

    def stream(
        self,
        messages: Sequence[ChatMessage],
        *,
        model: str | None = None,
        speakers: SpeakerNames = NO_SPEAKERS,
        tools: Sequence[ToolDescription] = (),
        progress: AnswerProgress = NOT_WATCHED,
    ) -> AsyncGenerator[AnswerPart, None]:
        """Stream a reply with tools from the model server that is used now."""
        return self.client.stream(messages, model=model, speakers=speakers, tools=tools, progress=progress)

    def size_of(self, *, model: str | None = None) -> ModelSize:
        """The size of the model that is used now, as far as it is known."""
        return self.client.size_of(model=model)

    def context_size(self, *, model: str | None = None) -> int:
        """The context of the model that is used now, in tokens, as far as it is known."""
        return self.client.context_size(model=model)

    def take_tools(self, models: Collection[str | None]) -> bool:
        """Whether any of these models is offered tools on any server. A model of unknown size is offered tools, too."""
        return any(client.size_of(model=model).takes_tools for client in self._clients.values() for model in models)

    async def learn_model_sizes(self) -> None:
        """Ask each server for the size of its model. Never raises."""
        for client in self._clients.values():
            await client.learn_model_size()

    async def learn_context_sizes(self, *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        """Ask each server for the size and the context size of its model.

        A server may start later than the bot, so servers that did not answer are asked again a few times.
        """
        unknown = list(self._clients.values())
        await self.learn_model_sizes()
        for pause in CONTEXT_PAUSES:
            unknown = [client for client in unknown if not await client.learn_context_size()]
            if not unknown:
                return
            await sleep(pause)

    async def prefer(self, card: GpuVendor) -> None:
        """Use this card outside of calls from now on. The choice is stored in the database.

        Raises:
            NoSuchServerError: the card has no model server.
            aiosqlite.Error: the database can't be written.
        """
        if card not in self._clients:
            raise NoSuchServerError(card)
        await self._database.write("INSERT OR REPLACE INTO model_preference VALUES (1, ?)", card.value)
        self._preferred = card
        _log.info("Outside of calls, the model server on the %s card is used", card)

    async def hold(self, reason: str) -> None:
        """Use only the model server of the call's card from now on."""
        self._override = self.for_calls
        for each in self._lists():
            each.begin_call()
        if self.preferred is not self.for_calls:
            _log.info("Only the model server on the %s card is used, because of %s", self.for_calls, reason)

    async def release(self) -> None:
        """Use the preferred card again."""
        self._override = None
        for each in self._lists():
            each.end_call()

    def _lists(self) -> list[ModelServers]:
        return [client for client in self._clients.values() if isinstance(client, ModelServers)]
