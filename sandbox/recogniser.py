"""A speech recogniser for known English sentences, to check that synthetic speech is intelligible.

PocketSphinx brings its acoustic model in its wheel, so nothing is downloaded. A language model made of the word pairs
of the known sentences makes PocketSphinx accurate enough.
"""

from __future__ import annotations

import difflib
import math
import re
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import soxr
from pocketsphinx import Decoder

from audio.pcm import to_pcm16
from audio.samples import Samples

RATE = 16_000
_BEGIN, _END = "<s>", "</s>"
_PAIR_PROBABILITY = 0.9
"""Probability that two successive words are also successive in a known sentence. The rest is for all other pairs."""


@dataclass(frozen=True, slots=True)
class TextMatch:
    """A known text and its agreement with the recognised words: 0 (no common word) to 1 (every word, in order).

    Speech of a good synthetic voice reaches 0.4 to 1. Another text, or noise, stays below 0.3.
    """

    text: str
    agreement: float


class SentenceRecogniser:
    """Recognises speech that consists of known English sentences.

    Args:
        sentences: the sentences that may be said. Case and punctuation don't matter. Words that the pronouncing
            dictionary lacks are left out, since they can't be recognised.
    """

    def __init__(self, sentences: Iterable[str]) -> None:
        whole = Decoder(samprate=RATE, lm=None, loglevel="FATAL")
        texts = [
            [word for word in dictionary_words(sentence) if whole.lookup_word(word) is not None]
            for sentence in sentences
        ]
        with tempfile.TemporaryDirectory() as folder:
            pairs, words = Path(folder) / "pairs.arpa", Path(folder) / "words.dict"
            pairs.write_text(_language_model(texts))
            # PocketSphinx would need seconds to build a search tree of all its 130,000 words. It can recognise only the
            # words of the language model anyway, so it gets a dictionary of these words.
            words.write_text("".join(_pronunciations(whole, sorted({word for text in texts for word in text}))))
            self._decoder = Decoder(samprate=RATE, lm=str(pairs), dict=str(words), loglevel="FATAL")

    def recognise(self, samples: Samples, rate: int) -> list[str]:
        """The recognised words, lower case. ``samples`` is mono, -1 to 1, at ``rate`` Hz. CPU-bound."""
        sound = soxr.resample(samples, rate, RATE)
        self._decoder.start_utt()
        self._decoder.process_raw(to_pcm16(sound), no_search=False, full_utt=True)
        self._decoder.end_utt()
        best = self._decoder.hyp()
        return best.hypstr.split() if best is not None else []

    def closest(self, samples: Samples, rate: int, texts: Sequence[str]) -> TextMatch:
        """Find the text in ``texts`` that agrees best with the sound. ``texts`` must not be empty. CPU-bound."""
        heard = self.recognise(samples, rate)
        return max(
            (TextMatch(text, _agreement(dictionary_words(text), heard)) for text in texts),
            key=lambda match: match.agreement,
        )


def _agreement(wanted: list[str], heard: list[str]) -> float:
    blocks = difflib.SequenceMatcher(None, wanted, heard, autojunk=False).get_matching_blocks()
    return 2 * sum(block.size for block in blocks) / max(len(wanted) + len(heard), 1)


def dictionary_words(text: str) -> list[str]:
    """The words of an English text in the spelling of the pronouncing dictionary: lower case, no punctuation."""
    return re.findall(r"[a-z]+(?:'[a-z]+)?", text.lower().replace("’", "'"))


def _pronunciations(dictionary: Decoder, words: Iterable[str]) -> Iterator[str]:
    """The dictionary's lines for these words. Further pronunciations of the same word are numbered from 2."""
    for word in words:
        name, number = word, 1
        while (phones := dictionary.lookup_word(name)) is not None:
            yield f"{name} {phones}\n"
            number += 1
            name = f"{word}({number})"


def _language_model(texts: list[list[str]]) -> str:
    """A language model of word pairs with back-off, in the ARPA format."""
    pairs: Counter[tuple[str, str]] = Counter()
    for words in texts:
        pairs.update(pairwise([_BEGIN, *words, _END]))
    follows = Counter(first for first, _ in pairs.elements())
    vocabulary = sorted({word for words in texts for word in words})
    single = math.log10(1 / (len(vocabulary) + 1))
    back_off = math.log10(1 - _PAIR_PROBABILITY)
    lines = ["\\data\\", f"ngram 1={len(vocabulary) + 2}", f"ngram 2={len(pairs)}", "", "\\1-grams:"]
    lines += [f"-99 {_BEGIN} {back_off:.4f}", f"{single:.4f} {_END}"]
    lines += [f"{single:.4f} {word} {back_off:.4f}" for word in vocabulary]
    lines += ["", "\\2-grams:"]
    lines += [
        f"{math.log10(_PAIR_PROBABILITY * count / follows[first]):.4f} {first} {second}"
        for (first, second), count in sorted(pairs.items())
    ]
    return "\n".join([*lines, "", "\\end\\", ""])
