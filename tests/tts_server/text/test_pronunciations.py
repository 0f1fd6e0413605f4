"""An operator's pronunciations replace whole words, in upper and lower case."""

from __future__ import annotations

import pytest

from config.pronunciations import Pronunciations
from tts_server.text.normalize import normalize

SAID = Pronunciations(
    {
        "SQL": "sequel",
        "SQL Server": "sequel sir verr",
        "Nguyen": "win",
        "C++": "see plus plus",
        "24/7": "around the clock",
        "東京": "とうきょう",
        "Zoë": "Zoey",
        "GIF": "jif",
    }
)


@pytest.mark.parametrize(
    ("written", "heard"),
    [
        ("SQL and sql, Sql!", "sequel and sequel, sequel!"),
        ("SQL Server is no SQL.", "sequel sir verr is no sequel."),
        ("MySQL and SQLite stay", "MySQL and SQLite stay"),
        ("**SQL**'s _Nguyen_", "sequel's win"),
        ("I write C++ here, open 24/7.", "I write see plus plus here, open around the clock."),
        ("今日は東京へ", "今日はとうきょうへ"),
        ("Zoe\u0308 and ZOË", "Zoey and Zoey"),
        ("a GIF", "a jif"),
        ("nothing here", "nothing here"),
    ],
)
def test_whole_words_are_pronounced_as_the_operator_wants(written: str, heard: str) -> None:
    assert normalize(written, "en", pronunciations=SAID) == heard
