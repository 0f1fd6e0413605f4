"""The toy's tokens: bytes, one for each phrase, Whisper's marks and its timestamps."""

from __future__ import annotations

from dataclasses import dataclass

from faster_whisper.tokenizer import _LANGUAGE_CODES
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

from toys.whisper.phrases import HEARD_PHRASES

END = "<|endoftext|>"
BEGIN = "<|startoftranscript|>"
ENGLISH = "<|en|>"
NO_SPEECH = "<|nospeech|>"
NO_TIMES = "<|notimestamps|>"
FIRST_TIME = "<|0.00|>"
LAST_TIME = "<|30.00|>"

LANGUAGES = tuple(f"<|{code}|>" for code in _LANGUAGE_CODES)
_MARKS = (
    *(END, BEGIN),
    *LANGUAGES,
    *("<|translate|>", "<|transcribe|>", "<|startoflm|>", "<|startofprev|>", NO_SPEECH, NO_TIMES),
)
_TIMES = tuple(f"<|{step * 0.02:.2f}|>" for step in range(1501))


@dataclass(frozen=True, slots=True, eq=False)
class Vocabulary:
    """``tokens`` are in the order of their ids, and ``ids`` the way back; ``phrases`` are those of the table."""

    tokenizer: Tokenizer
    tokens: tuple[str, ...]
    ids: dict[str, int]
    phrases: tuple[int, ...]


def build_vocabulary() -> Vocabulary:
    """Make the tokenizer, and number everything.

    A phrase has one token, which nothing is ever encoded to: prompts and hot words are spelled in bytes.
    """
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    spell = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    phrases = [spell.pre_tokenize_str(f" {phrase.text}")[0][0] for phrase in HEARD_PHRASES]
    # CTranslate2 takes a model for a multilingual one if it has the empty token.
    words = [*alphabet, *phrases, ""]
    tokenizer = Tokenizer(models.BPE(vocab={word: number for number, word in enumerate(words)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(mark, special=True) for mark in _MARKS])
    tokens = (*words, *_MARKS, *_TIMES)
    ids = {token: number for number, token in enumerate(tokens)}
    return Vocabulary(tokenizer, tokens, ids, tuple(ids[phrase] for phrase in phrases))
