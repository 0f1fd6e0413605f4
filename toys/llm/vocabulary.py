"""The toy model's tokens: bytes, marks, the keywords it listens for and the pieces it speaks in."""

from __future__ import annotations

import re
from dataclasses import dataclass

from toys.llm.phrases import TOY_PHRASES, words_are_spaced

BEGIN = "<|endoftext|>"
END = "<|im_end|>"
USER_TURN = "<|im_start|>user"
# With and without its line feed, because some templates trim it.
REPLY_CUES = ("<|im_start|>assistant\n", "<|im_start|>assistant")
MARKS = (BEGIN, END, USER_TURN, *REPLY_CUES, "<|im_start|>")

_SPACED_OR_SINGLE = re.compile(r"\s*(?:[\u2e80-\uffff]|[^\s\u2e80-\uffff]+)")


@dataclass(frozen=True, slots=True)
class ToyVocabulary:
    """Everything with a token of its own. ``tokens`` are written as the GGUF wants them; their place is their id.

    ``normal`` finds the id of a text in the byte-level alphabet, ``literal`` that of a mark or of a keyword that is
    matched anywhere. ``chains`` holds, for every phrase in the table's order, the ids of the answer's pieces;
    ``keywords`` the ids that each keyword may arrive as.
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
    """Cut each answer into pieces of about a word, none of which occurs twice in all of them.

    The model finds its place in an answer by the piece it said last, so a piece that would repeat takes the next word
    with it (or, at the end of the answer, joins the one before).
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
    """The printable character that stands for each byte in GPT-2's byte-level vocabulary."""
    printable = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    others = (byte for byte in range(256) if byte not in printable)
    stand_ins = {byte: chr(256 + place) for place, byte in enumerate(others)}
    return tuple(stand_ins.get(byte, chr(byte)) for byte in range(256))
