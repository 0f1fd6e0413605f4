"""Tests of the list of voices for an engine with many voices."""

from __future__ import annotations

import re

from bot.commands.voice_words import MAX_LISTED, list_text
from bot.speech_server.voices import ServerVoice, VoiceCatalogue

FRENCH = [("fr-be", "French (Belgium)"), ("fr-ch", "French (Switzerland)"), ("fr-fr", "French (France)")]
MANY = [(f"x-{number}", f"Klingon {number}") for number in range(100)]
CATALOGUE = VoiceCatalogue(
    voices=tuple(
        ServerVoice(
            id=key,
            name=name,
            language=key.split("-")[0],
            made_here=False,
            engine="Toy",
            similarity=None,
            seconds=None,
            recordings=0,
        )
        for key, name in [*MANY, *FRENCH, ("Robin", "robin")]
    ),
    can_clone=True,
    engine="Toy",
)


def test_the_list_has_each_voice_with_its_id_and_says_how_to_see_the_rest() -> None:
    text = list_text(CATALOGUE, None, "?")
    assert "Toy has 104 of its own: `x-0` Klingon 0, `x-1` Klingon 1," in text
    assert len(re.findall(r"`x-\d+`", text)) == MAX_LISTED
    assert text.endswith("and 64 more. `?voice list french` shows those for French.")


def test_the_list_can_be_narrowed_by_words_in_names_and_languages() -> None:
    for words in ("French", "fr"):
        assert list_text(CATALOGUE, None, "!", words).endswith(
            "Toy has 3 that match: `fr-be` French (Belgium), `fr-ch` French (Switzerland), `fr-fr` French (France)."
        )
    assert list_text(CATALOGUE, None, "!", "belgium french").endswith("Toy has 1 that match: `fr-be` French (Belgium).")


def test_an_id_that_is_the_name_is_written_once() -> None:
    assert list_text(CATALOGUE, None, "!", "robin").endswith("Toy has 1 that match: `Robin`.")


def test_words_that_no_voice_has_are_reported_without_advice_to_make_a_voice() -> None:
    text = list_text(CATALOGUE, None, "!", "elvish` *x*")
    assert text.endswith("No voice has `elvish' *x*` in its name or language.")
    assert "voice clone" not in text


def test_a_mistyped_language_gets_a_suggestion() -> None:
    text = list_text(CATALOGUE, None, "?", "frnch")
    assert text.endswith("No voice has `frnch` in its name or language. Did you mean `?voice list French`?")
