"""Tests of the advice after a rehearsal. The tests give it figures; no rehearsal runs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bot.rehearse.advice import EarsTrial, Engines, advice_on
from bot.rehearse.figures import Figures, figures_of
from bot.voice.metrics import ReplyTrace
from bot.voice.turn import Outcome
from sandbox.word_errors import WordErrors

HOME = Engines(None, None, "whisper-base", "piper")
GOOD = ReplyTrace(
    "r1",
    Outcome.SPOKEN,
    waited=201.0,
    microphone="voice activity",
    speech_paused=60.0,
    transcribed=200.0,
    turn_ended=280.0,
    first_token=300.0,
    first_clause=380.0,
    first_audio=420.0,
    first_packet=430.0,
)
BASE = EarsTrial("whisper-base", 0.515, WordErrors(0, 30))
TINY = EarsTrial("whisper-tiny", 0.305, WordErrors(2, 30))
SLOWER = EarsTrial("whisper-other", 0.6, WordErrors(0, 30))


def later(trace: ReplyTrace, stage: str, ms: float) -> ReplyTrace:
    """A trace in which one stage, and all later work, is delayed by ``ms``."""
    work = ("transcribed", "waited", "first_token", "first_clause", "first_audio", "first_packet")
    return replace(trace, **{name: getattr(trace, name) + ms for name in work[work.index(stage) :]})


def advice(trace: ReplyTrace, engines: Engines = HOME, *trials: EarsTrial) -> tuple[str, ...]:
    figures = figures_of([trace, trace, trace])
    assert figures is not None
    return advice_on(figures, [trace, trace, trace], engines, trials)


def test_there_is_no_advice_if_every_stage_is_quick() -> None:
    assert advice(GOOD) == ()


def test_there_is_no_advice_about_a_slow_stage_that_delays_no_answer() -> None:
    slow = replace(GOOD, speech_paused=0.0, transcribed=220.0, waited=221.0, turn_ended=285.0)
    figures = figures_of([slow])
    assert figures is not None
    assert (figures.stages["transcribed"].took, figures.stages["transcribed"].waited) == (220.0, 0.0)
    assert advice_on(figures, [slow], HOME, ()) == ()


def test_the_quick_model_for_english_is_advised_if_it_is_not_here() -> None:
    told = advice(later(GOOD, "transcribed", 400), replace(HOME, lacks_quick_english=True), BASE, TINY)
    assert "models download moonshine-base" in told[0]
    assert "STT_MODEL=whisper-tiny" in told[1]
    assert advice(GOOD, replace(HOME, lacks_quick_english=True)) == ()


def test_a_quicker_model_on_this_machine_is_advised_with_its_saving_and_its_errors() -> None:
    (told,) = advice(later(GOOD, "transcribed", 400), HOME, BASE, TINY)
    assert told.startswith("The words take 540 ms: take whisper-tiny (STT_MODEL=whisper-tiny): about -210 ms")
    assert "it got 2 wrong, and your ears 0" in told


def test_quicker_ears_save_no_more_than_the_time_from_the_pause_to_the_words() -> None:
    late_words = later(GOOD, "transcribed", 200)
    quick = replace(TINY, seconds=0.1)
    (told,) = [one for one in advice(late_words, HOME, BASE, quick) if "whisper-tiny" in one]
    assert "about -340 ms" in told, "the words come 340 ms after the pause, so no model can save 415 ms"


def test_a_model_that_is_not_quicker_is_not_advised() -> None:
    (told,) = advice(later(GOOD, "transcribed", 400), HOME, BASE, SLOWER)
    assert told == "The words take 540 ms, and whisper-other, which is here too, would not be quicker."


def test_without_another_model_here_the_advice_says_how_to_get_one() -> None:
    (told,) = advice(later(GOOD, "transcribed", 400))
    assert "models download whisper-tiny`" in told
    (told,) = advice(later(GOOD, "transcribed", 400), replace(HOME, ears="whisper-tiny"))
    assert "whisper-tiny is the smallest Whisper: a graphics card" in told
    (told,) = advice(later(GOOD, "transcribed", 400), replace(HOME, ears_host="stt.example.com"))
    assert "nearer than stt.example.com" in told


def test_the_advice_about_a_slow_first_token_says_what_helps() -> None:
    (told,) = advice(later(GOOD, "first_token", 881))
    assert told.startswith("Your model's first token costs 980 ms: use a smaller LLM_MODEL, or set LLM_URL")
    (told,) = advice(later(GOOD, "first_token", 881), replace(HOME, llm_server="192.168.1.20"))
    assert "keep it loaded in the server" in told
    assert "nearer than 192.168.1.20" in told


@pytest.mark.parametrize(
    ("voice", "told"),
    [
        ("xtts", "with xtts: TTS_ENGINE=piper"),
        ("piper", "with the quickest engine that there is"),
        (None, "TTS_WEBSOCKET_URL"),
    ],
)
def test_the_advice_about_a_slow_voice_names_a_quicker_engine_if_there_is_one(voice: str | None, told: str) -> None:
    (sentence,) = advice(later(GOOD, "first_audio", 360), replace(HOME, voice=voice))
    assert sentence.startswith("Your voice's first sound costs 400 ms")
    assert told in sentence


def test_slow_writing_and_late_packets_are_reported() -> None:
    (told,) = advice(later(GOOD, "first_clause", 300))
    assert "From the first token to the first clause, your model takes 380 ms" in told
    (told,) = advice(later(GOOD, "first_packet", 50))
    assert "leaves 60 ms after its sound is there" in told


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"speech_paused": 300.0, "transcribed": 400.0}, "first sign of a pause comes only after 300 ms"),
        (
            {"transcribed": 690.0},
            "the end waits for the words, which come 690 ms after the last sound: quicker ears help",
        ),
        ({"transcribed": 200.0}, "did not sound finished, or the bot still learns"),
    ],
)
def test_a_long_wait_for_the_end_of_a_turn_is_reported_with_its_reason(changes: dict[str, Any], why: str) -> None:
    waiting = replace(later(GOOD, "waited", 500), turn_ended=700.0, **changes)
    told = [
        one
        for one in advice(waiting, HOME, BASE, TINY)
        if one.startswith("The wait for the end of a turn is 700 ms, because ")
    ]
    assert len(told) == 1
    assert why in told[0]


def test_quicker_ears_are_advised_if_the_ends_of_turns_wait_for_the_words() -> None:
    waiting = replace(later(GOOD, "transcribed", 400), turn_ended=620.0)
    end, ears = advice(waiting, HOME, BASE, TINY)
    assert "the end waits for the words" in end
    assert "about -210 ms" in ears


def test_toys_get_no_advice() -> None:
    toys = replace(HOME, toys=frozenset({"ears", "mind"}))
    assert advice(later(later(GOOD, "transcribed", 400), "first_token", 500), toys) == ()


def test_answers_that_nobody_heard_have_no_figures() -> None:
    assert figures_of([]) is None
    assert figures_of([replace(GOOD, first_packet=None)]) is None
    figures = figures_of([GOOD, replace(GOOD, first_packet=None)])
    assert isinstance(figures, Figures)
    assert figures.total == 430.0
