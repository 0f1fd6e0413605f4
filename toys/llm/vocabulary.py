"""The toy model's tokens: bytes, chat marks, the keywords of questions, and the pieces of answers."""

from __future__ import annotations

import re
from dataclasses import dataclass

from toys.llm.phrases import TOY_PHRASES, words_are_spaced

BEGIN = "<|endoftext|>"
END = "<|im_end|>"
USER_TURN = "<|im_start|>user"
# Some chat templates leave out the line feed at the end.
REPLY_CUES = ("<|im_start|>assistant\n", "<|im_start|>assistant")
MARKS = (BEGIN, END, USER_TURN, *REPLY_CUES, "<|im_start|>")

_SPACED_OR_SINGLE = re.compile(r"\s*(?:[\u2e80-\uffff]|[^\s\u2e80-\uffff]+)")


@dataclass(frozen=True, slots=True)
class ToyVocabulary:
    """All tokens.

    Attributes:
        tokens: the tokens as GGUF stores them. A token's index is its id.
        normal: ids of all tokens that are not in ``literal``, by their text in the byte-level alphabet.
        literal: ids of chat marks, and of keywords in scripts without spaces, by their text. These tokens are found
            anywhere in a text.
        chains: for each phrase of the table, the ids of its answer's pieces in order.
        keywords: for each keyword, the ids of its forms: lower case, Title case and CAPITALS, each with and without a
            space before it. In scripts without spaces, a keyword has only one form.
    """

    tokens: tuple[str, ...]
    normal: dict[str, int]
    literal: dict[str, int]
    chains: tuple[tuple[int, ...], ...]
    keywords: dict[str, tuple[int, ...]]


def collect_vocabulary() -> ToyVocabulary:
    """Collect the tokens that the table of phrases needs."""
    alphabet = _byte_alphabet()
    answers = answer_pieces([phrase.answer for phrase in TOY_PHRASES])
    keywords = sorted({word for phrase in TOY_PHRASES for word in (*phrase.decisive, *phrase.hinting)})
    spaced = [word for word in keywords if words_are_spaced(word)]
    unspaced = [word for word in keywords if not words_are_spaced(word)]

    written = [bytes([byte]) for byte in range(256)]
    written += [form.encode() for word in spaced for form in _forms(word)]
    written += [piece.encode() for pieces in answers for piece in pieces]
    normal = {text: place for place, text in enumerate(dict.fromkeys(_spell(part, alphabet) for part in written))}
    literal = {text: len(normal) + place for place, text in enumerate((*MARKS, *unspaced))}
    return ToyVocabulary(
        tokens=(*normal, *literal),
        normal=normal,
        literal=literal,
        chains=tuple(tuple(normal[_spell(piece.encode(), alphabet)] for piece in pieces) for pieces in answers),
        keywords={
            **{word: tuple(normal[_spell(form.encode(), alphabet)] for form in _forms(word)) for word in spaced},
            **{word: (literal[word],) for word in unspaced},
        },
    )


def answer_pieces(answers: list[str]) -> list[list[str]]:
    """Cut each answer into pieces of about a word. Each piece occurs only once in all the answers.

    The model finds its position in an answer by the last piece alone. Therefore a piece that would occur twice is
    joined with the next word or, at the end of the answer, with the piece before it.
    """
    used: set[str] = set()
    return [_unique_pieces(_SPACED_OR_SINGLE.findall(answer), used) for answer in answers]


def _unique_pieces(words: list[str], used: set[str]) -> list[str]:
    pieces: list[str] = []
    piece = ""
    for word in words:
        piece += word
        if piece not in used:
            pieces.append(piece)
            used.add(piece)
            piece = ""
    while piece:
        piece = pieces.pop() + piece
        if piece not in used:
            pieces.append(piece)
            used.add(piece)
            piece = ""
    return pieces


def _forms(word: str) -> tuple[str, ...]:
    cases = dict.fromkeys((word, word.title(), word.upper()))
    return tuple(space + form for form in cases for space in ("", " "))


def _spell(text: bytes, alphabet: tuple[str, ...]) -> str:
    return "".join(alphabet[byte] for byte in text)


def _byte_alphabet() -> tuple[str, ...]:
    """The printable character for each byte in GPT-2's byte-level vocabulary."""
    printable = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    others = (byte for byte in range(256) if byte not in printable)
    stand_ins = {byte: chr(256 + place) for place, byte in enumerate(others)}
    return tuple(stand_ins.get(byte, chr(byte)) for byte in range(256))
