"""The patterns of people's names are compiled ahead of a reply's first word, and never on the event loop."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import Any

import pytest
import regex
from aiohttp import web

from bot.llm.client import ModelClient
from bot.llm.filters.names import _heads, prepare_names
from bot.llm.history import History, Turn
from bot.llm.messages import NO_SPEAKERS
from bot.llm.personas import Character, Persona
from bot.llm.prompts import CallRoom
from bot.llm.requests import ModelOptions
from bot.llm.small_model import load_small_prompts
from bot.responder import ModelResponder
from tests.llm.servers import DONE, said, serving, streaming
from tests.timing import wait_until

WIPP = Persona(name="Wippelwapp", also_called=(), description="x", moods={"calm": "calm."}, default_mood="calm")


class Call:
    """A responder in a call, and the threads in which patterns were compiled. Its model answers once enough sets of
    patterns are kept.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.people = ["Zebulon", "Quintessa"]
        self.compiled_by: list[threading.Thread] = []
        self.sets_to_wait_for = 0
        """How many sets of patterns must be kept before the model answers."""
        _heads.cache_clear()
        # The patterns without any people's names are compiled once in the life of a bot.
        prepare_names(NO_SPEAKERS)
        compile_pattern = regex.compile

        def recorded(*arguments: Any, **named: Any) -> Any:
            self.compiled_by.append(threading.current_thread())
            return compile_pattern(*arguments, **named)

        monkeypatch.setattr(regex, "compile", recorded)

    @property
    def kept_sets(self) -> int:
        """Number of sets of names whose patterns are compiled and kept."""
        return _heads.cache_info().currsize

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if request.method == "GET" or not request.path.endswith("/chat/completions"):
            return web.Response(status=404)
        await request.read()
        await wait_until(lambda: self.kept_sets >= self.sets_to_wait_for)
        return await streaming(said("Hello.", "stop"), DONE)(request)

    def responder(self, client: ModelClient) -> ModelResponder:
        return ModelResponder(
            lambda: Character("wipp", WIPP, "calm"),
            History(),
            lambda: CallRoom("Lounge", tuple(self.people)),
            lambda: datetime(2026, 11, 26, tzinfo=UTC),
            client,
            10,
            load_small_prompts(),
        )


async def read(responder: ModelResponder, person: str) -> str:
    return "".join([piece async for piece in responder.answer(Turn.of_person(person, "hi"))])


async def test_patterns_are_compiled_when_the_people_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    call = Call(monkeypatch)
    async with serving(call.handle) as url, ModelClient(ModelOptions(url)) as client:
        responder = call.responder(client)
        await responder.warm_up()
        assert call.compiled_by, "the warm-up has prepared nothing"
        assert threading.main_thread() not in call.compiled_by
        call.compiled_by.clear()
        assert await read(responder, "Quintessa") == "Hello."
        assert await read(responder, "Zebulon") == "Hello."
        assert call.compiled_by == []


async def test_the_patterns_of_newcomers_are_compiled_while_the_model_computes(monkeypatch: pytest.MonkeyPatch) -> None:
    call = Call(monkeypatch)
    async with serving(call.handle) as url, ModelClient(ModelOptions(url)) as client:
        responder = call.responder(client)
        await responder.warm_up()
        call.compiled_by.clear()
        call.people.append("Thaddeus")
        call.sets_to_wait_for = call.kept_sets + 1
        assert await read(responder, "Thaddeus") == "Hello."
        assert threading.main_thread() not in call.compiled_by
