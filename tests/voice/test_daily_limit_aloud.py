"""Whoever talks in a call hears once that today's limit of the model or the ears is reached, in the call's language."""

from __future__ import annotations

from pathlib import Path

from bot.llm.spoken_lines import Announcement
from bot.voice.events import NoticePosted, PromptTaken, ReplyEnded, WordsSpoken
from bot.voice.turn import Outcome, Prompt
from bot.voice.utterances.word_lists import load_word_lists
from tests.timing import wait_until
from tests.voice.doubles import REACHED, ConstantTranscriber, HummingSpeech, LimitedMind, RepeatingResponder
from tests.voice.limited_ears import LimitedEars
from tests.voice.memory_call import ADA, memory_call


async def test_the_bot_says_once_in_a_call_that_todays_limit_is_reached_and_writes_it_each_time(tmp_path: Path) -> None:
    sentence = load_word_lists().lines.announcement(Announcement.LIMIT, "de")
    async with memory_call(tmp_path, ConstantTranscriber(), LimitedMind(), HummingSpeech(), language="de") as held:

        def outcomes() -> list[Outcome]:
            return [each.trace.outcome for each in held.events if isinstance(each, ReplyEnded)]

        held.call.say(Prompt("Ada", "How are you?", 0.0, person=ADA))
        await wait_until(lambda: outcomes() == [Outcome.FAILED, Outcome.SPOKEN])
        held.call.say(Prompt("Ada", "How are you?", 0.0, person=ADA))
        await wait_until(lambda: len(outcomes()) == 3 and held.call.conversation.floor_free)
        recited = [each.text for each in held.events if isinstance(each, PromptTaken) and each.recited]
        spoken = [each.text for each in held.events if isinstance(each, WordsSpoken)]
        written = [each.text for each in held.events if isinstance(each, NoticePosted) and REACHED in each.text]
    assert recited == [sentence]
    assert " ".join(spoken) == sentence
    assert len(written) == 2, "each question that was typed has a written answer"


async def test_the_bot_says_and_writes_once_in_a_call_that_it_hears_nothing_any_more_today(tmp_path: Path) -> None:
    sentence = load_word_lists().lines.announcement(Announcement.ONLY_TYPE, "de")
    async with memory_call(tmp_path, LimitedEars(), RepeatingResponder(), HummingSpeech(), language="de") as held:
        await wait_until(lambda: any(isinstance(each, ReplyEnded) for each in held.events))
        recited = [each.text for each in held.events if isinstance(each, PromptTaken) and each.recited]
        spoken = [each.text for each in held.events if isinstance(each, WordsSpoken)]
        written = [each.text for each in held.events if isinstance(each, NoticePosted) and REACHED in each.text]
    assert recited == [sentence]
    assert " ".join(spoken) == sentence
    assert len(written) == 1
