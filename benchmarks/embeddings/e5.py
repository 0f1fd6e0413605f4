"""The embedding model multilingual-e5-small (Wang et al. 2024), computed with numpy.

It is a BERT of twelve layers. The vector of a text is the mean of the vectors of its tokens.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers

from benchmarks.embeddings.e5_file import E5File, Floats, dequantised, read_e5_file
from toys.whisper.encoder import gelu

MAX_TOKENS = 510
"""Longer texts are cut, as by other servers."""


class E5:
    """Makes the vectors of texts. It blocks; calls from two threads at once are fine."""

    def __init__(self, file: Path) -> None:
        self._file = read_e5_file(file)
        self._tokenizer = _tokenizer(self._file)

    def embed(self, text: str) -> Floats:
        """The vector of a text, of length 1. The text begins with "query: " or "passage: "."""
        found = self._tokenizer.encode(text.translate(dict(self._file.characters))).ids[:MAX_TOKENS]
        ids = [self._file.begin, *found, self._file.end]
        mean = self._states(ids).mean(axis=0)
        vector: Floats = mean / np.linalg.norm(mean)
        return vector

    def _states(self, ids: list[int]) -> Floats:
        weights, file = self._file.tensors, self._file
        words = dequantised(file.words[ids]).reshape(len(ids), file.width)
        places = weights["emb.pos"].reshape(-1, file.width)[: len(ids)]
        states = self._normalised(words + places + weights["emb.type"][: file.width], "emb.ln")
        for layer in range(file.layers):
            attended = self._linear(self._attention(states, layer), f"l{layer}.ao")
            states = self._normalised(states + attended, f"l{layer}.aln")
            middle = gelu(self._linear(states, f"l{layer}.fi"))
            states = self._normalised(states + self._linear(middle, f"l{layer}.fo"), f"l{layer}.oln")
        return states

    def _attention(self, states: Floats, layer: int) -> Floats:
        queries, keys, values = (self._in_heads(self._linear(states, f"l{layer}.{name}")) for name in "qkv")
        scores = queries @ keys.transpose(0, 2, 1) / math.sqrt(queries.shape[-1])
        shares = np.exp(scores - scores.max(axis=-1, keepdims=True))
        shares /= shares.sum(axis=-1, keepdims=True)
        attended: Floats = (shares @ values).transpose(1, 0, 2).reshape(states.shape)
        return attended

    def _in_heads(self, vectors: Floats) -> Floats:
        return vectors.reshape(len(vectors), self._file.heads, -1).transpose(1, 0, 2)

    def _linear(self, states: Floats, name: str) -> Floats:
        weights = self._file.tensors
        result: Floats = states @ weights[f"{name}.w"].T + weights[f"{name}.b"]
        return result

    def _normalised(self, states: Floats, name: str) -> Floats:
        centred = states - states.mean(axis=-1, keepdims=True)
        scaled = centred / np.sqrt((centred**2).mean(axis=-1, keepdims=True) + self._file.epsilon)
        result: Floats = scaled * self._file.tensors[f"{name}.w"] + self._file.tensors[f"{name}.b"]
        return result


def _tokenizer(file: E5File) -> Tokenizer:
    tokenizer = Tokenizer(models.Unigram(file.pieces, file.unknown, byte_fallback=False))
    tokenizer.normalizer = normalizers.Replace(Regex(" {2,}"), " ")
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    return tokenizer
