"""Names are found in transcripts in similar spellings; words that only sound a little like them are not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.voice.utterances.names import Names

SEIYUU = Names(("Seiyuu", "Sayu"))


@pytest.mark.parametrize("text", ["Seiyuu, hello!", "hey seiyu", "Saiyu?", "what do you think, Sayu", "SEIYUU"])
def test_the_bot_is_called_in_any_similar_spelling(text: str) -> None:
    assert SEIYUU.called_in(text)


@pytest.mark.parametrize("text", ["see you later", "they say you won", "the season is over", "I say so", "", "say"])
def test_words_that_sound_a_little_like_the_name_do_not_call_the_bot(text: str) -> None:
    assert not SEIYUU.called_in(text)


def test_short_names_count_only_in_their_own_spelling() -> None:
    assert Names(("Mia",)).called_in("Mia, hello")
    assert not Names(("Mia",)).called_in("mine")


@given(st.text())
def test_any_text_is_accepted(text: str) -> None:
    SEIYUU.called_in(text)
    assert Names((text,)).called_in("") is False
    assert isinstance(SEIYUU.without(text), str)
