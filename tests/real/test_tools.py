"""A real model calls a tool over a real llama.cpp server, whose template and parser are llama.cpp's own.

The package registries have no small model with tool training. SmolLM2 was trained without tools, so three earlier calls
stand in its conversation, which it imitates, and the server gets a template with a place for tools.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress
from pathlib import Path

from bot.llm.answer import AnswerPart
from bot.llm.answer_progress import AnswerProgress
from bot.llm.client import ModelClient
from bot.llm.embedded import EmbeddedModelServer
from bot.llm.errors import ModelError
from bot.llm.messages import ChatMessage
from bot.llm.requests import ModelOptions
from bot.llm.tool_calls import ToolCall
from bot.llm.tool_loop import answer_with_tools
from bot.llm.tools import ToolDescription
from bot.llm.usage import TokenUsage
from bot.own_weights import OwnWeights
from tests.llm.tool_doubles import CLOCK, WEATHER, ScriptedTools

TEMPLATE = Path(__file__).with_name("tools.jinja")


def exchange(number: int, place: str, weather: str, answer: str) -> list[ChatMessage]:
    call = ToolCall(f"c{number}", "weather", f'{{"place": "{place}"}}')
    return [
        ChatMessage("user", f"Ada: How is the weather in {place}?"),
        ChatMessage("assistant", "", (call,)),
        ChatMessage("tool", weather, answers=call.id),
        ChatMessage("assistant", answer),
    ]


CONVERSATION = (
    ChatMessage("system", "You are Seiyuu."),
    *exchange(1, "Oslo", "5 degrees, rain.", "It rains in Oslo, at 5 degrees."),
    *exchange(2, "Cairo", "30 degrees, sunny.", "It is sunny in Cairo, at 30 degrees."),
    *exchange(3, "Paris", "12 degrees, cloudy.", "It is cloudy in Paris, at 12 degrees."),
    ChatMessage("user", "Ada: How is the weather in Rome?"),
)


async def test_a_real_model_calls_a_tool_and_answers_with_its_result(weights: OwnWeights) -> None:
    assert weights.llm is not None
    template = TEMPLATE.read_text()
    tools = ScriptedTools({"weather": "21 degrees, windy."}, [WEATHER])
    async with (
        EmbeddedModelServer(weights.llm.path, name="smollm2", slots=1, chat_template=template) as server,
        ModelClient(ModelOptions(server.url, temperature=0.01)) as client,
    ):

        def ask(told: Sequence[ChatMessage], offered: Sequence[ToolDescription]) -> AsyncGenerator[AnswerPart, None]:
            return client.stream(told, tools=offered, slot=0, progress=AnswerProgress(counted=counted.append))

        counted = list[TokenUsage]()

        await client.learn_slots()
        answer = answer_with_tools(ask, CONVERSATION, tools)
        said = "".join([piece.text async for piece in answer])
    prompts = [(usage.prompt_tokens, usage.cached_tokens) for usage in counted]
    first, last = prompts[0][0], prompts[-1][1]
    assert first is not None
    assert last is not None
    assert last >= first - 5, "the server has read the first round's prompt once only"
    (call,) = tools.ran
    assert (call.name, call.values()) == ("weather", {"place": "Rome"})
    assert "21 degrees" in said
    assert "wind" in said


async def test_a_server_whose_template_has_no_tools_gets_them_in_the_prompt(weights: OwnWeights) -> None:
    assert weights.llm is not None
    async with (
        EmbeddedModelServer(weights.llm.path, name="smollm2", slots=1) as server,
        ModelClient(ModelOptions(server.url, temperature=0.01, max_tokens=20)) as client,
    ):
        counts = list[int]()
        await client.learn_slots()
        for tools in ([], [WEATHER, CLOCK]):
            answer = client.stream(
                CONVERSATION,
                tools=tools,
                slot=0,
                progress=AnswerProgress(counted=lambda usage: counts.append(usage.prompt_tokens or 0)),
            )
            # Only the prompt matters here. Whatever the model writes will do.
            with suppress(ModelError):
                async for _ in answer:
                    pass
    without, described = counts[0], counts[-1]
    assert described > without + 100, (
        "the tools are described in the prompt, since the server ignores its field for tools"
    )
