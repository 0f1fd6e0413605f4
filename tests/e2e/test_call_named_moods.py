"""Moods that the model names in a call: heard in the voice from the second answer on, and never said or shown."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bot.voice.events import ReplyEnded, WordsSpoken
from tests.e2e.conftest import StageMaker
from tests.e2e.recorded_voice import RecordedVoice
from tests.e2e.scripted_model import Answer, ScriptedModel
from tests.features.talk import let_manage


def script(line: str) -> Answer:
    return Answer("[mood: sad] That is a pity." if "sad" in line else "That is quite so.")


@pytest.fixture
async def model() -> AsyncIterator[ScriptedModel]:
    async with ScriptedModel(script) as model:
        yield model


async def test_two_answers_that_name_a_mood_change_the_voice_and_nobody_hears_or_reads_the_mark(
    make_stage: StageMaker, voice: RecordedVoice, model: ScriptedModel
) -> None:
    async with make_stage(tts_websocket_url=voice.url, llm_url=model.url, mood_follows="model") as stage:
        let_manage(stage.sandbox, stage.ada.id)
        assert "My answers may move it, too." in await stage.answer_to("!mood", starts="💭")
        await stage.join()
        await stage.answer_to("!captions channel", starts="")
        await stage.answered("Tell me something sad.")
        assert (voice.last.preset, voice.last.pitch_shift) == ("energetic", 0.0), "one answer changes no mood"
        await stage.answered("Something sad again.")
        assert (voice.last.preset, voice.last.speed, voice.last.pitch_shift) == ("calm", 0.85, -1.0)
        assert [trace.mood for trace in stage.traces] == [None, "sad"]
        assert "it moved my mood to sad" in await stage.answer_to("!voice-status", starts="🎤")
        assert "Seiyuu is sad" in await stage.answer_to("!mood", starts="💭")
        await stage.answered("And now?")
        assert (voice.last.preset, voice.last.pitch_shift) == ("calm", -1.0)
        system, *said = model.asked[-1]
        assert "Seiyuu's mood now: downcast" in system["content"]
        assert "That is a pity." in said[1]["content"]
        assert not any("mood:" in message["content"] for message in said), "the history has no marks"
        heard = [event.text for event in stage.events if isinstance(event, WordsSpoken)]
        heard += [event.heard for event in stage.events if isinstance(event, ReplyEnded)]
        assert heard
        assert not any("mood" in text or "[" in text for text in heard)

        def captions() -> list[str]:
            written = stage.ada.messages(stage.sandbox.home.general)
            return [message.content for message in written if message.content.startswith("**Seiyuu:** That is a pity.")]

        # On a slow machine, the caption is there before Ada's last question, on a fast one after it.
        await stage.until(captions, "the caption without the mark")


async def test_without_the_setting_a_mark_changes_nothing_and_is_not_heard_either(
    make_stage: StageMaker, voice: RecordedVoice, model: ScriptedModel
) -> None:
    async with make_stage(tts_websocket_url=voice.url, llm_url=model.url) as stage:
        await stage.join()
        for _ in range(3):
            await stage.answered("Tell me something sad.")
        assert (voice.last.preset, voice.last.pitch_shift) == ("energetic", 0.0)
        assert "[mood:" not in str(model.asked)
        assert not any("mood" in event.text for event in stage.events if isinstance(event, WordsSpoken))
