"""Tests of model routing: an owner chooses which of two model servers writes, and calls always use the same one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from discord.ext import commands

from bot.client import SeiyuuBot
from bot.database import Database
from bot.features.model_routing.commands import ModelCommands
from bot.llm.client import ModelClient
from bot.llm.messages import ChatMessage
from bot.llm.requests import ModelOptions
from bot.llm.text_model import TextModel
from bot.model_router import ModelRouter
from config.types import GpuVendor
from tests.e2e.scripted_model import Answer, Script, ScriptedModel
from tests.features.stage import FeatureStage, feature_stage
from tests.features.talk import let_own
from tests.llm.answers import texts


class AskCommand(commands.Cog):
    """A command that asks a model."""

    def __init__(self, model: TextModel) -> None:
        self._model = model

    @commands.command()
    async def ask(self, ctx: commands.Context[Any], *, text: str) -> None:
        messages = [ChatMessage("user", text)]
        await ctx.send("".join(await texts(self._model.text(messages, model="poet"))))


@dataclass(slots=True)
class Desk:
    """A bot with two GPUs. Ada is its owner. Calls use the AMD GPU's model server."""

    stage: FeatureStage
    servers: dict[GpuVendor, ScriptedModel]
    clients: dict[GpuVendor, ModelClient]
    router: ModelRouter

    async def written_by(self) -> str:
        return (await self.stage.ask("!ask Who are you?")).strip()


def _says(words: str) -> Script:
    return lambda _line: Answer(words)


@pytest.fixture
def cards() -> tuple[GpuVendor, ...]:
    return (GpuVendor.NVIDIA, GpuVendor.AMD)


@pytest.fixture
async def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cards: tuple[GpuVendor, ...]) -> AsyncIterator[Desk]:
    made: list[ModelRouter] = []
    async with AsyncExitStack() as stack:
        servers: dict[GpuVendor, ScriptedModel] = {}
        clients: dict[GpuVendor, ModelClient] = {}
        for card in cards:
            servers[card] = await stack.enter_async_context(ScriptedModel(_says(f"I am {card}.")))
            clients[card] = await stack.enter_async_context(ModelClient(ModelOptions(servers[card].url)))

        async def cogs(bot: SeiyuuBot, database: Database) -> Sequence[commands.Cog]:
            made.append(await ModelRouter.load(database, clients, GpuVendor.AMD))
            return [ModelCommands(made[0]), AskCommand(made[0])]

        stage = await stack.enter_async_context(feature_stage(tmp_path, monkeypatch, cogs))
        let_own(stage.sandbox, stage.ada)
        yield Desk(stage, servers, clients, made[0])


async def test_an_owner_chooses_the_card_and_the_choice_is_remembered(desk: Desk) -> None:
    assert await desk.written_by() == "I am amd."
    assert await desk.stage.ask("!gpu") == "🖥️ The amd card writes my answers. In calls, the amd card does."
    assert await desk.stage.ask("!gpu nvidia") == "🖥️ The nvidia card writes my answers. In calls, the amd card does."
    assert await desk.written_by() == "I am nvidia."
    assert desk.servers[GpuVendor.NVIDIA].models == ["poet"], "the command that asks names the model"
    restarted = await ModelRouter.load(desk.stage.database, desk.clients, GpuVendor.AMD)
    assert restarted.card is GpuVendor.NVIDIA
    bob = await desk.stage.sandbox.add_guest("Bob")
    assert "the people who run me" in await desk.stage.ask("!gpu amd", who=bob)


async def test_during_a_call_only_the_card_for_calls_is_asked_and_a_crash_does_not_make_that_permanent(
    desk: Desk,
) -> None:
    await desk.stage.ask("!gpu nvidia")
    assert await desk.written_by() == "I am nvidia."
    await desk.router.hold("a call")
    asked = len(desk.servers[GpuVendor.NVIDIA].asked)
    assert await desk.written_by() == "I am amd."
    assert len(desk.servers[GpuVendor.NVIDIA].asked) == asked
    assert (
        await desk.stage.ask("!gpu")
        == "🖥️ The amd card writes my answers during this call; afterwards, the nvidia card."
    )
    assert (await ModelRouter.load(desk.stage.database, desk.clients, GpuVendor.AMD)).card is GpuVendor.NVIDIA
    await desk.router.release()
    assert await desk.written_by() == "I am nvidia."


async def test_a_card_chosen_during_a_call_is_used_after_it(desk: Desk) -> None:
    await desk.router.hold("a call")
    assert "afterwards, the nvidia card" in await desk.stage.ask("!gpu nvidia")
    assert await desk.written_by() == "I am amd."
    await desk.router.release()
    assert await desk.written_by() == "I am nvidia."


@pytest.mark.parametrize("cards", [(GpuVendor.AMD,)])
async def test_if_there_is_only_one_model_server_it_writes_everything(desk: Desk) -> None:
    assert await desk.stage.ask("!gpu nvidia") == (
        "❌ There is no model server on the nvidia card. The people who run me can set one with `LLM_URL_NVIDIA`."
    )
    assert await desk.stage.ask("!gpu") == "🖥️ There is only one model server, so there is nothing to choose."
    await desk.router.hold("a call")
    assert await desk.written_by() == "I am amd."
    await desk.router.release()
    assert await desk.written_by() == "I am amd."


async def test_a_card_whose_server_is_gone_is_no_longer_chosen(desk: Desk) -> None:
    await desk.stage.ask("!gpu nvidia")
    without = await ModelRouter.load(desk.stage.database, {GpuVendor.AMD: desk.clients[GpuVendor.AMD]}, GpuVendor.AMD)
    assert without.card is GpuVendor.AMD


async def test_the_card_for_calls_must_have_a_server(desk: Desk) -> None:
    with pytest.raises(ValueError, match="amd card"):
        await ModelRouter.load(desk.stage.database, {GpuVendor.NVIDIA: desk.clients[GpuVendor.NVIDIA]}, GpuVendor.AMD)
