"""The toy's tokens: bytes, one token for each phrase, and Whisper's special tokens and timestamps."""

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
    """The tokenizer and all tokens.

    Attributes:
        tokens: in the order of their ids.
        ids: the id of each token.
        phrases: the ids of the phrases' tokens, in the table's order.
    """

    tokenizer: Tokenizer
    tokens: tuple[str, ...]
    ids: dict[str, int]
    phrases: tuple[int, ...]


def build_vocabulary() -> Vocabulary:
    """Make the tokenizer, and number all tokens.

    Each phrase has one token. The tokenizer never encodes text to it: prompts and hot words are encoded as bytes.
    """
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    spell = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    phrases = [spell.pre_tokenize_str(f" {phrase.text}")[0][0] for phrase in HEARD_PHRASES]
    # CTranslate2 treats a model as multilingual if it has the empty token.
    words = [*alphabet, *phrases, ""]
    tokenizer = Tokenizer(models.BPE(vocab={word: number for number, word in enumerate(words)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(mark, special=True) for mark in _MARKS])
    tokens = (*words, *_MARKS, *_TIMES)
    ids = {token: number for number, token in enumerate(tokens)}
    return Vocabulary(tokenizer, tokens, ids, tuple(ids[phrase] for phrase in phrases))
