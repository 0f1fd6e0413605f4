"""A real model on a real llama.cpp server goes on with an answer in whose middle another server has failed."""

from __future__ import annotations

import asyncio

from bot.llm.embedded import EmbeddedModelServer
from bot.llm.messages import ChatMessage
from bot.llm.model_servers import ModelServers
from bot.llm.requests import ModelOptions
from bot.own_weights import OwnWeights
from tests.e2e.scripted_model import Answer, Fault, ScriptedModel

BEGUN = "The capital of France is"
QUESTION = (
    ChatMessage("system", "You answer in one short sentence."),
    ChatMessage("user", "Ada: What is the capital of France?"),
)


async def test_a_real_model_goes_on_in_the_middle_of_the_sentence(weights: OwnWeights) -> None:
    assert weights.llm is not None
    async with (
        ScriptedModel(lambda _: Answer(BEGUN, Fault.BROKEN_JSON), lists=("m",), owner="llamacpp") as first,
        EmbeddedModelServer(weights.llm.path, name="smollm2", slots=1) as second,
        ModelServers([ModelOptions(url, temperature=0.01, max_tokens=20) for url in (first.url, second.url)]) as client,
    ):
        async with asyncio.timeout(60):
            while not client._servers[1].client.continues_answers():
                await asyncio.sleep(0.05)
        answer = "".join([piece.text async for piece in client.text(QUESTION)])
        assert client.options.url == second.url
    # The answer is one sentence, without the pause (…) at which a new one begins where a server can't go on.
    assert answer.startswith(f"{BEGUN} Paris")
    assert answer.count("capital") == 1
    assert "…" not in answer
