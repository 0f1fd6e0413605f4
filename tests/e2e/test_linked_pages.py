"""A call in which somebody names an address in the operator's own network: the real bot does not go there."""

from __future__ import annotations

import json

from tests.bot.fetching.hostile_server import HostileServer, plain
from tests.e2e.conftest import StageMaker
from tests.e2e.scripted_model import Answer, ScriptedModel


def reader(line: str) -> Answer:
    """The answer of a model that wants to read every address that somebody names, and then says that it can't."""
    if "is not on the public internet" in line:
        return Answer("I can not read that.")
    if "http://" in line:
        address = line[line.index("http://") :].split()[0]
        return Answer(calls=("read_page",), arguments=json.dumps({"address": address}))
    return Answer("Hello.")


async def test_an_address_in_the_private_network_is_not_read_and_the_call_goes_on(
    make_stage: StageMaker, speech_server: str
) -> None:
    async with (
        ScriptedModel(reader) as model,
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
        assert stage.spoken.count("I can not read that.") == 2
        await stage.ask("hello")
        await stage.turns(3)
