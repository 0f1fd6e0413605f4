"""A call whose speech server dies in the middle of an answer goes on with the other one of the list."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from bot.voice.dialogue.reply import VOICE_FAILED
from bot.voice.events import WordsSpoken
from bot.voice.turn import Outcome
from tests.e2e.conftest import StageMaker, serving_tones
from tests.e2e.scripted_model import Answer, ScriptedModel

LONG = " ".join(f"This is sentence {number} of a long answer." for number in range(1, 9))


async def test_the_rest_is_written_and_the_next_answer_is_spoken(
    make_stage: StageMaker, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    script = {"long": Answer(LONG)}
    async with AsyncExitStack() as stack, AsyncExitStack() as mortal:
        folders = [tmp_path / name for name in ("first", "second")]
        for folder in folders:
            folder.mkdir()
        # The first one speaks slowly enough to die before it has spoken everything.
        first = await mortal.enter_async_context(serving_tones(folders[0], TTS_STAND_IN_RTF="0.6"))
        second = await stack.enter_async_context(serving_tones(folders[1]))
        model = await stack.enter_async_context(
            ScriptedModel(lambda line: next((script[word] for word in script if word in line), Answer("All is well.")))
        )
        stage = await stack.enter_async_context(make_stage(tts_websocket_url=f"{first},{second}", llm_url=model.url))
        await stage.join()
        await stage.ask("a long one, please")
        await stage.until(lambda: any(isinstance(event, WordsSpoken) for event in stage.events), "the first words")
        await mortal.aclose()
        written = await stage.told(VOICE_FAILED)
        (trace,) = await stage.turns(1)
        assert trace.outcome is Outcome.WRITTEN
        assert written.endswith("sentence 8 of a long answer.")
        await stage.until(lambda: "is used now, instead of" in caplog.text, "the other server")
        await stage.ask("and now?")
        traces = await stage.turns(2)
        assert traces[1].outcome is Outcome.SPOKEN
        assert second.split("/")[2] in await stage.answer_to("!voice-status")
