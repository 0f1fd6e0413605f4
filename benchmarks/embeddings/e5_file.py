"""Reads the file of multilingual-e5-small's weights: sizes, vocabulary, a table of characters, then the weights.

Numbers are little-endian. Matrices are of llama.cpp's type Q4_0: 32 weights share a scale, and each of them is one of
16 multiples of it.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Q4 = np.dtype([("scale", "<f2"), ("nibbles", "u1", 16)])
_BLOCK = 32
MAGIC = b"E5S1"


@dataclass(frozen=True, slots=True)
class E5File:
    """The content of the file.

    Attributes:
        width: size of the vectors.
        pieces: the vocabulary, each piece with its score; ids are places in this list.
        characters: what the tokenizer reads in place of some characters, by their code points.
        words: the vectors of the pieces, still in four bits, a row each.
        tensors: all other weights, by their names.
    """

    width: int
    heads: int
    layers: int
    epsilon: float
    begin: int
    end: int
    unknown: int
    pieces: list[tuple[str, float]]
    characters: Mapping[int, str]
    words: npt.NDArray[np.void]
    tensors: Mapping[str, Floats]


def read_e5_file(path: Path) -> E5File:
    """Read the file. Blocks; the vectors of the words stay on the disk until they are needed."""
    data = np.memmap(path, np.uint8, mode="r")
    cursor = _Cursor(data)
    if bytes(data[:4]) != MAGIC:
        raise ValueError(f"{path} is no file of multilingual-e5-small's weights")
    _, _, width, layers, heads, middle, _, _, _ = cursor.take("<4sI7i")
    epsilon, _ = cursor.take("<fi")
    count, begin, end, _, unknown = cursor.take("<5i")
    (length,) = cursor.take("<Q")
    starts, scores = cursor.array("<u4", count + 1), cursor.array("<f4", count)
    letters = bytes(cursor.array("u1", length))
    pieces = [
        (letters[starts[at] : starts[at + 1]].decode("utf-8", "replace"), float(scores[at])) for at in range(count)
    ]
    characters = {}
    mapped, _ = cursor.take("<iI")
    for _ in range(mapped):
        character, becomes = cursor.take("<IB")
        characters[character] = "".join(chr(each) for each in cursor.array("<u4", becomes))
    quantised, tensors = {}, {}
    (entries,) = cursor.take("<i")
    for _ in range(entries):
        (size,) = cursor.take("<H")
        name = bytes(cursor.array("u1", size)).decode("ascii")
        _, _, offset, stored = cursor.take("<BIQQ")
        raw = data[offset : offset + stored]
        if name.endswith(("q.w", "k.w", "v.w", "ao.w", "fi.w", "fo.w")) or name == "emb.word":
            quantised[name] = raw.view(Q4)
        else:
            tensors[name] = np.array(raw.view("<f4"), np.float32)
    for name, blocks in quantised.items():
        if name != "emb.word":
            tensors[name] = dequantised(blocks).reshape(-1, middle if name.endswith("fo.w") else width)
    words = quantised["emb.word"].reshape(-1, width // _BLOCK)
    return E5File(
        *(width, heads, layers, epsilon, begin, end, unknown, pieces, characters, words, tensors),
    )


def dequantised(blocks: npt.NDArray[np.void]) -> Floats:
    """The weights of an array of blocks, with one dimension more: the 32 weights of a block lie along the last one."""
    low, high = blocks["nibbles"] & 15, blocks["nibbles"] >> 4
    steps = np.concatenate([low, high], axis=-1).astype(np.float32) - 8
    weights: Floats = steps * blocks["scale"].astype(np.float32)[..., None]
    return weights


class _Cursor:
    """Reads one thing after the other."""

    def __init__(self, data: npt.NDArray[np.uint8]) -> None:
        self._data = data
        self._at = 0

    def take(self, form: str) -> tuple[int, ...]:
        size = struct.calcsize(form)
        found = struct.unpack(form, bytes(self._data[self._at : self._at + size]))
        self._at += size
        return found

    def array(self, kind: str, count: int) -> npt.NDArray[np.generic]:
        size = np.dtype(kind).itemsize * count
        found = self._data[self._at : self._at + size].view(kind)
        self._at += size
        return found
