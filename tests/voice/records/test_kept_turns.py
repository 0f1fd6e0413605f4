"""The people who heard a sentence are stored beside it: those who were there from its beginning to its end."""

from __future__ import annotations

from collections.abc import Mapping

from bot.llm.history import Turn
from bot.voice.events import PromptTaken, SpeechStarted, UtteranceHeard
from bot.voice.records.kept_turns import KeptTurns
from bot.voice.turn import TurnId

ADA, BEN, CLEO, DAN = 11, 12, 13, 14
NAMES = {ADA: "Ada", BEN: "Ben", CLEO: "Cleo", DAN: "Dan"}


class Kept:
    """Keeps the turns, and who heard them."""

    def __init__(self) -> None:
        self.turns: list[tuple[str, set[int]]] = []

    def keeps(self, person: int) -> bool:
        return True

    def said(self, turn: Turn, present: Mapping[int, str] | None = None) -> None:
        assert present is not None
        assert all(NAMES[person] == name for person, name in present.items())
        self.turns.append((turn.text, set(present)))

    def end(self) -> None: ...


def test_only_people_who_heard_the_whole_sentence_are_its_witnesses() -> None:
    kept, there = Kept(), {ADA, BEN, CLEO}
    watch = KeptTurns(kept, lambda: "Seiyuu", lambda: {person: NAMES[person] for person in there})
    first, second = TurnId(ADA, 1), TurnId(ADA, 2)
    watch(SpeechStarted(first))
    there |= {DAN}
    there -= {CLEO}
    # Ada's next sentence begins before the words of this one are known.
    watch(SpeechStarted(second))
    watch(UtteranceHeard(ADA, "Ada", "My sister is called Mira.", False, turn=first))
    there -= {BEN}
    watch(UtteranceHeard(ADA, "Ada", "My dog is called Bolt.", False, turn=second))
    watch(PromptTaken("1", "Ada", "I like tea.", person=ADA))
    there.clear()
    watch(PromptTaken("2", "Ada", "I am gone.", person=ADA))
    assert kept.turns == [
        ("My sister is called Mira.", {ADA, BEN}),
        ("My dog is called Bolt.", {ADA, DAN}),
        ("I like tea.", {ADA, DAN}),
        ("I am gone.", {ADA}),
    ]
