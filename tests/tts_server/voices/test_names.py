"""Valid names of voices; no name leads out of the folder."""

from __future__ import annotations

from pathlib import Path, PurePosixPath, PureWindowsPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_server.voices.names import (
    MAX_NAME_LENGTH,
    BadLanguageError,
    BadNameError,
    clean_language,
    clean_name,
    is_voice_id,
    same_name,
    voice_id,
)

HOSTILE_NAMES = [
    "",
    " ",
    "..",
    "../evil",
    "../../etc/passwd",
    "/etc/passwd",
    "..\\..\\evil",
    "C:\\Windows\\evil",
    "\\\\server\\share",
    "a/b",
    "evil\0.flac",
    "a\x1b[2Jb",
    "a\x7fb",
    "a‮gnp.b",
    "‥/evil",
    "．．／evil",
    "a\u2215b",
    "~",
    "$HOME",
    "`id`",
    "<script>alert(1)</script>",
    "a;rm -rf",
    "a|b",
    "a:b",
    "a*b",
    "name\ud800",
    "x" * (MAX_NAME_LENGTH + 1),
    "x" * 1000,
    "\u0301" * 20,
    "ﷺ" * 30 + "\u0338" * 30,
]


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_invalid_names_are_refused(name: str) -> None:
    with pytest.raises(BadNameError) as refused:
        clean_name(name)
    assert "voice's name" in str(refused.value)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Miku", "miku"),
        ("  Hatsune   Miku ", "hatsune-miku"),
        ("Zoë", "zoe"),
        ("Ada & Bob (2)", "ada-bob-2"),
        ("..Ada..", "ada"),
        ("O'Brien", "o-brien"),
    ],
)
def test_ids_are_made_of_names(name: str, expected: str) -> None:
    assert voice_id(clean_name(name), ()) == expected


@pytest.mark.parametrize("name", ["みく", "Алиса", "初音 2", "con", "NUL", "com1", "Lpt9", "7"])
def test_names_without_usable_characters_get_an_id_which_is_always_the_same(name: str) -> None:
    found = voice_id(clean_name(name), ())
    assert found.startswith("voice-")
    assert is_voice_id(found)
    assert voice_id(clean_name(name), ()) == found


def test_ids_that_are_taken_are_numbered() -> None:
    assert voice_id("Ada", {"ada"}) == "ada-2"
    assert voice_id("Ada", {"ada", "ada-2"}) == "ada-3"


@given(st.text(max_size=60))
def test_no_name_leads_out_of_the_folder(given_name: str) -> None:
    try:
        name = clean_name(given_name)
    except BadNameError:
        return
    found = voice_id(name, {"ada"})
    assert is_voice_id(found)
    assert PurePosixPath(found).parts == PureWindowsPath(found).parts == (found,)
    assert (Path("/voices") / found).resolve() == Path("/voices") / found
    assert clean_name(name) == name


@pytest.mark.parametrize("text", ["", "..", "a/b", "A", "a_b", "-a", "a-", "a\n", "con", "x" * 100, "é", "a.b"])
def test_invalid_ids_are_recognised(text: str) -> None:
    assert not is_voice_id(text)


def test_names_that_look_alike_are_the_same() -> None:
    assert same_name("Miku", "mIKU")
    assert same_name("Ｍｉｋｕ", "miku")
    assert not same_name("Miku", "Mika")


def test_language_codes_are_checked() -> None:
    assert clean_language(" pt-BR ") == "pt-br"
    for wrong in ("", "english", "../x", "e", "en_US", "en-" + "a" * 50):
        with pytest.raises(BadLanguageError):
            clean_language(wrong)
