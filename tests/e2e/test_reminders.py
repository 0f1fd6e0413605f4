"""Timers and reminders in the real bot: set by a model's tool call, said in the call, pinged after a restart."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from bot.voice.events import WordsSpoken
from sandbox.server import Sandbox
from tests.e2e.conftest import LIMIT, Stage, StageMaker, make_settings, staged
from tests.http_server import LocalServer, app_of
from tests.llm.servers import DONE, FINISHED, begin_stream, delta_event, said


class Secretary(LocalServer):
    """A model that sets a reminder when it is asked for one, and repeats what the tool has said."""

    def __init__(self) -> None:
        super().__init__(app_of("/v1/chat/completions", self._answer), "/v1", cancels=True)
        self.offered: list[str] = []
        self.results: list[str] = []

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.offered = [each["function"]["name"] for each in body.get("tools", [])]
        newest: dict[str, Any] = body["messages"][-1]
        response = await begin_stream(request)
        if newest["role"] == "tool":
            self.results.append(newest["content"])
            await response.write(said("All right."))
            await response.write(FINISHED)
        elif "remind me" in newest["content"] and body["max_tokens"] > 1:
            arguments = json.dumps({"when": newest["content"].partition("in ")[2], "text": "take out the pizza"})
            function = {"name": "set_reminder", "arguments": arguments}
            await response.write(delta_event(tool_calls=[{"index": 0, "id": "c1", "function": function}]))
            await response.write(delta_event("tool_calls"))
        else:
            await response.write(said("Hello."))
            await response.write(FINISHED)
        await response.write(DONE)
        return response


@pytest.fixture
async def model() -> AsyncIterator[Secretary]:
    async with Secretary() as model:
        yield model


def spoken(stage: Stage) -> str:
    return "".join(event.text for event in stage.events if isinstance(event, WordsSpoken))


async def test_a_timer_that_is_set_in_a_call_is_announced_in_the_call(
    make_stage: StageMaker, speech_server: str, model: Secretary
) -> None:
    async with make_stage(tts_websocket_url=speech_server, llm_url=model.url) as stage:
        await stage.join()
        await stage.ask("remind me in 2 seconds")
        await stage.until(lambda: "All right." in spoken(stage), "the answer")
        assert "set_reminder" in model.offered
        assert model.results[0].startswith("Set, with the number 1.")
        await stage.until(lambda: "Ada, your timer: take out the pizza." in spoken(stage), "the timer")


async def test_a_reminder_outlives_the_bot_and_pings_a_person_who_is_in_no_call_and_has_opted_out(
    tmp_path: Path, cache_dir: Path, speech_server: str, model: Secretary
) -> None:
    async with Sandbox() as sandbox:
        servers = {"tts_websocket_url": speech_server, "llm_url": model.url}
        settings = make_settings(sandbox, tmp_path, cache_dir=cache_dir, **servers)
        async with staged(sandbox, settings) as stage:
            await stage.answer_to("!optout", starts="🙉")
            told = await stage.answer_to(f"<@{stage.bot}> remind me in 8 seconds")
            assert told == "All right."
        async with staged(sandbox, settings) as again:
            ping = await stage.ada.wait_for_message(
                sandbox.home.general, lambda m: m.author.bot and "take out the pizza" in m.content, LIMIT
            )
            assert ping.content.startswith(f"<@{stage.ada.id}> ⏲️ Your timer: take out the pizza")
            assert [user.id for user in ping.mentions] == [stage.ada.id]
            assert spoken(again) == ""
