"""Finds names in transcripts, in similar spellings too, and in scripts without spaces (ねえセイユー今何時)."""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum, auto
from itertools import takewhile

from bot.text import plain_words


class Script(Enum):
    """Scripts in which names often stand without spaces around them. ``OTHER`` stands for all other characters."""

    OTHER = auto()
    HIRAGANA = auto()
    KATAKANA = auto()
    HAN = auto()
    HANGUL = auto()
    SOUTHEAST_ASIAN = auto()


_RANGES = (
    (0x0E00, 0x0EFF, Script.SOUTHEAST_ASIAN),  # Thai, Lao
    (0x1000, 0x109F, Script.SOUTHEAST_ASIAN),  # Burmese
    (0x1780, 0x17FF, Script.SOUTHEAST_ASIAN),  # Khmer
    (0x3005, 0x3007, Script.HAN),
    (0x3041, 0x309F, Script.HIRAGANA),
    (0x30A1, 0x30FA, Script.KATAKANA),
    (0x30FC, 0x30FF, Script.KATAKANA),
    (0x3400, 0x4DBF, Script.HAN),
    (0x4E00, 0x9FFF, Script.HAN),
    (0xAC00, 0xD7A3, Script.HANGUL),
    (0xF900, 0xFAFF, Script.HAN),
    (0x20000, 0x3FFFF, Script.HAN),
)
_DISTINCT_LENGTHS = {Script.HAN: 2, Script.HIRAGANA: 3, Script.HANGUL: 3, Script.SOUTHEAST_ASIAN: 3, Script.KATAKANA: 4}
"""If a name has at least this many characters, other characters of its script may stand directly beside the name.

Beside a name in katakana, they may stand only after it.
"""
# fmt: off
_UNSPACED_CALL_WORDS = (
    "ねえ", "ねぇ", "ねい", "おい", "おうい", "ちょっと", "あの", "あのう", "なあ", "なぁ", "やあ", "はい", "へい",
    "もしもし", "こんにちは", "おはよう", "ありがとう",
    "嘿", "喂", "哎", "诶", "欸", "嗨", "你好", "请问", "請問", "谢谢", "謝謝",
    "야", "저기", "안녕", "헤이", "있잖아", "นี่", "เฮ้", "สวัสดี", "หวัดดี",
)
"""Words that often stand before the name of somebody who is addressed. Japanese words are in hiragana, without ー."""
_HONORIFICS = ("さん", "ちゃん", "くん", "さま", "たん", "君", "様", "先生", "氏", "씨", "님", "군", "양", "야", "아")
_PARTICLES = (
    "이", "가", "는", "은", "를", "을", "도", "의", "와", "과", "랑", "이랑", "하고", "한테", "에게", "이야", "만",
    "로", "봐",
)
"""Korean particles that may follow a name."""
# fmt: on
_VOWELS = {
    vowel: frozenset(row)
    for vowel, row in {
        "あ": "あかさたなはまやらわがざだばぱゃぁ",
        "い": "いきしちにひみりぎじぢびぴぃえけせてねへめれげぜでべぺぇ",
        "う": "うくすつぬふむゆるぐずづぶぷゅぅおこそとのほもよろをごぞどぼぽょぉ",
    }.items()
}
"""For each vowel, the syllables after which the sign for a long vowel (ー) stands for that vowel."""


@dataclass(frozen=True, slots=True)
class NameSpan:
    """Position of a name in a text, as indexes of characters; ``end`` is exclusive."""

    begin: int
    end: int


class UnspacedNames:
    """Finds names that are written in scripts without spaces.

    Args:
        names: names in any script. A name with a character of :attr:`Script.OTHER` is ignored.
    """

    def __init__(self, names: Iterable[str]) -> None:
        hiragana = {_as_hiragana(fold_text(name)).replace(" ", "") for name in names}
        self._names = sorted((name for name in hiragana if name and _is_unspaced(name)), key=len, reverse=True)

    def find(self, text: str) -> Iterator[NameSpan]:
        """Yield the positions of names in a folded text; see :func:`fold_text`."""
        hiragana = _as_hiragana(text)
        for name in self._names:
            at = hiragana.find(name)
            while at >= 0:
                end = at + len(name)
                if _begins_word(text, hiragana, at, len(name)) and _ends_word(text, hiragana, end, len(name)):
                    yield NameSpan(at, end)
                at = hiragana.find(name, at + 1)

    def called_first(self, text: str) -> bool:
        """Whether a folded text begins with a name, or with a word such as ねえ and a name."""
        return any(
            _as_hiragana(text[: span.begin]).strip(" 、,，") in ("", *_UNSPACED_CALL_WORDS) for span in self.find(text)
        )

    def without(self, text: str) -> str:
        """Remove names and their honorifics from the beginning and the end of a folded text."""
        while True:
            text = text.strip()
            for span in self.find(text):
                if span.begin == 0:
                    text = _without_honorific(text[span.end :])
                    break
                if span.end + len(_honorific(text[span.end :])) == len(text):
                    text = text[: span.begin]
                    break
            else:
                return text


