"""Model routing: which of two model servers, one a card, writes; a call takes all to the card of its own."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from typing import Self

from bot.database import Database
from bot.llm.answer import TextDelta
from bot.llm.client import ModelClient
from bot.llm.messages import NO_SPEAKERS, ChatMessage, SpeakerNames
from bot.llm.small_model import ModelSize
from config.sections import Card

_log = logging.getLogger(__name__)

CONTEXT_PAUSES = (10.0, 30.0, 60.0, 300.0, 600.0, 0.0)
"""Seconds after each look at servers that have not told how much they take in."""


class NoSuchServerError(Exception):
    """There is no model server on that card."""


class ModelRouter:
    """A :class:`~bot.llm.text_model.TextModel` and a ``Lockable`` of the lease. Made by :meth:`load`.

    What was begun on the other card when a call begins belongs to features that are held too, and end it themselves.

    Args:
        clients: the model server of each card, at least of ``for_calls``; with one alone there is nothing to choose.
        for_calls: the card that serves calls.
        preferred: the card that was chosen for writing, outside of calls.
    """

    name = "model routing"

    def __init__(
        self, database: Database, clients: Mapping[Card, ModelClient], for_calls: Card, preferred: Card | None
    ) -> None:
        if for_calls not in clients:
            raise ValueError(f"there is no model server on the {for_calls} card, which calls are to use")
        self.for_calls = for_calls
        self._database = database
        self._clients = dict(clients)
        self._preferred = preferred if preferred in clients else None
        # In memory only: a process that is killed in a call leaves no override behind.
        self._override: Card | None = None

    @classmethod
    async def load(cls, database: Database, clients: Mapping[Card, ModelClient], for_calls: Card) -> Self:
        """Read which card was chosen; may raise :class:`aiosqlite.Error`."""
        row = await database.row("SELECT card FROM model_preference")
        chosen = next((card for card in Card if row is not None and card == row[0]), None)
        return cls(database, clients, for_calls, chosen)

    @property
    def cards(self) -> tuple[Card, ...]:
        """The cards with a model server."""
        return tuple(self._clients)

    @property
    def preferred(self) -> Card:
        """The card that writes outside of calls."""
        return self._preferred or self.for_calls

    @property
    def card(self) -> Card:
        """The card that writes now."""
        return self._override or self.preferred

    @property
    def client(self) -> ModelClient:
        """The model server that writes now."""
        return self._clients[self.card]

    @property
    def for_calls_client(self) -> ModelClient:
        """The model server that calls think with."""
        return self._clients[self.for_calls]

    def text(
        self,
        messages: Sequence[ChatMessage],
        *,
        model: str | None = None,
        speakers: SpeakerNames = NO_SPEAKERS,
        never_retract: bool = False,
    ) -> AsyncGenerator[TextDelta, None]:
        """The reply of the server that writes now; see :meth:`bot.llm.client.ModelClient.text`."""
        return self.client.text(messages, model=model, speakers=speakers, never_retract=never_retract)

    def size_of(self, *, model: str | None = None) -> ModelSize:
        """How large the model is that writes now, as far as it is known."""
        return self.client.size_of(model=model)

    async def learn_context_sizes(self, *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        """Ask each server how much its model takes in, a few times if need be: it may start later than the bot."""
        unknown = list(self._clients.values())
        for client in self._clients.values():
            await client.learn_model_size()
        for pause in CONTEXT_PAUSES:
            unknown = [client for client in unknown if not await client.learn_context_size()]
            if not unknown:
                return
            await sleep(pause)

    async def prefer(self, card: Card) -> None:
        """Write on this card from now on, outside of calls; remembered.

        Raises:
            NoSuchServerError: it has no model server.
        """
        if card not in self._clients:
            raise NoSuchServerError(card)
        await self._database.write("INSERT OR REPLACE INTO model_preference VALUES (1, ?)", card.value)
        self._preferred = card
        _log.info("Outside of calls, the model on the %s card writes", card)

    async def hold(self, reason: str) -> None:
        """From now on only the card that serves calls writes."""
        self._override = self.for_calls
        if self.preferred is not self.for_calls:
            _log.info("Only the model on the %s card writes, because of %s", self.for_calls, reason)

    async def release(self) -> None:
        """The preferred card writes again."""
        self._override = None
