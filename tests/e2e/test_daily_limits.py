"""Tests of a model server that costs money: its use is counted, and at the limit of a day nothing new is begun."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import pytest

from bot.commands.private_answer import SENT
from bot.llm.requests import ModelOptions
from bot.metering import NOBODY
from bot.usage.ledger import Engine
from bot.voice.turn import Outcome
from config import hosts
from tests.e2e.conftest import Stage, StageMaker
from tests.e2e.scripted_model import Answer, ScriptedModel
from tests.timing import LIMIT

LIMIT_TOKENS = 100_000
SAID = "One two three four five six seven eight."
REACHED = "❌ Today's limit of 100,000 tokens is reached"


@dataclass
class Bill:
    """A call with a model server that costs money, because it seems to be on the internet."""

    stage: Stage
    model: ScriptedModel

    def use_up(self) -> None:
        """Use all of today's tokens."""
        self.stage.app.core.usage.tokens(NOBODY, "elsewhere", LIMIT_TOKENS, 0, paid=True)


@asynccontextmanager
async def call(
    make_stage: StageMaker, speech_server: str, monkeypatch: pytest.MonkeyPatch, pause: float = 0.0
) -> AsyncIterator[Bill]:
    monkeypatch.setattr(hosts, "is_local", lambda url: False)
    async with AsyncExitStack() as stack:
        model = await stack.enter_async_context(ScriptedModel(lambda _: Answer(SAID, pause=pause)))
        changes = {"llm_url": model.url, "llm_api_key": "sk-0123456789", "daily_tokens": LIMIT_TOKENS}
        stage = await stack.enter_async_context(make_stage(tts_websocket_url=speech_server, **changes))
        await stage.join()
        yield Bill(stage, model)


async def test_an_answer_is_finished_at_the_limit_and_the_next_one_is_refused_in_plain_words(
    make_stage: StageMaker, speech_server: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with call(make_stage, speech_server, monkeypatch, pause=0.05) as bill:
        stage = bill.stage
        await stage.ask("count to eight")
        await stage.until(lambda: bill.model.open_streams, "the answer to begin")
        bill.use_up()
        (trace,) = await stage.turns(1)
        assert trace.outcome is Outcome.SPOKEN
        assert "DAILY_TOKENS=100000) is reached: until midnight" in caplog.text

        await stage.ask("and on to sixteen")
        told = await stage.told(REACHED)
        assert "It begins anew at midnight, in " in told
        assert len(bill.model.asked) == 1, "the server was not asked again"
        assert any(each.code == "daily_limit" for each in stage.app.core.monitor.warnings())

        usage = stage.app.core.usage
        figures = {key.engine: (key, amounts) for key, amounts in await usage.of_person(stage.ada.id)}
        asked, amounts = figures[Engine.MIND]
        assert (asked.place, asked.server) == (stage.sandbox.home.guild.id, ModelOptions(bill.model.url).server_name)
        assert asked.paid
        assert amounts.requests == 1
        assert amounts.prompt_tokens > 100
        assert amounts.answer_tokens >= 8
        assert figures[Engine.VOICE][1].milliseconds >= trace.audio * 0.9

        assert await stage.answer_to("!usage") == SENT
        private = await stage.ada.wait_for_message(stage.ada.dm_channel, lambda message: message.author.bot, LIMIT)
        assert f"Today: {amounts.tokens:,} tokens" in private.content


@pytest.mark.slow
async def test_a_limit_that_is_reached_today_is_still_reached_after_a_restart(
    make_stage: StageMaker, speech_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with call(make_stage, speech_server, monkeypatch) as bill:
        bill.use_up()
    async with call(make_stage, speech_server, monkeypatch) as bill:
        await bill.stage.ask("count to eight")
        await bill.stage.told(REACHED)
        assert bill.model.asked == bill.model.warmed == []