def fold_text(text: str) -> str:
    """Fold a text for the search of names: normalize it to Unicode NFKC, and fold the case."""
    return unicodedata.normalize("NFKC", text).casefold()


def separate_scripts(text: str) -> str:
    """Insert spaces where a script without spaces meets another one: "ねえseiyuu今" becomes "ねえ seiyuu 今"."""
    if text.isascii():
        return text
    pieces: list[str] = []
    for before, character in zip(" " + text, text, strict=False):
        unspaced = script_of(before) is not Script.OTHER, script_of(character) is not Script.OTHER
        if before.isalnum() and character.isalnum() and unspaced[0] != unspaced[1]:
            pieces.append(" ")
        pieces.append(character)
    return "".join(pieces)


def script_of(character: str) -> Script:
    """The script of a character."""
    code = ord(character)
    return next((script for first, last, script in _RANGES if first <= code <= last), Script.OTHER)


def _is_unspaced(name: str) -> bool:
    return all(script_of(character) is not Script.OTHER for character in name)


def _as_hiragana(text: str) -> str:
    """Replace katakana by hiragana, and the sign for a long vowel by the vowel. The length stays the same."""
    hiragana: list[str] = []
    for character in text:
        if character == "ー" and hiragana:
            hiragana.append(next((vowel for vowel, row in _VOWELS.items() if hiragana[-1] in row), character))
        elif 0x30A1 <= ord(character) <= 0x30F6:
            hiragana.append(chr(ord(character) - 0x60))
        else:
            hiragana.append(character)
    return "".join(hiragana)


def _begins_word(text: str, hiragana: str, at: int, length: int) -> bool:
    script = script_of(text[at])
    if at == 0 or script_of(text[at - 1]) is not script:
        return True
    if script is Script.SOUTHEAST_ASIAN and unicodedata.combining(text[at]):
        return False
    return (script is not Script.KATAKANA and length >= _DISTINCT_LENGTHS[script]) or hiragana[:at].endswith(
        _UNSPACED_CALL_WORDS
    )


def _ends_word(text: str, hiragana: str, end: int, length: int) -> bool:
    script = script_of(text[end - 1])
    if end == len(text) or script_of(text[end]) is not script:
        return True
    if script is Script.SOUTHEAST_ASIAN and unicodedata.category(text[end]) in ("Mn", "Mc"):
        return False
    return length >= _DISTINCT_LENGTHS[script] or _is_endings(hiragana[end:], script)


def _is_endings(rest: str, script: Script) -> bool:
    """Whether ``rest``, the text after a name, begins with an honorific.

    After a Korean name, the rest of the word must be one or two endings. An ending is an honorific or a particle.
    """
    if script is not Script.HANGUL:
        return rest.startswith(_HONORIFICS)
    endings = (*_HONORIFICS, *_PARTICLES)
    left = "".join(takewhile(lambda character: script_of(character) is Script.HANGUL, rest))
    return any(left == first + second for first in endings for second in ("", *endings))


def _honorific(text: str) -> str:
    return next((honorific for honorific in _HONORIFICS if _as_hiragana(text).startswith(honorific)), "")


def _without_honorific(text: str) -> str:
    return text[len(_honorific(text)) :]


MIN_SIMILARITY = 0.8
"""A word counts as a name if its similarity to the name (:class:`difflib.SequenceMatcher`, 0 to 1) is at least this."""
MIN_SIMILARITY_IN_PARTS = 0.85
"""Several words together ("say you" for "Seiyuu") need this similarity. It is higher, so that "see you" is no name."""
MIN_REMOTE_SIMILARITY = 0.7
"""Words with this similarity sound remotely like a name, as "say you" does like "Seiyuu"."""
CALL_WORDS = frozenset({"hey", "hi", "hello", "okay", "ok", "hallo", "salut", "hola", "привет"})
"""Words that often stand before the name of somebody who is addressed."""
MIN_FUZZY_LENGTH = 5
"""For a name with fewer characters than this, no similar spellings count: too many words are similar to short names."""
_SOUNDS = (("ph", "f"), ("ck", "k"), ("c", "k"), ("y", "i"), ("z", "s"), ("uu", "u"), ("oo", "u"), ("ee", "i"))


