"""Text normalization: written text is put into the words that are spoken."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_server.text.lexicon import lexicon_for
from tts_server.text.markup import strip_markup
from tts_server.text.normalize import normalize
from tts_server.text.segmenter import Segmenter


@pytest.mark.parametrize(
    ("written", "heard"),
    [
        # Markdown
        ("Hello **there,** my *good* ~~old~~ __friend__", "Hello there, my good old friend"),
        ("# A title", "A title"),
        ("> a quote", "a quote"),
        ("- an item", "an item"),
        ("| a | b |", "a, b,"),
        ("|---|:--|", ""),
        ("---", ""),
        ("[the docs](https://example.com/x_y) say", "the docs say"),
        ("![a cat](https://example.com/cat.png)", "an image: a cat"),
        ("Run `make_it(x)` now", "Run make it x now"),
        ("```py\nprint('hi')\n```", "code block omitted."),
        ("```\nnever closed", "code block omitted."),
        ("snake_case_name", "snake case name"),
        ("Tom &amp; Jerry<br>", "Tom and Jerry"),
        # Markup whose other half is in another segment
        ("**Hello there,", "Hello there,"),
        (" my** friend.", "my friend."),
        ("||a secret", "a secret"),
        ("~~no", "no"),
        # Leftover punctuation of the previous segment
        ("!! Great", "Great"),
        ('" she said.', "she said."),
        # Discord
        ("<@123456789012345678> hi", "someone hi"),
        ("<@!1> <@&2> <#3> </play:4> <t:1700000000:R>", "someone a role a channel play a date"),
        ("nice <:smile:123> <a:dance:456> one", "nice one"),
        ("||a secret|| told", "a secret told"),
        # Addresses
        ("See https://www.example.com/a?b=c, ok.", "See a link to example dot com, ok."),
        ("<https://a.example>", "a link to a dot example"),
        ("www.example.com.", "a link to example dot com."),
        ("https://user:pass@host.example:8080/x", "a link to host dot example"),
        # Emoji
        ("Great 😀👍🏽 job 👨‍👩‍👧!", "Great job!"),
        ("😀", ""),
        ("🇩🇪1️⃣", ""),
        (":wave: hi :smile:", "hi"),
        # Actions
        ("*waves happily* Hi!", "Hi!"),
        ("Hi! *waves*", "Hi!"),
        ("*Really* nice", "Really nice"),
        ("I *really* mean it", "I really mean it"),
        ("*Miku seems confused...*", "Miku seems confused..."),
        # Numbers
        ("1,000 or 3.14", "one thousand or three point one four"),
        ("$5.99, $5 or $3 million", "five dollars, ninety-nine cents, five dollars or three million dollars"),
        ("50% off", "fifty percent off"),
        ("at 12:30, 5:05 or 9:00", "at twelve thirty, five oh five or nine o'clock"),
        ("the 3rd of May 1995", "the third of May, nineteen ninety-five"),
        ("-5 degrees", "minus five degrees"),
        ("version 1.2.3", "version one dot two dot three"),
        ("call 0123", "call zero one two three"),
        ("2 * 3", "two times three"),
        ("an mp3 on v2", "an mp3 on v2"),
        # Abbreviations
        ("e.g. this, i.e. that, etc.", "for example this, that is that, et cetera."),
        ("Dr. Smith vs. Mr. Jones", "Doctor Smith versus Mister Jones"),
        ("this & that", "this and that"),
        # Nothing to speak, and odd characters
        ("", ""),
        ("...", ""),
        ("\x00\x07\x1b", ""),
        ("a\x01b", "a b"),
        ("\ud83d hello", "hello"),
        ("What?!?!", "What?"),
        ("one\ntwo", "one. two"),
    ],
)
def test_english_text_is_put_into_spoken_words(written: str, heard: str) -> None:
    assert normalize(written, "en-us") == heard


@pytest.mark.parametrize(
    ("language", "written", "heard"),
    [
        ("de", "1.200 z. B. für 3,5%", "eintausendzweihundert zum Beispiel für drei Komma fünf Prozent"),
        ("de", "7,50 €", "sieben Euro und fünfzig Cent"),
        ("de", "Siehe https://a.de", "Siehe ein Link zu a Punkt de"),
        ("fr", "C'est 3,14.", "C'est trois virgule quatorze."),
        ("es", "Hay 21 y ```x```", "Hay veintiuno y bloque de código omitido."),
        ("it", "Il 50%", "Il cinquanta per cento"),
        ("pt-br", "São 2 & 3", "São dois e três"),
        ("ru", "Это 5", "Это пять"),
        ("ja", "**こんにちは** 😀 ```x```", "こんにちは コードは省略します."),
        ("cmn", "**你好**，看 https://a.cn", "你好，看 指向 a 点 cn 的链接"),
        ("ko", "**안녕** 3개", "안녕 3개"),
        ("ar", "**مرحبا** 12", "مرحبا 12"),
        ("hi", "**नमस्ते** 5", "नमस्ते पाँच"),
        ("th", "**สวัสดี** 5", "สวัสดี ห้า"),
        ("fa", "می\u200cخواهم", "می\u200cخواهم"),
    ],
)
def test_text_in_other_languages_is_put_into_spoken_words(language: str, written: str, heard: str) -> None:
    assert normalize(written, language) == heard


def test_emphasis_in_the_middle_of_a_sentence_is_not_taken_for_an_action() -> None:
    assert normalize(" *really* I do", "en", before="I think so,") == "really I do"
    assert normalize(" *nods* I do", "en", before="I think so.") == "I do"


_WRITTEN = st.text(alphabet=st.sampled_from("ab1.,*_~|`[]()<>@#:/\\!?-$%&\n 你😀\u200d\ufe0f\u0301"), max_size=80)


@given(st.one_of(_WRITTEN, st.text(max_size=60)), st.sampled_from(["en", "de", "cmn", "pl", "tr", "xx"]))
def test_any_text_can_be_prepared(text: str, language: str) -> None:
    heard = normalize(text, language)
    assert "*" not in heard
    assert "`" not in heard
    assert heard == heard.strip()
    assert not heard or any(char.isalnum() for char in heard)


@given(
    st.lists(st.sampled_from(["Hello, ", "there you ", "**", "*", "~~", "||", "it is. ", "5", "`", "😀 "]), max_size=30)
)
def test_marks_of_emphasis_are_never_spoken(pieces: list[str]) -> None:
    segmenter = Segmenter()
    segments = [*segmenter.feed("".join(pieces)), *segmenter.flush()]
    for segment in segments:
        assert not set(normalize(segment, "en")) & set("*~|`😀")


def test_a_mark_that_is_dropped_changes_nothing_before_it() -> None:
    # Without any mark the text is not parsed, which must make no difference.
    text = "".join(char for char in map(chr, range(0x2000)) if char not in "*_~`[\\&\n\r\0")
    phrases = lexicon_for("en").phrases
    assert strip_markup(f"{text}.*", phrases, begins_sentence=True) == strip_markup(f"{text}.", phrases, True)
