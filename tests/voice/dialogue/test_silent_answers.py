"""An answer that says that there is nothing to say: nobody hears or reads it."""

from __future__ import annotations

import pytest

from bot.llm.silence import SILENT
from bot.voice.dialogue import effects as do
from bot.voice.dialogue import events as on
from bot.voice.dialogue.state_machine import Dialogue
from bot.voice.dialogue.texts import DialogueTexts
from bot.voice.turn import Outcome
from tests.voice.dialogue.machine_events import ADA, TURN, spoken, written_texts
from tests.voice.effects import effects_of, only
from wire.messages import Flushed, Speak


def said(effects: list[do.Effect]) -> str:
    return "".join(send.message.token for send in only(do.Send, effects) if isinstance(send.message, Speak))


def answered(*pieces: str) -> list[do.Effect]:
    return effects_of(
        Dialogue(DialogueTexts),
        on.Prompted(ADA),
        *(on.TokenCame("r1", piece) for piece in pieces),
        on.ModelDone("r1"),
    )


CUTS = [(SILENT[:at], SILENT[at:]) for at in range(1, len(SILENT))]


@pytest.mark.parametrize("pieces", [(SILENT,), (f"\n {SILENT} \n",), (" ", *SILENT, "\n"), *CUTS])
def test_nothing_of_a_silent_answer_is_spoken_or_written(pieces: tuple[str, ...]) -> None:
    effects = answered(*pieces)
    assert said(effects) == ""
    assert written_texts(effects) == []
    assert do.EndReply("r1", Outcome.SILENT) in effects
    assert only(do.Remember, effects) == [do.Remember(ADA, "", interrupted=False)]


@pytest.mark.parametrize("pieces", [("<", "3 you"), ("<sil", "k> scarf"), (SILENT, " treatment?"), ("", " ", "Well")])
def test_an_answer_that_only_begins_like_a_silent_one_is_spoken_whole(pieces: tuple[str, ...]) -> None:
    assert said(answered(*pieces)) == "".join(pieces)


def test_half_a_mark_of_silence_is_an_ordinary_answer() -> None:
    effects = answered("<sil")
    assert said(effects) == "<sil"
    assert do.EndReply("r1", Outcome.SILENT) not in effects


def test_a_silent_speculative_reply_leaves_no_trace_before_it_is_committed() -> None:
    dialogue = Dialogue(DialogueTexts)
    effects = effects_of(
        dialogue, on.TurnSpeculated(spoken("so I told him")), on.TokenCame("r1", SILENT), on.ModelDone("r1")
    )
    assert not only(do.EndReply, effects)
    effects = effects_of(dialogue, on.TurnCommitted(spoken("so I told him")))
    assert do.EndReply("r1", Outcome.SILENT) in effects
    assert do.EndReply("r1", Outcome.DISCARDED) not in effects_of(dialogue, on.TurnDiscarded(TURN))


def test_the_next_prompt_is_answered_after_a_silent_answer() -> None:
    dialogue = Dialogue(DialogueTexts)
    effects_of(dialogue, on.Prompted(ADA), on.Prompted(ADA))
    effects = effects_of(dialogue, on.TokenCame("r1", SILENT), on.ModelDone("r1"))
    assert do.AskModel("r2", ADA) in effects


def test_a_remark_before_a_silent_answer_was_heard_and_is_not_remembered() -> None:
    dialogue = Dialogue(DialogueTexts)
    effects_of(dialogue, on.Prompted(ADA), on.ToolsBegan("r1"), on.ToolsTakeLong("r1", "One moment.", 0, True))
    effects = effects_of(dialogue, on.TokenCame("r1", SILENT), on.ModelDone("r1"), Flushed(None, 0.0, "r1"))
    assert do.EndReply("r1", Outcome.SILENT) in effects
    assert only(do.Remember, effects) == [do.Remember(ADA, "", interrupted=False)]
