"""With a draft, a guess at the text, Moonshine's decoder writes the same text as without one, but in fewer steps."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bot.voice.transcribe.moonshine import BEGIN, END, Logits, is_heard, write

VOCABULARY = 12
LIMIT = 20


class ScriptedDecoder:
    """A decoder that writes a given text, and goes on differently after any other beginning."""

    def __init__(self, text: Sequence[int], certainty: float = 4.0) -> None:
        self._text = [BEGIN, *text, END]
        self._certainty = certainty
        self._fed: list[int] = []
        self.steps = 0

    def feed(self, tokens: Sequence[int]) -> Logits:
        self.steps += 1
        rows = []
        for token in tokens:
            self._fed.append(token)
            rows.append(self._after(self._fed))
        return np.array(rows, np.float32)

    def keep(self, count: int) -> None:
        del self._fed[count:]

    def _after(self, fed: Sequence[int]) -> Logits:
        known = fed == self._text[: len(fed)] and len(fed) < len(self._text)
        logits = np.zeros(VOCABULARY, np.float32)
        logits[self._text[len(fed)] if known else 3 + sum(fed) % (VOCABULARY - 3)] = self._certainty
        return logits


class NamedDecoder(ScriptedDecoder):
    """A decoder that writes the name ``called`` as "4 4". ``text`` follows "4 4", and the name if that is given."""

    def __init__(self, called: list[int], text: list[int]) -> None:
        super().__init__([4, 4, *text])
        self._called = [BEGIN, *called]

    def _after(self, fed: Sequence[int]) -> Logits:
        known = list(fed[: len(self._called)]) == self._called
        return super()._after([BEGIN, 4, 4, *fed[len(self._called) :]] if known else fed)


texts = st.lists(st.integers(3, VOCABULARY - 1), max_size=LIMIT + 5)


@given(text=texts, draft=texts)
def test_a_draft_does_not_change_the_text(text: list[int], draft: list[int]) -> None:
    plain = write(ScriptedDecoder(text), (), LIMIT)
    assert write(ScriptedDecoder(text), draft, LIMIT) == plain
    assert plain[0] == text[:LIMIT]
    assert len(plain[1]) == len(plain[0]) + 1


def test_a_right_beginning_is_checked_in_one_step() -> None:
    text = [5, 6, 7, 8, 9, 10]
    decoder = ScriptedDecoder(text)
    assert write(decoder, text[:4], LIMIT)[0] == text
    assert decoder.steps == 3


def test_a_given_beginning_is_written_even_if_it_is_improbable_and_another_text_drafts_the_rest() -> None:
    decoder = NamedDecoder(called=[5, 6], text=[7, 8, 9, 10, 3])
    plain, _ = write(decoder, (), LIMIT)
    assert plain == [4, 4, 7, 8, 9, 10, 3]
    decoder.keep(0)
    decoder.steps = 0
    tokens, log_probabilities = write(decoder, plain, LIMIT, given=[5, 6], source=plain)
    assert tokens == [5, 6, 7, 8, 9, 10, 3]
    assert len(log_probabilities) == len(tokens) + 1
    assert log_probabilities[0] < -3 < log_probabilities[2]
    assert decoder.steps == 2


def test_a_name_is_heard_if_the_sound_speaks_for_all_of_it() -> None:
    decoder = ScriptedDecoder([5, 6, 7])
    assert is_heard(decoder, [5, 6], 2)
    assert is_heard(decoder, [5, 6, 7], 1)
    certain = ScriptedDecoder([5, 6, 7], certainty=40.0)
    assert not is_heard(certain, [8, 9], 2)
    assert not is_heard(certain, [5, 9], 2)
    assert is_heard(certain, [5, 6], 2)


def test_a_text_without_end_is_cut_off() -> None:
    assert write(ScriptedDecoder([4] * 50), [4] * 50, LIMIT)[0] == [4] * LIMIT
