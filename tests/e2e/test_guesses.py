"""Guesses (replies that begin before a turn is over) in calls: while they are off or their budget is spent, the model
hears of a turn only at its end.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest

from sandbox.voice.microphone import OpenMicrophone
from tests.e2e.conftest import Stage, StageMaker
from tests.e2e.scripted_model import Answer, ScriptedModel
from tests.e2e.talking import WHOLE, Since, hesitate


@pytest.fixture
async def model() -> AsyncIterator[ScriptedModel]:
    async with ScriptedModel(lambda line: Answer("Sunshine." if line.endswith(WHOLE) else "Wrong.")) as model:
        yield model


async def pause_and_go_on(stage: Stage, until: Callable[[], bool] = lambda: True) -> None:
    """Ada pauses in the middle of her sentence, until something has happened, goes on, and gets her answer."""
    since, count = Since(stage), len(stage.traces)
    await hesitate(stage.ada, OpenMicrophone(before=0.5), 0.5, until=until)
    await stage.turns(count + 1)
    assert since.prompts == [("Ada", WHOLE)]
    assert since.words == "Sunshine."


def guesses(model: ScriptedModel) -> int:
    """The number of requests that were made before the sentence was complete."""
    return sum(not messages[-1]["content"].endswith(WHOLE) for messages in model.asked)


async def test_without_guesses_the_model_is_asked_once_a_turn(
    make_stage: StageMaker, speech_server: str, model: ScriptedModel
) -> None:
    async with make_stage(tts_websocket_url=speech_server, llm_url=model.url, guesses="off") as stage:
        await stage.join()
        await pause_and_go_on(stage)
        assert len(model.asked) == 1


async def test_a_call_throws_away_at_most_the_allowed_number_of_guesses_per_minute(
    make_stage: StageMaker, speech_server: str, model: ScriptedModel
) -> None:
    options = {"tts_websocket_url": speech_server, "llm_url": model.url, "wrong_guesses_per_minute": 1}
    async with make_stage(**options) as stage:
        await stage.join()
        await pause_and_go_on(stage, until=lambda: guesses(model) == 1)
        assert guesses(model) == 1
        await pause_and_go_on(stage)
        assert guesses(model) == 1, "the second turn was answered when it was over"
