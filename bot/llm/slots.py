"""Slots of a llama.cpp server: each has a prompt cache of its own, so a call stays in one slot.

Other servers get no request fields about slots. They are only asked to report the token counts of a reply at its end.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from typing import Any

import aiohttp

from bot.llm.requests import ModelOptions, root_url
from bot.llm.server_facts import FactSource, ask_source
from config.engine_sections import ModelApi

CALL_SLOT = 0
"""The slot of a call while no other call is on. Of several calls, each has its own (:class:`CallSlots`)."""
OPTIONAL_FIELDS = frozenset(
    {"id_slot", "timings_per_token", "stream_options", "add_generation_prompt", "parallel_tool_calls", "logit_bias"}
)
"""Request fields that a reply does not need. If a server refuses a request, it is sent again without them."""
_MAX_SLOTS = 10_000


class CallSlots:
    """The slots of the calls that are on. Use it only on the event loop."""

    def __init__(self) -> None:
        self._taken: set[int] = set()

    def new(self) -> CallSlot:
        """The slot of a call, which is taken when it is used for the first time."""
        return CallSlot(self._taken)


class CallSlot:
    """The slot of one call: the lowest number that no other call has.

    So a later call gets the slot of an earlier one, and that slot's cache has prompts already.
    """

    def __init__(self, taken: set[int]) -> None:
        self._taken = taken
        self._number: int | None = None

    def __call__(self) -> int:
        """The number of the slot."""
        if self._number is None:
            self._number = next(number for number in count(CALL_SLOT) if number not in self._taken)
            self._taken.add(self._number)
        return self._number

    async def release(self) -> None:
        """Leave the slot to the next call."""
        if self._number is not None:
            self._taken.discard(self._number)
            self._number = None


class ServerSlots:
    """What is known about the slots of one model server."""

    def __init__(self) -> None:
        self._count: int | None = None

    @property
    def known(self) -> bool:
        """Whether the server has reported its number of slots, which only a llama.cpp server does."""
        return self._count is not None

    def learn(self, slots: int) -> None:
        """Set the number of slots that the server has reported."""
        self._count = slots

    def fields(
        self, slot: int | None, api: ModelApi, *, unfinished: bool = False, paid: bool = False
    ) -> dict[str, Any]:
        """The request fields that keep a reply in a slot, and have the server report the tokens of the reply.

        Args:
            slot: the number of the slot; ``None`` leaves the choice to the server. Then only a server that costs money
                is asked to report tokens. A llama.cpp server reports them at the end of a reply anyway.
            unfinished: whether the last message is not complete yet, so that no answer is to be begun after it.
            paid: whether the server costs money.
        """
        if slot is None and (self._count is not None or not paid):
            return {}
        if self._count is not None and slot is not None:
            fields = {"id_slot": slot % self._count, "cache_prompt": True, "timings_per_token": True}
            return fields | {"add_generation_prompt": False} if unfinished and api is ModelApi.CHAT else fields
        return {} if api is ModelApi.COMPLETION else {"stream_options": {"include_usage": True}}


@dataclass(frozen=True, slots=True)
class LlamaServer:
    """What a llama.cpp server tells of itself.

    Attributes:
        slots: the number of its slots.
        takes_tools: whether its chat template has a place for tools. If it has none, the server accepts requests with
            tools, but its model never learns of the tools. An old server doesn't say whether there is a place, and
            counts as one that has it.
    """

    slots: int
    takes_tools: bool = True


async def ask_llama_server(session: aiohttp.ClientSession, options: ModelOptions) -> LlamaServer | None:
    """Ask the server about itself; ``None`` if it is no llama.cpp server. Never raises."""
    address = root_url(options) / "props"
    if options.model:
        # A llama.cpp server with several models needs the name, and must not load the model for this question.
        address = address.with_query(model=options.model, autoload="false")
    found = await ask_source(session, FactSource("GET", address, _read_props), options)
    return found if isinstance(found, LlamaServer) else None


def _read_props(props: Any, _: str | None) -> LlamaServer | None:
    slots, template = props["total_slots"], props.get("chat_template_caps")
    if not isinstance(slots, int) or isinstance(slots, bool) or not 0 < slots <= _MAX_SLOTS:
        return None
    return LlamaServer(slots, not (isinstance(template, dict) and template.get("supports_tools") is False))
