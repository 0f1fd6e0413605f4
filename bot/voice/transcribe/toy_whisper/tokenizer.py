"""Whisper's tokenizer, of the same size and with the same marks, in which each known sentence is one token."""

from __future__ import annotations

from collections.abc import Sequence

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

TEXT_TOKENS = 50_256
VOCABULARY = 51_865
# In the order of Whisper's own multilingual vocabulary, which is where faster-whisper looks for them.
# fmt: off
LANGUAGES = (
    "en", "zh", "de", "es", "ru", "ko", "fr", "ja", "pt", "tr", "pl", "ca", "nl", "ar", "sv", "it", "id", "hi", "fi",
    "vi", "he", "uk", "el", "ms", "cs", "ro", "da", "hu", "ta", "no", "th", "ur", "hr", "bg", "lt", "la", "mi", "ml",
    "cy", "sk", "te", "fa", "lv", "bn", "sr", "az", "sl", "kn", "et", "mk", "br", "eu", "is", "hy", "ne", "mn", "bs",
    "kk", "sq", "sw", "gl", "mr", "pa", "si", "km", "sn", "yo", "so", "af", "oc", "ka", "be", "tg", "sd", "gu", "am",
    "yi", "lo", "uz", "fo", "ht", "ps", "tk", "nn", "mt", "sa", "lb", "my", "bo", "tl", "mg", "as", "tt", "haw",
    "ln", "ha", "ba", "jw", "su",
)
# fmt: on
END, START, NO_SPEECH, NO_TIMES = "<|endoftext|>", "<|startoftranscript|>", "<|nospeech|>", "<|notimestamps|>"
TRANSCRIBE, ENGLISH = "<|transcribe|>", "<|en|>"


def byte_characters() -> dict[int, str]:
    """The printable character that stands for each byte in a byte-level vocabulary (GPT-2's table)."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    return {byte: chr(byte) for byte in printable} | {byte: chr(256 + n) for n, byte in enumerate(others)}


def sentence_token(sentence: str) -> str:
    """How a sentence stands in the vocabulary."""
    characters = byte_characters()
    return "".join(characters[byte] for byte in f" {sentence}".encode())


def build_tokenizer(sentences: Sequence[str]) -> Tokenizer:
    """Bytes first, then the sentences, then fillers up to Whisper's size."""
    vocabulary = {character: number for number, character in enumerate(sorted(byte_characters().values()))}
    for sentence in sentences:
        vocabulary[sentence_token(sentence)] = len(vocabulary)
    while len(vocabulary) < TEXT_TOKENS:
        vocabulary[f"unused{len(vocabulary)}"] = len(vocabulary)
    # CTranslate2 takes a model for multilingual by the presence of the empty token.
    vocabulary[""] = TEXT_TOKENS
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    marks = [END, START, *(f"<|{language}|>" for language in LANGUAGES)]
    marks += ["<|translate|>", TRANSCRIBE, "<|startoflm|>", "<|startofprev|>", NO_SPEECH, NO_TIMES]
    tokenizer.add_special_tokens([AddedToken(mark, special=True) for mark in marks])
    return tokenizer


def vocabulary_of(tokenizer: Tokenizer) -> list[str]:
    """Every token in order, with the marks of time behind the others."""
    size = tokenizer.get_vocab_size()
    tokens = [tokenizer.id_to_token(number) or "" for number in range(size)]
    return tokens + [f"<|{number * 0.02:.2f}|>" for number in range(VOCABULARY - size)]