class Names:
    """The names of the bot or of people, and the search for them in transcripts.

    Args:
        names: the names as they are written. A name of several words counts only as a whole.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self.update(names)

    def update(self, names: Iterable[str]) -> None:
        """Replace the names."""
        names = tuple(names)
        self._unspaced = UnspacedNames(names)
        written = [words for name in names if (words := plain_words(separate_scripts(fold_text(name))))]
        self._names = [(name, _phonetic(name)) for name in map("".join, written)]
        self._name_lengths = {len(words) for words in written} | {1}
        self._lengths = self._name_lengths | {2}

    def called_in(self, text: str) -> bool:
        """Whether a text contains one of the names."""
        words = plain_words(separate_scripts(fold_text(text)))
        return any(True for _ in self._unspaced.find(fold_text(text))) or any(
            self.is_name(words[at : at + n])
            for n in self._lengths
            for at in range(len(words) - n + 1)
            # "Say you" counts as a name at either end of a text or after a word such as "hey", but not in "they say
            # you won".
            if n in self._name_lengths or at in (0, len(words) - n) or words[at - 1] in CALL_WORDS
        )

    def called_first(self, text: str) -> bool:
        """Whether a text begins with one of the names, or with any one word, such as "hey", and a name."""
        words = plain_words(separate_scripts(fold_text(text)))
        return self._unspaced.called_first(fold_text(text)) or any(
            self.is_name(words[at : at + n]) for at in (0, 1) for n in self._lengths
        )

    def without(self, text: str) -> str:
        """The plain words of a text without names at its beginning and end: "Seiyuu, stop" becomes "stop"."""
        words = plain_words(self._unspaced.without(" ".join(plain_words(separate_scripts(fold_text(text))))))
        for length in sorted(self._lengths, reverse=True):
            if self.is_name(words[:length]):
                words = words[length:]
            if self.is_name(words[len(words) - length :]):
                words = words[: len(words) - length]
        return " ".join(words)

    def misheard_in(self, text: str) -> bool:
        """Whether one word or two sound remotely like a long name, and are not written like it: "see you", "so you".

        This is for recognisers that do not know the names. Most of such words are meant as they are written, and are
        no name.
        """
        words = plain_words(separate_scripts(fold_text(text)))
        spoken = ((*words[at : at + length],) for length in (1, 2) for at in range(len(words) - length + 1))
        return any(
            _similar(_phonetic("".join(heard)), sound, MIN_REMOTE_SIMILARITY)
            for heard in spoken
            for name, sound in self._names
            if len(name) >= MIN_FUZZY_LENGTH and name not in (*heard, "".join(heard)) and heard[0][:1] == name[:1]
        )

    def is_name(self, words: list[str]) -> bool:
        """Whether these words together are one of the names, or sound like one."""
        heard = "".join(words)
        if any(heard == name for name, _ in self._names):
            return bool(words)
        sounds = [sound for name, sound in self._names if len(name) >= MIN_FUZZY_LENGTH and heard[:1] == name[:1]]
        if not sounds:
            return False
        min_similarity = MIN_SIMILARITY if len(words) == 1 else MIN_SIMILARITY_IN_PARTS
        heard_sound = _phonetic(heard)
        return any(_similar(heard_sound, sound, min_similarity) for sound in sounds)


def _similar(heard: str, sound: str, min_similarity: float) -> bool:
    """Whether two words sound alike. Both are phonetic forms."""
    # The lengths alone limit the similarity. This quick check saves time: a call compares hundreds of phrases when it
    # starts.
    length = len(heard) + len(sound)
    if length and 2.0 * min(len(heard), len(sound)) / length < min_similarity:
        return False
    return difflib.SequenceMatcher(None, heard, sound, autojunk=False).ratio() >= min_similarity


def _phonetic(word: str) -> str:
    """A rough phonetic form of a word: without accents, and with the same letters for the same sound."""
    bare = "".join(c for c in unicodedata.normalize("NFKD", word) if not unicodedata.combining(c))
    for written, sound in _SOUNDS:
        bare = bare.replace(written, sound)
    return bare
