"""The segmenter: where it cuts replies, where it does not, and how its time grows."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_server.text.segmenter import LIMIT, Segmenter


def cut(text: str, language: str | None = None) -> list[str]:
    segmenter = Segmenter(language)
    return [*segmenter.feed(text), *segmenter.flush()]


def stripped(text: str, language: str | None = None) -> list[str]:
    return [segment.strip() for segment in cut(text, language)]


@pytest.mark.parametrize(
    ("text", "segments"),
    [
        # English
        ("Hello there, how are you? Fine.", ["Hello there,", "how are you?", "Fine."]),
        ("Well, I think so, and you?", ["Well, I think so,", "and you?"]),
        ("Sure! Let me see.", ["Sure!", "Let me see."]),
        ("No. I can't.", ["No.", "I can't."]),
        ("What?! Really... yes. So", ["What?", "! Really... yes.", "So"]),
        ('He said "stop." Then he left.', ['He said "stop."', "Then he left."]),
        ("I mean—well, no", ["I mean—", "well, no"]),
        ("Note this: it works; mostly.", ["Note this:", "it works; mostly."]),
        # Other scripts
        ("你好，我是你的朋友。今天很好！", ["你好，", "我是你的朋友。", "今天很好！"]),
        ("嗯，好的。走吧。", ["嗯，好的。", "走吧。"]),
        ("こんにちは、元気ですか？はい。", ["こんにちは、", "元気ですか？", "はい。"]),
        ("「行こう。」彼は言った。", ["「行こう。", "」彼は言った。"]),
        ("안녕하세요 여러분, 반갑습니다. 네.", ["안녕하세요 여러분,", "반갑습니다.", "네."]),
        ("مرحبا بك يا صديقي، كيف حالك؟ أنا بخير.", ["مرحبا بك يا صديقي،", "كيف حالك؟", "أنا بخير."]),
        ("नमस्ते दोस्त। आप कैसे हैं?", ["नमस्ते दोस्त।", "आप कैसे हैं?"]),
        ("Привет, друг, как дела? Да.", ["Привет, друг,", "как дела?", "Да."]),
        ("สวัสดีครับทุกคน วันนี้อากาศดี", ["สวัสดีครับทุกคน", "วันนี้อากาศดี"]),
        ("Բարեւ ձեզ։ Ինչպես եք", ["Բարեւ ձեզ։", "Ինչպես եք"]),
        # Texts with parts that must not be cut
        ("It is 3.14, or 1,000.50 dollars. Yes", ["It is 3.14,", "or 1,000.50 dollars.", "Yes"]),
        ("It is 12345.Let me go on", ["It is 12345.", "Let me go on"]),
        ("At 12:30 we go, right? Ok", ["At 12:30 we go,", "right?", "Ok"]),
        ("Ask Dr. Smith, e.g. now. Ok", ["Ask Dr. Smith,", "e.g. now.", "Ok"]),
        ("The U.S. Army and J. R. Smith. Ok", ["The U.S. Army and J. R. Smith.", "Ok"]),
        ("Go to https://a.example/b,c?d=e.f! Ok", ["Go to https://a.example/b,c?d=e.f!", "Ok"]),
        ("Go to www.example.com. Now", ["Go to www.example.com.", "Now"]),
        ("See [a link, or. two](http://x.y/z, q). Ok", ["See [a link, or. two](http://x.y/z, q).", "Ok"]),
        ("Run `a, b. c` now. Ok", ["Run `a, b. c` now.", "Ok"]),
        ("Look here:\n```py\nx = 1. \n\ny, z\n```\nDone.", ["Look here:", "```py\nx = 1. \n\ny, z\n```", "Done."]),
        ("Hm, wait... what. Ok", ["Hm, wait...", "what.", "Ok"]),
        ("*waves, and. smiles* Hi! Ok", ["*waves, and. smiles* Hi!", "Ok"]),
        ("I like it 👨‍👩‍👧, you know. Ok", ["I like it 👨‍👩‍👧,", "you know.", "Ok"]),
        ("Say :smile: now, please. Ok", ["Say :smile: now,", "please.", "Ok"]),
        ("1. One thing\n2. Two. Ok", ["1. One thing", "2. Two.", "Ok"]),
    ],
)
def test_a_reply_is_cut_into_these_segments(text: str, segments: list[str]) -> None:
    assert stripped(text) == segments
    assert "".join(cut(text)) == text


def test_a_language_may_write_ordinals_with_a_dot() -> None:
    text = "Am 3. Mai. Ja"
    assert stripped(text, "de") == ["Am 3. Mai.", "Ja"]
    assert stripped(text, "en") == ["Am 3.", "Mai.", "Ja"]


@pytest.mark.parametrize(
    ("written", "first"),
    [
        ("Hello there,", "Hello there,"),
        ("Sure!", "Sure!"),
        ("Oh really?", "Oh really?"),
        ("你好，", "你好，"),
        ("好！", "好！"),
        ("はい。", "はい。"),
        ("كيف حالك؟", "كيف حالك؟"),
        ("I see. ", "I see."),
    ],
)
def test_the_first_clause_does_not_wait_for_what_follows(written: str, first: str) -> None:
    assert Segmenter().feed(written) == [first]


@pytest.mark.parametrize(
    "unfinished", ["12345.", "1,", "3.", "e.g.", "Dr.", "https://a.b/c,", "Well", "[a, b", "`a, b"]
)
def test_text_that_may_go_on_is_not_cut(unfinished: str) -> None:
    assert Segmenter().feed(f"I said {unfinished}") == []


@pytest.mark.parametrize("word", ["word ", "слово ", "你", "ひ", "a", "ก", "हि", "👍🏽", "👨‍👩‍👧", "e\u0301"])
def test_the_length_of_a_segment_is_limited(word: str) -> None:
    text = word * (3000 // len(word))
    segments = cut(text)
    assert "".join(segments) == text
    assert max(map(len, segments)) <= 2 * LIMIT + 8


def test_addresses_and_code_are_never_cut() -> None:
    address = "https://example.com/" + "a" * 1000
    assert f" {address}" in cut(f"Look at {address} now. Ok" + " word" * 100)
    code = "```\n" + "x = 1. y, z\n" * 100 + "```"
    assert any(code in segment for segment in cut(f"Look.\n{code}\nThat was it. Ok."))


def test_a_bracket_or_mark_that_is_never_closed_does_not_swallow_the_reply() -> None:
    for opener in ("[", "`", "*a ", "<@", "("):
        segments = cut(f"Look {opener}at this. " + "And that is that. " * 60)
        assert len(segments) > 5, opener


_MARKS = ". , ! ? … ... — : ; - 。 ， ！ 、 ، ؟ । ``` ` * ** [ ]( ) < > @ :// www. |"
_WORDS = "https://a.b 12 3.14 e.g. Dr. Hello there 你好 สวัสดี नमस्ते مرحبا <@123> :smile: 1. #"
_PIECES = ["\n", "\n\n", " ", "\u0301", "\u200d", "\ufe0f", "👍🏽", "\ud83d"]
_TOKENS = st.lists(
    st.one_of(st.sampled_from([*_MARKS.split(" "), *_WORDS.split(" "), *_PIECES]), st.just(" "), st.text(max_size=8)),
    max_size=60,
)


@given(_TOKENS, st.sampled_from([None, "de", "en"]))
def test_nothing_is_lost_and_the_cuts_do_not_depend_on_the_tokens(tokens: list[str], language: str | None) -> None:
    text = "".join(tokens)
    segmenter = Segmenter(language)
    segments = [segment for token in tokens for segment in segmenter.feed(token)]
    segments += segmenter.flush()
    assert "".join(segments) == text
    assert segments == cut(text, language)
    assert all(segments)
    assert segmenter.flush() == []


@pytest.mark.parametrize("piece", ["a", "a ", "`", "[", "*", "1", ".", "你", "https://", "(", "\u0301", "👍"])
def test_the_work_grows_linearly_with_the_text(piece: str) -> None:
    """Ten times the text takes about ten times as long. Quadratic work would take a hundred times as long."""

    def seconds(characters: int) -> float:
        segmenter = Segmenter()
        start = time.process_time()
        segmenter.feed(piece * (characters // len(piece)))
        return time.process_time() - start

    small = min(seconds(3_000) for _ in range(3))
    assert seconds(30_000) < 40 * small + 0.05
