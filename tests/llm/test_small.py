"""How small models are asked, and that nobody else is asked like that."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bot.llm.messages import ChatMessage
from bot.llm.options import ModelOptions
from bot.llm.small import MAX_TOKENS, SAMPLING, TEMPERATURE
from bot.llm.stream import ModelClient
from tests.llm.answers import texts
from tests.llm.servers import DONE, FINISHED, Recorded, said, serving, streaming

HELLO = (ChatMessage("user", "Ann: hi"),)
RAMBLING = ("I like tea. ", "I like tea. ", "I like ", "it hot")


async def asked(options: ModelOptions) -> tuple[dict[str, Any], str]:
    """What a server is asked, and what is said of its rambling."""
    server = Recorded(streaming(*map(said, RAMBLING), FINISHED, DONE))
    async with serving(server) as url, ModelClient(replace(options, url=url)) as client:
        answer = "".join(await texts(client.text(HELLO)))
    return server.bodies[-1], answer


async def test_a_small_model_is_asked_for_short_answers_that_do_not_babble() -> None:
    body, answer = await asked(ModelOptions("", model="smollm2-135m"))
    assert (body["temperature"], body["max_tokens"]) == (TEMPERATURE, MAX_TOKENS)
    assert SAMPLING.items() <= body.items()
    assert answer == "I like tea."


@pytest.mark.parametrize("name", ["qwen2.5-7b", "llama3.1", None])
async def test_other_models_are_asked_as_before(name: str | None) -> None:
    body, answer = await asked(ModelOptions("", model=name))
    assert (body["temperature"], body["max_tokens"]) == (0.8, 500)
    assert not SAMPLING.keys() & body.keys()
    assert answer == "".join(RAMBLING)


async def test_what_the_operator_has_chosen_holds_for_a_small_model_too() -> None:
    chosen = frozenset({"temperature", "max_tokens"})
    options = ModelOptions(
        "", model="smollm2-135m", temperature=0.7, max_tokens=300, chosen=chosen, extra={"min_p": 0.5}
    )
    body, answer = await asked(options)
    assert (body["temperature"], body["max_tokens"], body["min_p"]) == (0.7, 300, 0.5)
    assert answer == "".join(RAMBLING), "who sets the length, sets the length"
