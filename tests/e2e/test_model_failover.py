"""Tests of a list of model servers in a call: if one fails, people hear each word and learn of the change once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import pytest

from bot.llm.requests import ModelOptions
from bot.servers import choice, probes
from bot.voice.events import WordsSpoken
from bot.voice.turn import Outcome
from tests.e2e.conftest import Stage, StageMaker
from tests.e2e.scripted_model import Answer, Fault, ScriptedModel

BEFORE = "The harbour is"
AFTER = "old and quiet."
WHOLE = f"{BEFORE} {AFTER}"
MOVED = "🔁 The model server at {} doesn't answer, or is too slow: {} answers instead."


@dataclass
class Servers:
    """Two model servers in a call. If the first one breaks off, the second one completes the answer.

    Attributes:
        fault: what the first one does with the next questions.
    """

    stage: Stage
    models: list[ScriptedModel]
    fault: list[Answer] = field(default_factory=list)

    @property
    def names(self) -> list[str]:
        return [ModelOptions(model.url).server_name for model in self.models]

    def spoken(self) -> list[str]:
        """The words of each answer that were heard so far."""
        said: dict[str, str] = {}
        for event in self.stage.events:
            if isinstance(event, WordsSpoken):
                said[event.reply] = said.get(event.reply, "") + event.text
        return [" ".join(words.split()) for words in said.values()]

    def notices(self) -> list[str]:
        """The messages about a change of the server."""
        written = self.stage.ada.messages(self.stage.sandbox.home.general)
        return [message.content for message in written if message.content.startswith("🔁")]


@asynccontextmanager
async def call(make_stage: StageMaker, speech_server: str, *, slow_after: float = 20.0) -> AsyncIterator[Servers]:
    """A call whose first model server says the whole answer, until a test gives it faults."""
    faults: list[Answer] = []

    def first(_: str) -> Answer:
        return faults[0] if faults else Answer(WHOLE)

    def second(line: str) -> Answer:
        return Answer(AFTER if line == BEFORE else WHOLE)

    async with AsyncExitStack() as stack:
        models = [
            await stack.enter_async_context(ScriptedModel(script, lists=("m",), owner="llamacpp"))
            for script in (first, second)
        ]
        urls = ",".join(model.url for model in models)
        changes = {"tts_websocket_url": speech_server, "llm_url": urls, "llm_slow_after": slow_after}
        stage = await stack.enter_async_context(make_stage(**changes))
        await stage.join()
        yield Servers(stage, models, faults)


@pytest.mark.parametrize(
    ("answer", "slow_after"),
    [
        pytest.param(Answer("", Fault.HANG_UP), 20.0, id="killed"),
        pytest.param(Answer("", Fault.SILENT), 0.5, id="hung", marks=pytest.mark.slow),
        pytest.param(Answer("", Fault.BROKEN_JSON), 20.0, id="rubbish", marks=pytest.mark.slow),
        pytest.param(Answer("", Fault.STATUS_500), 20.0, id="an error", marks=pytest.mark.slow),
        pytest.param(Answer(WHOLE, delay=5.0), 0.5, id="ten times slower", marks=pytest.mark.slow),
        pytest.param(Answer(BEFORE, Fault.BROKEN_JSON), 20.0, id="rubbish in the middle"),
        pytest.param(Answer(BEFORE, Fault.STALL), 0.5, id="hung in the middle"),
    ],
)
async def test_a_fault_of_one_server_costs_no_word(
    make_stage: StageMaker, speech_server: str, answer: Answer, slow_after: float
) -> None:
    async with call(make_stage, speech_server, slow_after=slow_after) as servers:
        servers.fault.append(answer)
        await servers.stage.ask("what's the harbour like?")
        (trace,) = await servers.stage.turns(1)
        assert trace.outcome is Outcome.SPOKEN
        assert servers.spoken() == [WHOLE]
        await servers.stage.ask("and now?")
        await servers.stage.turns(2)
        assert servers.spoken() == [WHOLE, WHOLE]
        # The history has what was heard, and people were told once that another server answers.
        history = [message["content"] for message in servers.models[1].asked[-1] if message["role"] == "assistant"]
        assert history == [WHOLE]
        assert servers.notices() == [MOVED.format(*servers.names)]
        status = await servers.stage.answer_to("!voice-status")
        assert f"standing in for {servers.names[0]}" in status


async def test_a_server_that_is_back_answers_in_the_next_call(
    make_stage: StageMaker, speech_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probes, "_LONGEST_SLEEP", 0.05)
    monkeypatch.setattr(choice, "DOWN_RESTS", (0.1,))
    async with call(make_stage, speech_server) as servers:
        stage = servers.stage
        await stage.until(lambda: servers.models[0].listed, "the first probe")
        listed = servers.models[0].listed
        servers.fault.append(Answer("", Fault.STATUS_500))
        await stage.ask("what's the harbour like?")
        await stage.turns(1)
        servers.fault.clear()
        await stage.until(lambda: servers.models[0].listed > listed, "a probe")
        asked = len(servers.models[0].asked)
        # The call stays with the server that has read its conversation.
        await stage.ask("and now?")
        await stage.turns(2)
        assert len(servers.models[0].asked) == asked
        await stage.answer_to("!leave", starts="👋")
        await stage.join()
        await stage.ask("and again?")
        await stage.turns(3)
        assert len(servers.models[0].asked) == asked + 1
        assert "".join(servers.spoken()) == 3 * WHOLE
        assert servers.notices() == [MOVED.format(*servers.names)]
