"""A call whose speech server fails in the middle of an answer: the other server in the list speaks the rest of it."""

from __future__ import annotations

import signal
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from bot.speech_server import stream
from bot.voice.dialogue.reply import VOICE_FAILED
from bot.voice.events import WordsSpoken
from bot.voice.turn import Outcome
from tests.e2e.conftest import Stage, StageMaker, tone_server
from tests.e2e.scripted_model import Answer, ScriptedModel

SENTENCES = (
    "This is the first sentence of a long answer.",
    "Then comes a second one, which is not short.",
    "A third one follows at once.",
    "After these words all has been said.",
)
LONG = " ".join(SENTENCES)
ONE_WORD = 800.0
"""Maximum difference in length, in milliseconds, between an answer that two servers spoke and the same answer of one
server: the longest word, and the difference that it makes to speak one segment in two parts.
"""


def spoken(stage: Stage) -> list[str]:
    """The words of each answer that were heard so far."""
    said: dict[str, str] = {}
    for event in stage.events:
        if isinstance(event, WordsSpoken):
            said[event.reply] = said.get(event.reply, "") + event.text
    return [" ".join(words.split()) for words in said.values()]


@pytest.mark.parametrize(
    "number",
    [
        pytest.param(signal.SIGKILL, id="killed"),
        pytest.param(signal.SIGSTOP, id="hung", marks=pytest.mark.slow),
    ],
)
async def test_the_other_server_speaks_the_rest_of_the_answer(
    make_stage: StageMaker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    if number is signal.SIGSTOP:
        monkeypatch.setattr(stream, "SLOW_AFTER", 1.0)
    async with AsyncExitStack() as stack:
        folders = [tmp_path / name for name in ("first", "second")]
        for folder in folders:
            folder.mkdir()
        # The first one speaks slowly enough to die before it has spoken everything.
        first, process = await stack.enter_async_context(tone_server(folders[0], TTS_STAND_IN_RTF="0.7"))
        second, _ = await stack.enter_async_context(tone_server(folders[1]))
        model = await stack.enter_async_context(ScriptedModel(lambda _: Answer(LONG)))
        stage = await stack.enter_async_context(make_stage(tts_websocket_url=f"{first},{second}", llm_url=model.url))
        await stage.join()
        await stage.ask("a long one, please")
        await stage.until(lambda: any(isinstance(event, WordsSpoken) for event in stage.events), "the first words")
        process.send_signal(number)
        (trace,) = await stage.turns(1)
        assert trace.outcome is Outcome.SPOKEN
        # Each word was heard once: the events say so, and the sound is as long as that of one server alone.
        assert spoken(stage) == [LONG]
        await stage.ask("the same long one again, please")
        again = (await stage.turns(2))[1]
        assert again.outcome is Outcome.SPOKEN
        assert spoken(stage) == [LONG, LONG]
        assert trace.audio == pytest.approx(again.audio, abs=ONE_WORD)
        # The history has the whole answer, and people were told once that another server speaks.
        history = [message["content"] for message in model.asked[-1] if message["role"] == "assistant"]
        assert history == [LONG]
        old, new = (address.split("/")[2] for address in (first, second))
        written = [message.content for message in stage.ada.messages(stage.sandbox.home.general)]
        assert [text for text in written if text.startswith("🔁")] == [
            f"🔁 The speech server at {old} doesn't answer, or is too slow: {new} speaks instead."
        ]
        assert not any(text.startswith(VOICE_FAILED) for text in written)
        assert f"at {new}, standing in for {old}" in await stage.answer_to("!voice-status")
