"""Scoring of the demonstration: the transcript of what guests heard, compared with the bot's text."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bot.demo.scorers import HeardAnswer, TranscriptScorer, write_report
from bot.voice.metrics import ReplyTrace
from bot.voice.turn import Outcome
from sandbox.voice.opus import SAMPLE_RATE
from tests.voice.transcribe.scripted_transcriber import ScriptedTranscriber

TRACE = ReplyTrace("r1", Outcome.SPOKEN, waited=0.0)


def answer(meant: str, trace: ReplyTrace = TRACE) -> HeardAnswer:
    return HeardAnswer("Ada", "What is it?", "What is it?", meant, np.zeros(SAMPLE_RATE, np.float32), trace)


async def test_an_answer_whose_words_were_heard_is_good() -> None:
    ears = ScriptedTranscriber(["paris is the capital of france", "it is blue"])
    score = await TranscriptScorer(ears).score([answer("Paris is the capital of France!"), answer("It is blue.")])
    assert score.good
    assert score.fields == {"word_error_rate": 0.0, "letter_error_rate": 0.0}
    assert "9 of the 9 words" in score.line
    assert ears.closed
    assert [request.seconds for request in ears.requests] == [1.6, 1.6], "silence is around each answer"


@pytest.mark.parametrize(("wrong", "good"), [(1, True), (2, False)])
async def test_one_word_in_ten_may_be_missed(wrong: int, good: bool) -> None:
    words = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
    heard = " ".join(words[wrong:])
    score = await TranscriptScorer(ScriptedTranscriber([heard])).score([answer(" ".join(words))])
    assert score.good is good
    assert f"{10 - wrong} of the 10 words" in score.line


async def test_words_that_the_recogniser_mistakes_in_good_sound_do_not_make_the_call_bad() -> None:
    heard_as = {
        "I am happy to provide assistance with many topics, including text re-writing and the planning of parties.": (
            "I am happy to provide assistance with many topics, including text rewriting and the planning of parties."
        ),
        "The capital of France is Paris.": "The capital of Francis Paris.",
        "The sky is a beautiful shade of blue, but grey in the rain.": (
            "This guy is a beautiful shade of blue, but grey in the rain."
        ),
        "Dragon.": "Gregon.",
    }
    score = await TranscriptScorer(ScriptedTranscriber([*heard_as.values()])).score([*map(answer, heard_as)])
    assert score.fields["word_error_rate"] == pytest.approx(7 / 38, abs=1e-3)
    assert score.good, score.line


@pytest.mark.parametrize(("heard", "told"), [("blue", True), ("it is blue", False)])
async def test_a_bad_score_says_that_the_sound_had_gaps_because_the_machine_was_busy(heard: str, told: bool) -> None:
    answers = [answer("It is blue.", replace(TRACE, underruns=frames)) for frames in (20, 86)]
    score = await TranscriptScorer(ScriptedTranscriber([heard, heard])).score(answers)
    assert ("The sound had gaps of 2.1 s, because this machine was too busy" in score.line) is told


async def test_a_bad_score_of_sound_without_gaps_blames_nothing() -> None:
    assert "gaps" not in (await TranscriptScorer(ScriptedTranscriber(["blue"])).score([answer("It is blue.")])).line


async def test_the_call_is_written_down_turn_by_turn(tmp_path: Path) -> None:
    answers = [answer("It is blue.")]
    score = await TranscriptScorer(ScriptedTranscriber(["it is glue"])).score(answers)
    write_report(tmp_path / "call.json", answers, score)
    report = json.loads((tmp_path / "call.json").read_text("utf-8"))
    assert report["good"] is False
    assert report["word_error_rate"] == pytest.approx(1 / 3, abs=1e-3)
    assert report["letter_error_rate"] == pytest.approx(1 / 8, abs=1e-3)
    (turn,) = report["turns"]
    assert turn["answer"] == "It is blue."
    assert turn["heard_by_guest"] == "it is glue"
    assert turn["times"]["outcome"] == "spoken"
