"""A call in which somebody names an address in the operator's own network: the real bot does not go there."""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web

from bot.voice.events import WordsSpoken
from tests.bot.fetching.hostile_server import HostileServer, plain
from tests.e2e.conftest import StageMaker
from tests.http_server import LocalServer, app_of
from tests.llm.servers import DONE, FINISHED, begin_stream, delta_event, said


class Reader(LocalServer):
    """A model that calls the tool for reading with every address that somebody names. It keeps the results, and says
    that it can't read the page.
    """

    def __init__(self) -> None:
        super().__init__(app_of("/v1/chat/completions", self._answer), "/v1", cancels=True)
        self.results: list[str] = []

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        newest: dict[str, Any] = body["messages"][-1]
        response = await begin_stream(request)
        if newest["role"] == "tool":
            self.results.append(newest["content"])
            await response.write(said("I can not read that."))
            await response.write(FINISHED)
        elif "http://" in newest["content"] and body["max_tokens"] > 1:
            address = newest["content"][newest["content"].index("http://") :].split()[0]
            function = {"name": "read_page", "arguments": json.dumps({"address": address})}
            await response.write(delta_event(tool_calls=[{"index": 0, "id": "c1", "function": function}]))
            await response.write(delta_event("tool_calls"))
        else:
            await response.write(said("Hello."))
            await response.write(FINISHED)
        await response.write(DONE)
        return response


async def test_an_address_in_the_private_network_is_not_read_and_the_call_goes_on(
    make_stage: StageMaker, speech_server: str
) -> None:
    async with (
        Reader() as model,
        HostileServer() as router,
        make_stage(tts_websocket_url=speech_server, llm_url=model.url) as stage,
    ):
        router.answers["/"] = plain(b"<p>The password is 1234.", "Content-Type: text/html")
        await stage.join()
        for host in ("127.0.0.1", "localhost"):
            await stage.ask(f"please read {router.url(host=host)} to me")
        await stage.turns(2)
        assert [
            f"{host} is not on the public internet" in told
            for host, told in zip(("127.0.0.1", "localhost"), model.results, strict=True)
        ] == [True, True]
        assert router.asked == []
        spoken = "".join(event.text for event in stage.events if isinstance(event, WordsSpoken))
        assert spoken.count("I can not read that.") == 2
        await stage.ask("hello")
        await stage.turns(3)
